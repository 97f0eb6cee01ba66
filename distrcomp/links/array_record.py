"""The record of an array in a ring: how it begins, the codec's meta, the array's memory."""

from __future__ import annotations

from struct import Struct
from typing import Any

from ..errors import ProtocolError
from ..memory import POOLED_BYTES_MIN, lease
from .ring import WORD_BYTES, RingReader, words_of

ARRAY_LENGTHS = Struct("<II")
"""How the record of an array begins: bytes of its meta, bytes of its memory. Both follow."""
ARRAY_ALIGNMENT = 16
"""Its memory begins at a multiple of this many bytes."""
_LOW = 2**32 - 1


def take_array(reader: RingReader) -> tuple[bytes, Any, int]:
    """The array of the record at hand: how it begins, and memory of its own from an offset on."""
    begin = (reader.position + 1) * WORD_BYTES
    lengths = reader.words[reader.position + 1]
    nbytes = lengths >> 32
    middle = -(-(ARRAY_LENGTHS.size + (lengths & _LOW)) // ARRAY_ALIGNMENT) * ARRAY_ALIGNMENT
    record = reader.memory[begin : begin + middle + nbytes]
    if record.nbytes < middle + nbytes:
        raise ProtocolError("an array longer than its ring")
    head = bytes(record[:middle])
    reader.position += 1 + words_of(middle + nbytes)
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
