"""The record of an array in a ring: its description (see `arrays`) and its memory.

The first word of the description holds both lengths, so the reader knows after one look how long
the record is, and the memory follows at once, aligned for every kind of number. The writer's half
stands in `array_path`, which puts a whole record or none.

What always holds: lengths come from the other process, so they are compared with the ring's end
before anything is read or allocated by them. Nothing that is returned points into the ring: its
room goes back to the writer with the record. A small record is taken by one call, and its array
then lies behind the description in the same memory; a large one goes straight into memory that is
recycled.

Refused: arrays that stay in the ring until the program drops them. One that is kept for good would
stop the ring, and with it every message behind.
"""

from __future__ import annotations

from typing import Any

from ..arrays import LENGTH_BITS
from ..errors import ProtocolError
from ..memory import lease
from .ring import TAKE_BYTES, WORD_BYTES, RingReader, words_of

_LOW = 2**LENGTH_BITS - 1
SMALL_BYTES_MAX = 2048
"""Up to here one call that copies twice is quicker than several that copy once."""


def take_array(reader: RingReader) -> tuple[bytes, Any, int]:
    """The array of the record at hand: its description, and memory of its own from an offset on."""
    position = reader.position
    begin = position + 1 << 3
    end = len(reader.memory)
    lengths = reader.words[position + 1] if begin < end else 0
    nbytes = lengths >> LENGTH_BITS
    middle = lengths & _LOW
    beyond = begin + middle + nbytes + WORD_BYTES - 1 >> 3
    if middle < WORD_BYTES or beyond << 3 >= end:  # behind it stands a header
        raise ProtocolError("an array longer than its ring")
    if nbytes <= SMALL_BYTES_MAX:
        (record,) = TAKE_BYTES[middle + nbytes](reader.memory, begin)
        reader.position = beyond
        return record[:middle], bytearray(record), middle
    description = bytes(reader.memory[begin : begin + middle])
    memory = lease(nbytes)
    memoryview(memory)[:] = reader.memory[begin + middle : begin + middle + nbytes]
    reader.position = beyond
    return description, memory, 0


def array_at(reader: RingReader) -> tuple[bytes, memoryview, int]:
    """The array of the record at hand as it lies in the ring: description, memory, and how many
    words the record takes."""
    lengths = reader.payload(1, WORD_BYTES).cast("Q")[0]
    nbytes, middle = lengths >> LENGTH_BITS, lengths & _LOW
    record = reader.payload(1, middle + nbytes)
    if middle < WORD_BYTES:
        raise ProtocolError("an array without a description")
    return bytes(record[:middle]), record[middle:], 1 + words_of(middle + nbytes)


def split_array(description: bytes, memory: Any, begin: int) -> tuple[bytes, list[Any]]:
    """Meta and buffers of the message that an array's record is."""
    return description, [bytearray(memoryview(memory)[begin:]) if begin else memory]
