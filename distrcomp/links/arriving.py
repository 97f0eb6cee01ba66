"""The record of a message that is read from its sender's memory, and the message while it arrives.

A record's words are: header, envelope, serial, number of parts, a word of the sender's and one of
the receiver's for `offers`, bytes of meta behind the table, three words for `helping`, and the
table: for each part its address, that of its copy, its length, and three words for `helping`.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, unpack
from typing import Any

from .. import limits
from ..errors import ProtocolError
from ..frames import Message, allot
from ..memory import lease
from .ring import (
    CODEC_MASK,
    CODEC_SHIFT,
    COMMUNICATOR_SHIFT,
    TAG_MASK,
    TAG_SHIFT,
    WORD_BYTES,
    RingReader,
    envelope_of,
    words_of,
)

SENDERS_WORD, RECEIVERS_WORD, HELP, TABLE = 4, 5, 7, 10
PART_WORDS = 6
_HEAD = Struct("<6Q24x")
_META_MAX = 512
_META_IS_A_PART = _META_MAX + 1


def parts_of(message: Message) -> tuple[list[Any], bytes | bytearray]:
    """The parts of a message, and the meta that its record holds itself."""
    if len(message.meta) <= _META_MAX:
        return message.buffers, message.meta
    return [message.meta, *message.buffers], b""


def head_of(message: Message, n_parts: int) -> bytes:
    """The words of a record between its header and its table."""
    meta_bytes = min(len(message.meta), _META_IS_A_PART)
    envelope = envelope_of(message)
    return _HEAD.pack(envelope, message.serial, n_parts, 0, 0, meta_bytes)


class Arriving:
    """A message on its way; how it comes is for who inherits.

    Args:
        reader: its ring, the record at hand being the message's.

    Attributes:
        words: how long the record is.
    """

    def __init__(self, reader: RingReader) -> None:
        self._reader = reader
        head = _HEAD.unpack(reader.payload(1, _HEAD.size))
        self._envelope, self._serial, count, _, _, meta_bytes = head
        self._is_meta_a_part = meta_bytes == _META_IS_A_PART
        if (
            count > limits.OFFERED_PARTS_MAX
            or meta_bytes > _META_IS_A_PART
            or self._is_meta_a_part > count
            or self._serial > limits.SERIALS_MAX
        ):
            raise ProtocolError("an offer that no node makes")
        self.words = TABLE + PART_WORDS * count
        self._meta: bytes | None = None
        if not self._is_meta_a_part:
            self._meta = bytes(reader.payload(self.words, meta_bytes))
            self.words += words_of(meta_bytes)
        self._count = count
        table = self._table()
        self._addresses, self._lengths = table[0::PART_WORDS], table[2::PART_WORDS]
        if sum(self._lengths) > limits.MESSAGE_BYTES_MAX:
            raise ProtocolError("a message larger than any node sends")
        self._parts: list[Any] = []
        self._part = self._done = 0

    def go_on(self) -> bool:
        """Copies on, up to a bound; whether all is here.

        Raises:
            OSError: it can't be read any more.
        """
        raise NotImplementedError

    def message(self) -> Message:
        """The message; before all is here without its buffers, and its meta may be missing."""
        meta: Any = self._meta
        buffers = self._parts
        if meta is None:
            meta, buffers = buffers[0] if buffers else b"", buffers[1:]
        envelope = self._envelope
        return Message(
            self._reader.node,
            envelope >> TAG_SHIFT & TAG_MASK,
            envelope >> COMMUNICATOR_SHIFT,
            envelope >> CODEC_SHIFT & CODEC_MASK,
            meta,
            buffers,
            self._serial,
        )

    def place(self, memory_for: Callable[[Message, int], Any]) -> bool:
        """Has the message arrive in memory that is given for it; whether any is.

        Args:
            memory_for: gets the message without its one buffer, and how long that is.
        """
        if self._meta is None or self._count != 1:
            return False
        if self._lengths[0] > limits.STRAIGHT_BYTES_MAX:
            return False
        memory = memory_for(self.message(), self._lengths[0])
        if memory is None:
            return False
        self._parts = [memory]
        return True

    def _allot(self) -> None:
        """Makes the memory in which the parts shall lie, where that is not given."""
        begin = int(self._is_meta_a_part)
        self._parts = [allot(bytearray, length) for length in self._lengths[:begin]]
        self._parts += [allot(lease, length) for length in self._lengths[begin:]]

    def _table(self) -> tuple[int, ...]:
        count = PART_WORDS * self._count
        return unpack(f"<{count}Q", self._reader.payload(TABLE, WORD_BYTES * count))
