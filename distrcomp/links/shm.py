"""A link inside a machine: two rings, and for large messages one copy from memory to memory.

Three ways, chosen by what a message is:

- INLINE. A small object is one record: meta and nothing else, or an array's meta and its memory,
  or raw bytes.
  `fast_path` writes and reads the same records without this class.
- STREAM. Whatever else is small, or what PULL cannot take: the bytes that a socket would carry, cut
  into records, and put together by the same reader.
- PULL. The record offers the sender's memory, and the receiver copies from there (see `offers`).

PULL is used once the receiver has said that it can read our memory (`RingWriter.rights`). The first
large message asks it and goes by STREAM.

A node that has ended without goodbye can't be seen here: `hang_up` tells it. What it wrote to the
ring before is still there, what it only offered by PULL is not: its process number may already be
another one's.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from .. import limits
from ..codec import ARRAY, PICKLE, RAW
from ..frames import ACKNOWLEDGEMENT, Message, goodbye, message_parts
from .base import Pending
from .bells import Bells
from .ring import (
    CODEC_SHIFT,
    LENGTH_MAX,
    LONG,
    PROBE,
    STREAM,
    WORD_BYTES,
    RingReader,
    RingWriter,
    envelope_of,
    words_of,
)
from .shm_input import TOKEN, ShmInput

_PULL_BYTES_MIN = 32 * limits.KIB


class _Outgoing:
    """A posted message that did not fit into the ring yet."""

    __slots__ = ("message", "nbytes", "pending", "views")

    def __init__(self, message: Message | None, views: deque[memoryview] | None = None) -> None:
        self.message = message
        self.views = views
        self.nbytes = limits.MESSAGE_OVERHEAD_BYTES
        if message is not None:
            self.nbytes += message.payload_bytes
        self.pending = Pending()

    def own(self) -> None:
        if self.views is not None:
            self.views = deque(
                view if isinstance(view.obj, bytes) else memoryview(bytes(view))
                for view in self.views
            )
        elif self.message is not None:
            copies = [bytes(buffer) for buffer in self.message.buffers]
            self.message = self.message._replace(buffers=copies)
        self.pending.let_out()


class ShmLink(ShmInput):
    """A Link to another node of this machine.

    Args:
        writer, reader: the rings to and from it.
        bells: how the nodes of this machine wake each other.
        helps: whether both ends may copy a message at the same time.

    Attributes:
        offered_bytes: the bytes of all messages that went out past the ring.
    """

    def __init__(
        self, writer: RingWriter, reader: RingReader, bells: Bells, helps: bool = False
    ) -> None:
        super().__init__(reader, bells, helps)
        self.node = reader.node
        self.writer = writer
        self._outgoing: deque[_Outgoing] = deque()
        self._waiting_bytes = 0
        self.offered_bytes = 0
        self._offers: Any = None  # made with the first large message, as is what it needs
        self._has_asked = self._is_closed = self._said_goodbye = False

    @property
    def carried(self) -> None:
        return None

    @property
    def queued_bytes(self) -> int:
        return self._waiting_bytes + (self._offers.queued_bytes if self._offers else 0)

    @property
    def is_broken(self) -> bool:
        return self._other_ended or self._is_closed

    @property
    def connection(self) -> None:
        return None

    def fileno(self) -> None:
        return None

    # --- writing ------------------------------------------------------------------------------

    def post(self, message: Message) -> Pending | None:
        if self._said_goodbye or self.is_broken:
            return None
        if not self._outgoing:
            if self._put_inline(message):
                self._ring()
                return None
            if self._can_offer(message) and (pending := self._offer(message)):
                self._ring()
                return pending
        return self._queue(_Outgoing(message))

    def flush(self) -> bool:
        if self.is_broken:
            return False
        queued, written = self.queued_bytes, self.writer.written
        if self._offers:
            self._offers.retire()
        while self._outgoing and self._place(self._outgoing[0]):
            self._waiting_bytes -= self._outgoing.popleft().nbytes
        if self._outgoing:
            self.writer.end = 0  # nobody may overtake what is queued
        if self.writer.written != written:
            self._ring()
            return True
        return self.queued_bytes != queued

    def own(self) -> None:
        for outgoing in reversed(self._outgoing):
            if outgoing.pending.is_out:
                break  # this and the older ones were copied before
            outgoing.own()
        if self._offers:
            self._offers.retire()
            self._offers.own()

    def hang_up(self) -> None:
        self._break_off()

    def _break_off(self) -> None:
        super()._break_off()
        self._drop()

    def finish(self) -> None:
        if not self._said_goodbye and not self.is_broken:
            self._said_goodbye = True
            self._queue(_Outgoing(None, deque((memoryview(goodbye()),))))

    def is_drained(self) -> bool:
        if self._offers:
            self._offers.retire()
        return not self.queued_bytes

    def close(self) -> None:
        self._is_closed = self.at_end = True
        self._abandon()
        self._drop()

    def _drop(self) -> None:
        self._outgoing.clear()
        self._waiting_bytes = 0
        if self._offers:
            self._offers.clear()
        self.writer.end = 0  # whoever writes comes to `post`

    def _queue(self, outgoing: _Outgoing) -> Pending | None:
        self._outgoing.append(outgoing)
        self._waiting_bytes += outgoing.nbytes
        self.flush()
        return None if outgoing.pending.is_out else outgoing.pending

    def _ring(self) -> None:
        self._bells.wake(self.writer.reader)

    def _place(self, outgoing: _Outgoing) -> bool:
        """Puts the first of the queue into the ring; whether all of it is there."""
        message = outgoing.message
        if outgoing.views is None and message is not None:
            if self._put_inline(message):
                outgoing.pending.let_out()
                return True
            if self._can_offer(message):
                return self._offer(message, outgoing.pending) is not None
            outgoing.views = _views(message)
        if outgoing.views is None or not self._put_stream(outgoing.views):
            return False
        outgoing.pending.let_out()
        return True

    def _put_inline(self, message: Message) -> bool:
        """Puts a message into the ring that is one record there; whether it is and did fit."""
        meta, codec = message.meta, message.codec
        if codec == ARRAY and not message.serial:
            return self._put_array(message)
        if codec == RAW and message.buffers and not message.serial:
            return self._put_long(message)
        words = words_of(len(meta))
        length = words if codec == PICKLE else len(meta)
        if (
            message.buffers
            or message.serial
            or codec == ACKNOWLEDGEMENT
            or length > LENGTH_MAX
            or words >= self.writer.record_words_max
            or not self.writer.make_room(words + 1)
        ):
            return False
        self.writer.put(envelope_of(message) | length, meta, words + 1)
        return True

    def _put_array(self, message: Message) -> bool:
        (memory,) = message.buffers
        description = message.meta
        count = 1 + words_of(len(description) + len(memory))
        if count >= self.writer.record_words_max or not self.writer.make_room(count):
            return False
        begin = (self.writer.position + 1) * WORD_BYTES
        self.writer.memory[begin : begin + len(description)] = description
        self.writer.put(envelope_of(message), memory, count, len(description))
        return True

    def _put_long(self, message: Message) -> bool:
        """Puts one buffer and nothing else into the ring."""
        (memory,) = message.buffers
        writer, count = self.writer, 3 + words_of(len(memory))
        if count >= writer.record_words_max or not writer.make_room(count):
            return False
        position = writer.position
        writer.words[position + 1] = envelope_of(message)
        writer.words[position + 2] = len(memory)
        writer.put(LONG, memory, count, 2 * WORD_BYTES)
        return True

    def _put_stream(self, views: deque[memoryview]) -> bool:
        """Cuts as much into records as there is room for; whether that was all."""
        writer = self.writer
        while views:
            view = views[0]
            words = min(words_of(view.nbytes), writer.free_words() - 1, LENGTH_MAX)
            if words < 1 or not writer.make_room(words + 1):
                return False
            piece = view[: words * WORD_BYTES]
            padding = words * WORD_BYTES - piece.nbytes
            writer.put(STREAM | padding << CODEC_SHIFT | words, piece, words + 1)
            if piece.nbytes < view.nbytes:
                views[0] = view[piece.nbytes :]
            else:
                views.popleft()
        return True

    def _can_offer(self, message: Message) -> bool:
        """Whether the receiver shall copy this message from our memory; asks it when unknown."""
        n_parts = len(message.buffers) + 1  # the meta may be one
        if message.payload_bytes < _PULL_BYTES_MIN or n_parts > limits.OFFERED_PARTS_MAX:
            return False
        if not self._has_asked and self.writer.make_room(2):
            from .pull import address_of, let_others_read

            let_others_read()
            self._has_asked = True
            self.writer.put(PROBE, address_of(TOKEN).to_bytes(WORD_BYTES, "little"), 2)
        return self.writer.rights == 1

    def _offer(self, message: Message, pending: Pending | None = None) -> Pending | None:
        if self._offers is None:
            from .offers import Offers

            self._offers = Offers(self.writer)
        offered: Pending | None = self._offers.put(message, pending)
        if offered is not None:
            self.offered_bytes += message.payload_bytes
        return offered

    def is_begun(self) -> bool:
        """Whether the receiver has begun to copy what was posted last from our memory."""
        return bool(self._offers) and self._offers.is_begun()

    def is_asked(self) -> bool:
        """Whether the receiver would have help with what was posted last."""
        return bool(self._offers) and bool(self._offers.is_asked())

    def help(self) -> None:
        """Helps it, for some milliseconds at most."""
        if self._offers and not self.is_broken:
            self._offers.help(self._bells.process(self.writer.reader))


def _views(message: Message) -> deque[memoryview]:
    """What a stream carries for `message`; the parts of a small one in one piece."""
    parts = message_parts(message)
    if message.payload_bytes < _PULL_BYTES_MIN:
        parts = [b"".join(parts)]
    return deque(memoryview(part) for part in parts)
