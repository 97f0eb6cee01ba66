"""The record of an array in a ring: how it begins, the codec's meta, the array's memory."""

from __future__ import annotations

import sys
from struct import Struct
from typing import Any

from ..arrays import meaning
from ..errors import ProtocolError
from ..memory import POOLED_BYTES_MIN, lease
from .ring import WORD_BYTES, RingReader, words_of

ARRAY_LENGTHS = Struct("<II")
"""How the record of an array begins: bytes of its meta, bytes of its memory. Both follow."""
ARRAY_ALIGNMENT = 16
"""Its memory begins at a multiple of this many bytes."""
_LOW = 2**32 - 1
_KEPT_MAX = 1024
HEADS: dict[bytes, bytes] = {}
"""By an array's meta, how its record begins."""
_meanings: dict[bytes, tuple[Any, tuple[int, ...], Any, str]] = {}


def take_array(reader: RingReader) -> tuple[bytes, Any, int]:
    """The array of the record at hand: how it begins, and memory of its own from an offset on.

    Raises:
        ProtocolError: it would reach beyond the ring.
    """
    begin = (reader.position + 1) * WORD_BYTES
    try:
        lengths = reader.words[reader.position + 1]
    except IndexError:
        raise ProtocolError("an array longer than its ring") from None
    nbytes = lengths >> 32
    middle = -(-(ARRAY_LENGTHS.size + (lengths & _LOW)) // ARRAY_ALIGNMENT) * ARRAY_ALIGNMENT
    record = reader.memory[begin : begin + middle + nbytes]
    after = reader.position + 1 + words_of(middle + nbytes)
    if after >= len(reader.words):
        raise ProtocolError("an array longer than its ring")
    head = bytes(record[:middle])
    reader.position = after
    if nbytes < POOLED_BYTES_MIN:
        return head, bytearray(record), middle
    memory = lease(nbytes)
    memoryview(memory)[:] = record[middle:]
    return head, memory, 0


def array_meta(head: bytes) -> bytes:
    """The codec's meta of an array from how its record begins."""
    (meta_bytes, _) = ARRAY_LENGTHS.unpack_from(head)
    return head[ARRAY_LENGTHS.size : ARRAY_LENGTHS.size + meta_bytes]


def split_array(head: bytes, memory: Any, begin: int) -> tuple[bytes, list[Any]]:
    """Meta and buffers of the message that an array's record is."""
    return array_meta(head), [bytearray(memoryview(memory)[begin:]) if begin else memory]


def array_head(meta: bytes, nbytes: int) -> bytes:
    """How the record of an array begins, before its memory."""
    head = HEADS.get(meta)
    if head is None:
        head = ARRAY_LENGTHS.pack(len(meta), nbytes) + meta
        head += bytes(-len(head) % ARRAY_ALIGNMENT)
        if len(HEADS) < _KEPT_MAX:
            HEADS[meta] = head
    return head


def rebuild_array(head: bytes, memory: Any, begin: int) -> Any:
    """The array of a record (see take_array); it keeps that memory."""
    known = _meanings.get(head)
    if known is None:
        shape, dtype, order = meaning(array_meta(head))
        known = sys.modules["numpy"].ndarray, shape, dtype, order
        if len(_meanings) < _KEPT_MAX and dtype.names is None:
            _meanings[head] = known
    ndarray, shape, dtype, order = known
    return ndarray(shape, dtype, memory, begin, None, order)
