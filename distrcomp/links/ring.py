"""One direction between two nodes of a machine: a ring of records in shared memory.

One node writes, one other reads; nobody else touches the ring. Its memory is an array of 8-byte
words. The first words belong to the reader: how many words it is done with since the beginning
(TAIL), and whether it may read the writer's memory (RIGHTS). Then come the data words.

A record is a header word and what belongs to it. What always holds: the word at which the writer
will put its next header is 0, and was made 0 before the record in front of it could be seen. So the
reader sees a record by one look at one word, and never takes old bytes for a header. The writer
puts a record in this order: the words after the header, 0 in the word after the record, the header.
The reader gives words back by TAIL alone; the writer looks at TAIL only when the room it knows of
is used up. A record lies in one piece: where it does not fit before the end of the ring, WRAP
stands instead and the record begins at word 0.

A header word is, from its top: communicator (17 bits), tag (31), 1 bit unused, codec (4), length
(11). One shift compares communicator and tag. The length is in bytes, for pickles and arrays in
words. The highest communicator is ours: its tags name the records that are no small message.

Memory order. On x86-64 stores become visible in the order of the program, and loads are not done
before earlier loads (Intel SDM vol. 3, 9.2.2; the model is x86-TSO of Owens, Sarkar and Sewell,
2009). So whoever sees a header sees what was stored before it, and whoever sees TAIL may reuse the
words. ARMv8 promises neither. There `fence()` stands at each of these places: a lock that is let go
and taken again, which is a store-release followed by a load-acquire, and those two are never
reordered (Arm ARM B2.3, "barrier-ordered-before"), so everything before is ordered before
everything after. The same pair is the full barrier that falling asleep needs on x86 too (see
`bells`). A word is stored by one instruction: CPython writes an item of a memoryview with one
memcpy of its size, and compilers for 64 bits make that one move; words are aligned.

Tried and refused: a head counter beside TAIL (two cache lines travel for each message instead of
one), and bits in each header that tell laps apart (old payload bytes can look like a header).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from struct import Struct
from typing import Any

from .. import limits
from .. import plain as cython
from ..errors import ProtocolError
from ..frames import Message
from ..segment import LINE_BYTES, MACHINE, STORES_IN_ORDER

if cython.compiled:
    import cython  # type: ignore[no-redef]

WORD_BYTES = 8
CONTROL_WORDS = 8
LINE_WORDS = LINE_BYTES // WORD_BYTES
TAIL, RIGHTS = 0, 1

CODEC_SHIFT, CODEC_MASK = 11, 2**5 - 1
LENGTH_MAX = 2**CODEC_SHIFT - 1
TAG_SHIFT, TAG_MASK = CODEC_SHIFT + CODEC_MASK.bit_length(), limits.TAG_MAX
COMMUNICATOR_SHIFT = TAG_SHIFT + TAG_MASK.bit_length()
OURS = 2 ** (64 - COMMUNICATOR_SHIFT) - 1
WRAP, STREAM, PULL, PROBE, LONG = (
    OURS << COMMUNICATOR_SHIFT | kind << TAG_SHIFT for kind in range(1, 6)
)

STORES_ARE_ORDERED = MACHINE in STORES_IN_ORDER

_held = threading.Lock()
_held.acquire()
_fence_turn = threading.Lock()


def fence() -> None:
    """Everything this thread did in memory before comes before everything it does after."""
    with _fence_turn:
        _held.release()
        _held.acquire()


def words_of(length: int) -> int:
    """How many words hold `length` bytes."""
    return (length + 7) >> 3


def envelope_of(message: Message) -> int:
    """The header of a message, its length left out."""
    return (
        message.communicator << COMMUNICATOR_SHIFT
        | message.tag << TAG_SHIFT
        | message.codec << CODEC_SHIFT
    )


class _ByLength(dict[int, Any]):
    """By length in bytes: what packs or unpacks as many; made when first asked for."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self._make = make

    def __missing__(self, length: int) -> Any:
        if len(self) >= limits.LENGTHS_KEPT_MAX:
            self.clear()
        self[length] = made = self._make(length)
        return made


PUT_INTEGER = Struct("<qQ").pack_into
PUT_BYTES = _ByLength(lambda length: Struct(f"<{length}s{-length % 8}xQ").pack_into)
"""Packs bytes, padding to whole words, and the 0 after them."""
TAKE_BYTES = _ByLength(lambda length: Struct(f"<{length}s").unpack_from)


class RingWriter:
    """The writing end.

    Attributes:
        words, integers, memory: the data as 8-byte words, as signed words and as bytes.
        position: the word at which the next header will stand.
        end: the next record, with the 0 after it, must lie below this word; 0 sends every caller to
            `make_room`.
        reader: the number of the reading node among the nodes of this machine.
        bell: where to look whether it sleeps.
    """

    __slots__ = (
        "_control",
        "_lap",
        "_raw",
        "_size",
        "bell",
        "end",
        "integers",
        "memory",
        "position",
        "reader",
        "words",
    )

    def __init__(self, area: memoryview, reader: int = 0) -> None:
        words = area.cast("Q")
        self._control = words[:CONTROL_WORDS]
        self.words = words[CONTROL_WORDS:]
        self.memory = area[CONTROL_WORDS * WORD_BYTES :]
        self.integers = self.memory.cast("q")
        self._raw = self.words
        self._size = len(self.words)
        self.position = self._lap = 0
        self.end = self._size
        self.reader = reader
        self.bell = reader * LINE_WORDS

    @property
    def record_words_max(self) -> int:
        """The longest record; with this much room free it always fits, wherever the end is."""
        return self._size // 4

    @property
    def written(self) -> int:
        """How many words were ever written; a record is read when `read` has reached this."""
        return self._lap + self.position

    @property
    def read(self) -> int:
        """How many words the reader has given back."""
        return self._control[TAIL]

    @property
    def rights(self) -> int:
        """Whether the reader may read this process's memory: 0 unknown, 1 yes, 2 no."""
        return self._control[RIGHTS]

    def make_room(self, count: int) -> bool:
        """Whether a record of `count` words, header included, can be put now; looks at TAIL."""
        unread = self.written - self._control[TAIL]
        if not STORES_ARE_ORDERED:
            fence()
        position = self.position
        if unread > position:  # the reader is still in the lap before
            self.end = position + self._size - unread
            return position + count < self.end
        self.end = self._size
        if position + count < self._size:
            return True
        begin = position - unread  # where the reader is
        if count >= begin:
            return False
        self.words[0] = 0
        if not STORES_ARE_ORDERED:
            fence()
        self.words[position] = WRAP
        self._lap += self._size
        self.position = 0
        self.end = begin
        return True

    def free_words(self) -> int:
        """How long a record `make_room` would find room for, at least; at most the longest one."""
        unread = self.written - self._control[TAIL]
        position = self.position
        if unread > position:
            room = self._size - unread - 1
        else:
            room = max(self._size - position, position - unread) - 1
        return min(max(room, 0), self.record_words_max)

    def put(self, header: int, payload: Any, count: int, offset: int = 0) -> None:
        """Puts a record for which there is room.

        Args:
            payload: what follows the header, as bytes; the last word may be incomplete.
            count: words of the record, header included.
            offset: bytes between header and payload that the caller has written.
        """
        position, words = self.position, self.words
        begin = (position + 1) * WORD_BYTES + offset
        self.memory[begin : begin + len(payload)] = payload
        words[position + count] = 0
        if not STORES_ARE_ORDERED:
            fence()
        self.position = position + count  # no call between these two: no signal, no other thread
        words[position] = header

    def put_bytes(self, header: int, data: bytes, beyond: int) -> None:
        """Puts a record that ends before word `beyond`; for the compiled copy of `fast_path`."""
        if cython.compiled:
            store_bytes(self, header, data, beyond)  # type: ignore[name-defined]  # noqa: F821
            return
        PUT_BYTES[len(data)](self.memory, self.position + 1 << 3, data, 0)
        self._publish(header, beyond)

    def put_integer(self, header: int, number: int, beyond: int) -> None:
        """The same with a number of 64 bits.

        Raises:
            OverflowError, struct.error: it has more.
        """
        if cython.compiled:
            store_integer(self, header, number, beyond)  # type: ignore[name-defined]  # noqa: F821
            return
        PUT_INTEGER(self.memory, self.position + 1 << 3, number, 0)
        self._publish(header, beyond)

    def _publish(self, header: int, beyond: int) -> None:
        if not STORES_ARE_ORDERED:
            fence()
        position, self.position = self.position, beyond
        self.words[position] = header


class RingReader:
    """The reading end.

    Attributes:
        words, integers, memory: the data as words, as signed words and as bytes.
        position: the word at which the next header will appear.
        publish_at: beyond this position it is time to `publish`.
        writer: the number of the writing node among the nodes of this machine.
        node: the writing node.
    """

    __slots__ = (
        "_control",
        "_lap",
        "_raw",
        "_size",
        "integers",
        "memory",
        "node",
        "position",
        "publish_at",
        "words",
        "writer",
    )

    def __init__(self, area: memoryview, node: int, writer: int = 0) -> None:
        words = area.cast("Q")
        self._control = words[:CONTROL_WORDS]
        self.words = words[CONTROL_WORDS:]
        self.memory = area[CONTROL_WORDS * WORD_BYTES :]
        self.integers = self.memory.cast("q")
        self._raw = self.words
        self._size = len(self.words)
        self.position = self._lap = 0
        self.publish_at = self._size // 4
        self.node = node
        self.writer = writer

    @property
    def size(self) -> int:
        """How many words the ring holds."""
        return self._size

    @property
    def consumed(self) -> int:
        """How many words were ever read."""
        return self._lap + self.position

    def header(self) -> int:
        """The header of the next record, 0 when there is none; the ring's end is passed over.

        Raises:
            ProtocolError: more would have been read than a ring holds.
        """
        if self.position >= self._size:  # fast_path doesn't look where a record ends
            raise ProtocolError("a record longer than its ring")
        header = self.words[self.position]
        if header == WRAP:
            if self.consumed - self._control[TAIL] >= self._size:
                raise ProtocolError("a ring without an end")
            self._lap += self._size
            self.position = 0
            self.publish_at = -1
            header = self.words[0]
        if header and not STORES_ARE_ORDERED:
            fence()
        return header

    def has_record(self) -> bool:
        """Whether `header` would find one, or raise."""
        return self.position >= self._size or bool(self.words[self.position])

    def word(self, index: int) -> int:
        """A word of the record at hand; word 0 is its header."""
        return self.words[self.position + index]

    def payload(self, index: int, length: int) -> memoryview:
        """`length` bytes of the record at hand, from word `index` on.

        Raises:
            ProtocolError: they would reach beyond the ring.
        """
        begin = (self.position + index) * WORD_BYTES
        if begin + length > len(self.memory):
            raise ProtocolError("a record longer than its ring")
        return self.memory[begin : begin + length]

    def skip(self, count: int) -> None:
        """The record at hand, of `count` words, is done with.

        Raises:
            ProtocolError: no header fits behind it.
        """
        if self.position + count >= self._size:
            raise ProtocolError("a record longer than its ring")
        self.position += count

    @property
    def is_due(self) -> bool:
        """Whether much was read since the writer was last told."""
        return self.position > self.publish_at

    def publish(self) -> None:
        """Gives what was read back to the writer."""
        if not STORES_ARE_ORDERED:
            fence()
        self._control[TAIL] = self.consumed
        self.publish_at = self.position + self._size // 4

    def say_rights(self, allowed: bool) -> None:
        """Tells the writer whether its memory can be read from here."""
        self._control[RIGHTS] = 1 if allowed else 2

    def look(self) -> int:
        """The word at `position`: a header, or 0; for the compiled copy of `fast_path`.

        Raises:
            IndexError: that is beyond the ring.
        """
        if cython.compiled:
            return load_header(self)  # type: ignore[name-defined, no-any-return]  # noqa: F821
        return self.words[self.position]

    def take_bytes(self, length: int) -> bytes:
        """What follows the header, as bytes; the record is done with.

        Raises:
            IndexError, struct.error: it would reach beyond the ring.
        """
        if cython.compiled:
            return load_bytes(self, length)  # type: ignore[name-defined, no-any-return]  # noqa: F821
        data: bytes = TAKE_BYTES[length](self.memory, self.position + 1 << 3)[0]
        self.position += length + 15 >> 3
        return data
