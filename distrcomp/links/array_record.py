"""The record of an array in a ring: how it begins, the codec's meta, the array's memory."""

from __future__ import annotations

import sys
from struct import Struct
from typing import Any

from ..arrays import describe, meaning
from ..errors import ProtocolError
from ..memory import lease
from .ring import TAKE_BYTES, RingReader, words_of

ARRAY_LENGTHS = Struct("<II")
"""How the record of an array begins: bytes of its meta, bytes of its memory. Both follow."""
ARRAY_ALIGNMENT = 16
"""Its memory begins at a multiple of this many bytes."""
_LOW = 2**32 - 1
_KEPT_MAX = 1024
SMALL_BYTES_MAX = 2048
"""Up to here one call that copies twice is quicker than several that copy once."""
KNOWN: dict[tuple[Any, tuple[int, ...], tuple[int, ...]], tuple[bytes, int]] = {}
"""By dtype without metadata, shape and strides: how an array's record begins, its bytes."""
_meanings: dict[bytes, tuple[Any, tuple[int, ...], Any, str]] = {}


def take_array(reader: RingReader) -> tuple[bytes, Any, int]:
    """The array of the record at hand: how it begins, and memory of its own from an offset on."""
    position = reader.position
    begin = position + 1 << 3
    end = len(reader.memory)
    lengths = reader.words[position + 1] if begin < end else 0
    nbytes = lengths >> 32
    middle = ARRAY_LENGTHS.size + (lengths & _LOW) + ARRAY_ALIGNMENT - 1 & -ARRAY_ALIGNMENT
    if begin + middle + nbytes > end:
        raise ProtocolError("an array longer than its ring")
    if nbytes <= SMALL_BYTES_MAX:
        (record,) = TAKE_BYTES[middle + nbytes](reader.memory, begin)
        reader.skip(1 + words_of(middle + nbytes))
        return record[:middle], bytearray(record), middle
    head = bytes(reader.memory[begin : begin + middle])
    memory = lease(nbytes)
    memoryview(memory)[:] = reader.memory[begin + middle : begin + middle + nbytes]
    reader.skip(1 + words_of(middle + nbytes))
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
    head = ARRAY_LENGTHS.pack(len(meta), nbytes) + meta
    return head + bytes(-len(head) % ARRAY_ALIGNMENT)


def know_array(array: Any) -> tuple[bytes, int] | None:
    """What KNOWN has of this kind of array; None if its memory can't travel as it lies."""
    meta = describe(array)
    if meta is None:
        return None
    nbytes = array.nbytes
    known = array_head(meta, nbytes), nbytes
    dtype = array.dtype
    if len(KNOWN) < _KEPT_MAX and dtype.names is None and dtype.metadata is None:
        KNOWN[dtype, array.shape, array.strides] = known
    return known


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
