"""The reading half of a link inside a machine; see `shm` for the ways that messages take.

What always holds: `_arriving` is the message of the record at hand, as far as it has come, and lies
in memory of its own. One that arrives straight in the memory of a receive is read in one go, or
begun anew later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..codec import ARRAY, PICKLE
from ..errors import ProtocolError
from ..frames import Message, MessageReader
from ..memory import lease
from .array_record import array_at, split_array, take_array
from .base import LinkEnded
from .bells import Bells
from .ring import (
    CODEC_MASK,
    CODEC_SHIFT,
    COMMUNICATOR_SHIFT,
    LENGTH_MAX,
    LONG,
    OURS,
    PROBE,
    PULL,
    STREAM,
    TAG_MASK,
    TAG_SHIFT,
    WORD_BYTES,
    RingReader,
    words_of,
)

_MemoryFor = Callable[[Message, int], Any] | None
TOKEN = b"distrcomp asks: can you read it?"


class ShmInput:
    """What comes on a ring.

    Args:
        reader: the ring.
        bells: how the nodes of this machine wake each other.
        asks: whether the writer may be asked to help with large messages.

    Attributes:
        pulled_bytes: the bytes of all messages that came past the ring.
    """

    def __init__(self, reader: RingReader, bells: Bells, asks: bool) -> None:
        self.at_end = False
        self.memory_for: _MemoryFor = None
        self.reader = reader
        self.pulled_bytes = 0
        self._bells = bells
        self._asks = asks
        self._stream: MessageReader | None = None  # its scratch costs every link of a large machine
        self._arriving: Any = None
        self._heard_goodbye = self._other_ended = False
        self._why = "this end is closed"

    def can_receive(self) -> bool:
        return self.reader.has_record() or self._other_ended or self.at_end

    def receive(self, most: int) -> list[Message]:
        messages: list[Message] = []
        reader = self.reader
        while len(messages) < most and not self.at_end:
            header = reader.header()
            memory_for = None if messages else self.memory_for
            if not header:
                if self._other_ended:
                    is_cut = self._arriving or (self._stream and not self._stream.between_messages)
                    self._end("it ended inside a message" if is_cut else "it has ended")
                break
            if header >> COMMUNICATOR_SHIFT != OURS:
                messages.append(self._take_inline(header, memory_for))
            elif header == LONG:
                messages.append(self._take_long(memory_for))
            elif header == PULL:
                if not self._take_offer(messages):
                    break
            elif header >> TAG_SHIFT == STREAM >> TAG_SHIFT:
                self._take_stream(header, messages)
                if reader.is_due:
                    break  # a quarter of the ring; the writer goes on while others have their turn
            elif header == PROBE:
                self._answer()
            else:
                raise ProtocolError("not a record of a node")
        if reader.is_due:
            self._publish()
        if self.at_end and not messages:
            raise LinkEnded(self._heard_goodbye, self._why)
        return messages

    def _publish(self) -> None:
        self.reader.publish()
        self._bells.wake(self.reader.writer)

    def _take_inline(self, header: int, memory_for: _MemoryFor) -> Message:
        reader, codec = self.reader, header >> CODEC_SHIFT & CODEC_MASK
        length = header & LENGTH_MAX
        meta: Any
        buffers: list[Any] = []
        if codec == ARRAY:
            meta, buffers = self._take_array(header, memory_for)
        elif codec == PICKLE:  # padded with zeros; it ends otherwise itself
            meta = bytes(reader.payload(1, length * WORD_BYTES)).rstrip(b"\0")
            reader.skip(length + 1)
        else:
            meta = bytes(reader.payload(1, length))
            reader.skip(words_of(length) + 1)
        return self._message(header, meta, buffers)

    def _message(self, envelope: int, meta: Any, buffers: list[Any]) -> Message:
        return Message(
            self.reader.node,
            envelope >> TAG_SHIFT & TAG_MASK,
            envelope >> COMMUNICATOR_SHIFT,
            envelope >> CODEC_SHIFT & CODEC_MASK,
            meta,
            buffers,
        )

    def _take_array(self, header: int, memory_for: _MemoryFor) -> tuple[bytes, list[Any]]:
        if memory_for is not None:
            description, content, words = array_at(self.reader)
            memory = memory_for(self._message(header, description, []), content.nbytes)
            if memory is not None:
                memory[:] = content
                self.reader.skip(words)
                return description, [memory]
        return split_array(*take_array(self.reader))

    def _take_long(self, memory_for: _MemoryFor) -> Message:
        """One buffer and nothing else, in one record."""
        reader = self.reader
        head = reader.payload(1, 2 * WORD_BYTES).cast("Q")
        content = reader.payload(3, head[1])
        message = self._message(head[0], b"", [])
        memory = memory_for and memory_for(message, content.nbytes)
        if memory is None:
            memory = lease(content.nbytes)
        memoryview(memory)[:] = content
        message.buffers.append(memory)
        reader.skip(3 + words_of(content.nbytes))
        return message

    def _take_stream(self, header: int, messages: list[Message]) -> None:
        words, padding = header & LENGTH_MAX, header >> CODEC_SHIFT & CODEC_MASK
        if padding >= WORD_BYTES or not words:
            raise ProtocolError("not a record of a node")
        left = self.reader.payload(1, words * WORD_BYTES - padding)
        if self._stream is None:
            self._stream = MessageReader(self.reader.node, lease)
        while left.nbytes:
            target = self._stream.target()
            count = min(left.nbytes, target.nbytes)
            target[:count] = left[:count]
            left = left[count:]
            for message in self._stream.advance(count):
                if self._heard_goodbye:
                    raise ProtocolError("a message after the goodbye")
                if message is None:
                    self._heard_goodbye = True
                    self._end("it has finished")
                else:
                    messages.append(message)
        self.reader.skip(words + 1)

    def _answer(self) -> None:
        """Tries whether this process can read the other's memory, and tells it."""
        from .pull import can_read, let_others_read

        let_others_read()  # and write: the sender may help
        process = self._bells.process(self.reader.writer)
        address = int.from_bytes(self.reader.payload(1, WORD_BYTES), "little")
        self.reader.say_rights(can_read(process, address, TOKEN))
        self.reader.skip(2)

    def _take_offer(self, messages: list[Message]) -> bool:
        """Copies what the record at hand offers, or a part of it; whether the message is whole."""
        if self._other_ended:
            self._end("it has ended before its message was read")
            return False
        is_straight = False
        if self._arriving is None:
            from .offers import Pulling

            process = self._bells.process(self.reader.writer)
            self._arriving = Pulling(self.reader, process, self._asks)
            if not messages and self.memory_for is not None:
                is_straight = self._arriving.place(self.memory_for)
        try:
            while not (is_whole := self._arriving.go_on()) and is_straight:
                pass
        except OSError as error:
            from .pull import refusal

            self._break_off()
            self._end(f"its message could not be read from its memory ({refusal(error)})")
            return False
        except BaseException:  # memory is short: a piece may be missing, so it begins anew
            self._abandon()
            raise
        if is_whole:
            messages.append(self._arriving.message())
            self.pulled_bytes += messages[-1].payload_bytes
            self.reader.skip(self._arriving.words)
            self._asks = self._asks and not self._arriving.is_refused
            self._arriving = None
            self._publish()
        return bool(is_whole)

    def _abandon(self) -> None:
        """Nothing more is read."""
        if self._arriving is not None:
            self._arriving.abandon()
            self._arriving = None

    def _break_off(self) -> None:
        """The other end is gone."""
        self._other_ended = True

    def _end(self, why: str) -> None:
        self.at_end = True
        self._why = why
