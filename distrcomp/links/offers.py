"""Large messages inside a machine: offered by the sender, copied by the receiver from its memory.

The record of an offer tells where the parts of the message lie in the sender's memory. The sender's
objects must stay as they are until the record is read. A sender that does not want to wait makes a
copy and says so in the record: it writes the new addresses, then MOVED, a fence, and looks at the
reader's word. The receiver reads in pieces. Before each it writes NOW, a fence, and looks at the
sender's word; after each but the last it writes BETWEEN. One of the two fences comes first
(Dekker's argument): either the receiver sees MOVED and reads this piece from the copy, or the
sender sees NOW and asks again later, for a piece takes some milliseconds. What was read before from
the original is the same as in the copy, for the sender let nobody change it meanwhile.

A sender that closes its link while the receiver lives writes WITHDRAWN and then lets go of the
memory. The receiver looks once more when it has copied all: without WITHDRAWN there, it has copied
before anything was let go.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from struct import Struct, pack, unpack
from typing import Any

from .. import limits
from ..errors import ProtocolError
from ..frames import Message, allot
from ..memory import lease
from .base import Pending
from .pull import address_of, read_memory
from .ring import (
    CODEC_MASK,
    CODEC_SHIFT,
    COMMUNICATOR_SHIFT,
    PULL,
    STORES_ARE_ORDERED,
    TAG_MASK,
    TAG_SHIFT,
    WORD_BYTES,
    RingReader,
    RingWriter,
    envelope_of,
    fence,
    words_of,
)

# The record: header, envelope, serial, number of parts, the sender's word, the reader's word, bytes
# of meta that follow the table, and the table: address, address of its copy, length of each part.
_ENVELOPE, _SERIAL, _PARTS, _MOVED, _READING, _META, _TABLE = range(1, 8)
_HEAD = Struct("<6Q")
_IS_MOVED, _IS_WITHDRAWN = 1, 2
_NOW, _BETWEEN = 1, 2
_META_MAX = 512
_META_IS_A_PART = _META_MAX + 1


class _PendingUntilRead(Pending):
    """Over, too, once the reader has reached a place in the ring: that is seen at once."""

    __slots__ = ("_end", "_writer")

    def __init__(self, writer: RingWriter, end: int) -> None:
        super().__init__()
        self._writer = writer
        self._end = end

    @property
    def is_out(self) -> bool:
        return self._is_out or self._writer.read >= self._end


class _Offer:
    """A message that the receiver reads from our memory; `parts` keeps that memory alive."""

    __slots__ = ("end", "is_copied", "nbytes", "parts", "pending", "position")

    def __init__(
        self, parts: list[Any], nbytes: int, position: int, end: int, pending: Pending
    ) -> None:
        self.parts = parts
        self.nbytes = nbytes
        self.position = position
        self.end = end  # what `RingWriter.read` reaches when the record is read
        self.is_copied = False
        self.pending = pending


class Offers:
    """The messages that the reader of a ring may copy from our memory, oldest first.

    Args:
        writer: the ring in which their records stand.
    """

    def __init__(self, writer: RingWriter) -> None:
        self.queued_bytes = 0
        self._writer = writer
        self._process = os.getpid()
        self._offers: deque[_Offer] = deque()

    def __bool__(self) -> bool:
        return bool(self._offers)

    def put(self, message: Message, pending: Pending | None = None) -> Pending | None:
        """Offers a message; None if there is no room for its record.

        Args:
            pending: what its sender has of it already.
        """
        meta = message.meta
        parts = list(message.buffers)
        meta_bytes = len(meta)
        if meta_bytes > _META_MAX:
            parts.insert(0, meta)
            meta, meta_bytes = b"", _META_IS_A_PART
        table = [word for part in parts for word in (address_of(part), 0, len(part))]
        count = _TABLE + len(table) + words_of(len(meta))
        writer = self._writer
        if not writer.make_room(count):
            return None
        head = _HEAD.pack(envelope_of(message), message.serial, len(parts), 0, 0, meta_bytes)
        payload = b"".join((head, pack(f"<{len(table)}Q", *table), meta))
        end = writer.written + count
        pending = pending or _PendingUntilRead(writer, end)
        offer = _Offer(parts, message.payload_bytes, writer.position, end, pending)
        self._offers.append(offer)  # first: once the record is seen the parts must live
        self.queued_bytes += offer.nbytes
        try:
            writer.put(PULL, payload, count)
        except BaseException:
            if writer.written != end:
                self._offers.pop()
                self.queued_bytes -= offer.nbytes
            raise
        return pending

    def retire(self) -> None:
        """Lets go of those that were read."""
        read = self._writer.read
        while self._offers and self._offers[0].end <= read:
            offer = self._offers.popleft()
            offer.pending.let_out()
            self.queued_bytes -= offer.nbytes

    def is_begun(self) -> bool:
        """Whether the reader has begun with the newest; for who knows that it is not done.

        A look that anybody may take.
        """
        try:
            return bool(self._writer.words[self._offers[-1].position + _READING])
        except IndexError:  # another thread has just seen that it is done
            return False

    def own(self) -> None:
        """Has the reader copy copies, so that the sender may change its objects.

        What is being read just now stays pending: to be asked again.
        """
        for offer in self._offers:
            if not offer.pending.is_out:
                self._move(offer)

    def clear(self) -> None:
        """Takes back what is not read yet. A forked child only forgets: it has offered nothing."""
        if self._process == os.getpid():
            self.retire()
            for offer in self._offers:
                self._writer.words[offer.position + _MOVED] = _IS_WITHDRAWN
            fence()
        self._offers.clear()
        self.queued_bytes = 0

    def _move(self, offer: _Offer) -> None:
        """Has the receiver read what is left from a copy, unless it is reading just now."""
        words, position = self._writer.words, offer.position
        if not offer.is_copied:
            if words[position + _READING] == _NOW:
                return
            copies = [bytes(part) for part in offer.parts]
            for index, copy in enumerate(copies):
                words[position + _TABLE + 3 * index + 1] = address_of(copy)
            offer.parts = [offer.parts, copies]  # whichever it reads
            offer.is_copied = True
            fence()
            words[position + _MOVED] = _IS_MOVED
            fence()
        if words[position + _READING] != _NOW:
            offer.parts = offer.parts[1]
            offer.pending.let_out()


class Pulling:
    """A message on its way from the other process's memory to ours.

    Args:
        reader: its ring, the record at hand being the offer.
        process: the process that offers.
    """

    def __init__(self, reader: RingReader, process: int) -> None:
        self._process = process
        self._reader = reader
        head = _HEAD.unpack(reader.payload(1, _HEAD.size))
        self._envelope, self._serial, count, _, _, meta_bytes = head
        is_meta_a_part = meta_bytes == _META_IS_A_PART
        if (
            count > limits.OFFERED_PARTS_MAX
            or meta_bytes > _META_IS_A_PART
            or is_meta_a_part > count
            or self._serial > limits.SERIALS_MAX
        ):
            raise ProtocolError("an offer that no node makes")
        self.words = _TABLE + 3 * count
        self._meta: bytes | None = None
        meta = reader.payload(self.words, 0 if is_meta_a_part else meta_bytes)
        if not is_meta_a_part:
            self._meta = bytes(meta)
            self.words += words_of(meta_bytes)
        self._count = count
        self._is_moved = False
        table = self._table()
        self._addresses, lengths = table[0::3], table[2::3]
        if sum(lengths) > limits.MESSAGE_BYTES_MAX:
            raise ProtocolError("a message larger than any node sends")
        begin = int(is_meta_a_part)
        self._parts = [allot(bytearray, length) for length in lengths[:begin]]
        self._parts += [allot(lease, length) for length in lengths[begin:]]
        self._part = self._done = 0

    def go_on(self) -> bool:
        """Copies on, up to a bound; whether all is here.

        Raises:
            OSError: the process is gone, or has withdrawn its offer.
        """
        reader = self._reader
        reader.words[reader.position + _READING] = _NOW
        fence()
        if not self._is_moved and reader.word(_MOVED):
            if not STORES_ARE_ORDERED:
                fence()
            self._is_moved = True
            self._addresses = self._table()[1::3]
        left = limits.PIECE_BYTES_MAX
        pieces: list[tuple[int, Any]] = []
        while self._part < len(self._parts) and left:
            target: Any = self._parts[self._part]
            address = self._addresses[self._part]
            if self._done or len(target) > left:
                address += self._done
                target = memoryview(target)[self._done : self._done + left]
            pieces.append((address, target))
            left -= len(target)
            self._done += len(target)
            if self._done == len(self._parts[self._part]):
                self._part += 1
                self._done = 0
        read_memory(self._process, pieces)
        if not STORES_ARE_ORDERED:
            fence()
        if self._part < len(self._parts):
            reader.words[reader.position + _READING] = _BETWEEN
            return False
        if reader.word(_MOVED) == _IS_WITHDRAWN:
            raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
        return True

    def _table(self) -> tuple[int, ...]:
        """Address, address of the copy, and length of each part."""
        count = 3 * self._count
        return unpack(f"<{count}Q", self._reader.payload(_TABLE, WORD_BYTES * count))

    def message(self) -> Message:
        meta: Any = self._meta
        buffers = self._parts
        if meta is None:
            meta, buffers = buffers[0], buffers[1:]
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
