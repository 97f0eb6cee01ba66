"""Large messages inside a machine: offered by the sender, copied by the receiver from its memory.

The record of an offer (see `arriving`) tells where the parts of the message lie in the sender's
memory. The sender's
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
from struct import pack
from typing import Any

from .. import limits
from ..frames import Message
from .arriving import (
    PART_WORDS,
    RECEIVERS_WORD,
    SENDERS_WORD,
    TABLE,
    Arriving,
    head_of,
    parts_of,
)
from .base import Pending
from .helping import Asking, help_reader, is_asked
from .pull import address_of, read_memory
from .ring import PULL, STORES_ARE_ORDERED, RingReader, RingWriter, fence, words_of

_MOVED, _READING = SENDERS_WORD, RECEIVERS_WORD
_IS_MOVED, _IS_WITHDRAWN = 1, 2
_NOW, _BETWEEN = 1, 2


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
        parts, meta = parts_of(message)
        table = [word for part in parts for word in (address_of(part), 0, len(part), 0, 0, 0)]
        count = TABLE + len(table) + words_of(len(meta))
        writer = self._writer
        if not writer.make_room(count):
            return None
        table_bytes = pack(f"<{len(table)}Q", *table)
        payload = b"".join((head_of(message, len(parts)), table_bytes, meta))
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

    def is_asked(self) -> bool:
        """Whether the reader of the newest asks for help with it; a look that anybody may take."""
        try:
            return is_asked(self._writer, self._offers[-1].position)
        except IndexError:  # another thread has just seen that it is done
            return False

    def help(self, process: int) -> None:
        """Helps the reader, which is this process, with the newest."""
        if self._offers and not self._offers[-1].pending.is_out:
            offer = self._offers[-1]
            help_reader(self._writer, offer.position, len(offer.parts), process)

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
                words[position + TABLE + PART_WORDS * index + 1] = address_of(copy)
            offer.parts = [offer.parts, copies]  # whichever it reads
            offer.is_copied = True
            fence()
            words[position + _MOVED] = _IS_MOVED
            fence()
        if words[position + _READING] != _NOW:
            offer.parts = offer.parts[1]
            offer.pending.let_out()


class Pulling(Arriving):
    """A message on its way from the other process's memory to ours.

    Args:
        reader: its ring, the record at hand being the offer.
        process: the process that offers.
        asks: whether it may be asked to copy a part of it (see `helping`).
    """

    def __init__(self, reader: RingReader, process: int, asks: bool = False) -> None:
        super().__init__(reader)
        self._process = process
        self._is_moved = False
        self._help = Asking(reader) if asks else None

    def go_on(self) -> bool:
        """Copies on, up to a bound; whether all is here.

        Raises:
            OSError: the process is gone, or has withdrawn its offer.
        """
        reader = self._reader
        help_ = self._help
        if help_ is None or not help_.is_awaited:
            if not self._parts:
                self._allot()
            reader.words[reader.position + _READING] = _NOW
            fence()
            if not self._is_moved and reader.word(_MOVED):
                if not STORES_ARE_ORDERED:
                    fence()
                self._is_moved = True
                self._addresses = self._table()[1::PART_WORDS]
            pieces = self._next_pieces()
            if help_ is not None and not self._is_moved:
                pieces = help_.ask(pieces)
            read_memory(self._process, pieces)
        if help_ is not None:
            rest = help_.rest()
            if rest is None:
                # It tells whether the sender still is; for memory that is gone nobody writes.
                read_memory(self._process, [(self._addresses[0], bytearray(1))])
                return False
            if rest:
                read_memory(self._process, rest)
        if not STORES_ARE_ORDERED:
            fence()
        if self._part < len(self._parts):
            reader.words[reader.position + _READING] = _BETWEEN
            return False
        if reader.word(_MOVED) == _IS_WITHDRAWN:
            raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
        return True

    @property
    def is_refused(self) -> bool:
        """Whether the sender was asked for help and may not give any."""
        return self._help is not None and self._help.is_refused

    @property
    def is_awaited(self) -> bool:
        """Whether the sender may be writing into the memory of this message."""
        return self._help is not None and self._help.is_awaited

    def abandon(self) -> None:
        """The message is of no use any more."""
        if self._help is not None:
            self._help.abandon()

    def _next_pieces(self) -> list[tuple[int, Any]]:
        """What to read next: addresses there, and memory here."""
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
        return pieces
