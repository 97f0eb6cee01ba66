"""Bytes ↔ frames, with caps; no I/O.

Two kinds of stream, two kinds of frame.

Control connections carry frames of a 4-byte big-endian length and a body. The cap is looked at
before a byte of the body is kept, so a hostile length allocates nothing. A frame of length 0 is a
sign of life; what it means is the channel's affair.

Links between nodes carry messages: a header of 28 bytes (kind, codec, communicator, tag, serial,
number of buffers, bytes of meta), the sizes of the buffers (8 bytes each), the meta, the buffers.
All numbers are little-endian and unsigned. The serial is 0 but for a message whose sender waits to
hear that it was matched; he hears it by a message of codec ACKNOWLEDGEMENT with the same serial.
One of this codec with the tag QUESTION is answered like that as soon as it is read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from . import limits
from .errors import InternalError, ProtocolError

_LENGTH = struct.Struct(">I")


def frame(body: bytes) -> bytes:
    """`body` with its length before it."""
    return _LENGTH.pack(len(body)) + body


class FrameDecoder:
    """Cuts a byte stream into frames.

    Args:
        bytes_max: the longest body allowed, in bytes; may be raised once the peer is known.

    Example:
        >>> decoder = FrameDecoder(100)
        >>> decoder.feed(frame(b"one") + frame(b"two")[:5])
        [b'one']
        >>> decoder.feed(b"wo")
        [b'two']
    """

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self._kept = bytearray()

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """The frames that `data` completes, in order.

        Raises:
            ProtocolError: a length above the cap. The decoder is of no more use.
        """
        self._kept += data
        frames: list[bytes] = []
        start = 0
        while len(self._kept) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._kept, start)
            if length > self.bytes_max:
                raise ProtocolError(f"a frame of {length} bytes; at most {self.bytes_max} may come")
            end = start + _LENGTH.size + length
            if len(self._kept) < end:
                break
            frames.append(bytes(self._kept[start + _LENGTH.size : end]))
            start = end
        del self._kept[:start]
        return frames

    @property
    def pending_bytes(self) -> int:
        """Bytes of a frame not yet whole."""
        return len(self._kept)


# --- messages between nodes --------------------------------------------------------------------

_HEADER = struct.Struct("<BBHIIIIQ")
_SCRATCH_BYTES = 64 * limits.KIB
_DIRECT_BYTES = 16 * limits.KIB

DATA, GOODBYE = 1, 2

ACKNOWLEDGEMENT = 0
"""The codec of a message that is none: it says that the message of this serial was matched."""

QUESTION = 1
"""The tag of one that asks to be told when all that was sent before it has been read."""


class Message(NamedTuple):
    """A message outside the program: its object is still `meta` and `buffers` (see codec).

    Attributes:
        source: the node that sent it, by its id in the world.
        serial: not 0 when its sender waits to hear that it was matched.
    """

    source: int
    tag: int
    communicator: int
    codec: int
    meta: bytes | bytearray
    buffers: list[Any]
    serial: int = 0

    @property
    def payload_bytes(self) -> int:
        """How many bytes its object takes while it travels."""
        if not self.buffers:
            return len(self.meta)
        return len(self.meta) + sum(map(len, self.buffers))


def goodbye() -> bytes:
    """The last frame of a node that ends in order."""
    return _HEADER.pack(GOODBYE, 0, 0, 0, 0, 0, 0, 0)


def message_parts(message: Message) -> list[Any]:
    """What to write for `message`: one small piece, then its buffers, uncopied."""
    _, tag, communicator, codec, meta, buffers, serial = message
    header = _HEADER.pack(DATA, codec, 0, communicator, tag, serial, len(buffers), len(meta))
    if not buffers:
        return [header + meta]
    sizes = [len(buffer) for buffer in buffers]
    table = struct.pack(f"<{len(sizes)}Q", *sizes)
    return [header + table + meta, *(buffer for buffer in buffers if len(buffer))]


class MessageReader:
    """Rebuilds messages from a byte stream, reading large parts straight into their own memory.

    The caller asks `target()` where the next bytes shall lie, reads some there, and says how many
    by `advance()`. Small messages pass through a scratch area; the rest of a large part is read
    into the part itself, so its bytes are copied once, by the kernel. Always one of: between
    messages; inside one, with `_parts` the memory still to fill, in order.

    Args:
        source: the node at the other end.
        lease: makes the memory of a buffer of so many bytes.
    """

    def __init__(self, source: int, lease: Callable[[int], Any]) -> None:
        self._source = source
        self._lease = lease
        self._scratch = memoryview(bytearray(_SCRATCH_BYTES))
        self._start = self._end = 0
        self._header: tuple[int, ...] | None = None
        self._parts: list[Any] = []
        self._part = self._filled = 0
        self._direct = False

    def target(self) -> memoryview:
        """Where to put the next bytes; never empty."""
        if self._header is not None and self._start == self._end:
            part = self._parts[self._part]
            if len(part) - self._filled >= _DIRECT_BYTES:
                self._direct = True
                return memoryview(part)[self._filled :]
        self._direct = False
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == _SCRATCH_BYTES:
            kept = bytes(self._scratch[self._start : self._end])
            self._scratch[: len(kept)] = kept
            self._start, self._end = 0, len(kept)
        return self._scratch[self._end :]

    def advance(self, count: int) -> list[Message | None]:
        """Takes the `count` bytes just put at the target; the messages they complete, in order.

        None stands for the goodbye, after which nothing may follow.

        Raises:
            ProtocolError: the bytes are no message; the reader is of no more use.
        """
        if self._direct:
            self._filled += count
        else:
            self._end += count
        messages: list[Message | None] = []
        while self._header is not None or self._read_header(messages):
            if not self._fill():
                break
            messages.append(self._complete())
        return messages

    def whole(self, count: int) -> Message | None:
        """The message that the `count` bytes just put at the target are, if they are one small one.

        The short way of `advance`, for who has found `between_messages`; None has changed nothing.
        """
        if count < _HEADER.size:
            return None
        header = _HEADER.unpack_from(self._scratch)
        kind, codec, reserved, communicator, tag, serial, n_buffers, meta_bytes = header
        if kind != DATA or reserved or n_buffers or meta_bytes != count - _HEADER.size:
            return None
        meta = bytes(self._scratch[_HEADER.size : count])
        return Message(self._source, tag, communicator, codec, meta, [], serial)

    @property
    def between_messages(self) -> bool:
        """Whether the stream may end here without cutting a message."""
        return self._header is None and self._start == self._end

    def _read_header(self, messages: list[Message | None]) -> bool:
        """Reads the next header, if it is whole; small messages and goodbyes end here."""
        while self._end - self._start >= _HEADER.size:
            start = self._start
            header = _HEADER.unpack_from(self._scratch, start)
            kind, codec, reserved, communicator, tag, serial, n_buffers, meta_bytes = header
            if kind not in (DATA, GOODBYE) or reserved or (kind == GOODBYE and any(header[1:])):
                raise ProtocolError("not a message of a node")
            if n_buffers > limits.BUFFERS_MAX or meta_bytes > limits.MESSAGE_BYTES_MAX:
                raise ProtocolError("a message larger than any node sends")
            end = start + _HEADER.size + meta_bytes
            if kind == GOODBYE:
                messages.append(None)
                self._start += _HEADER.size
            elif not n_buffers and end <= self._end:
                meta = bytes(self._scratch[start + _HEADER.size : end])
                messages.append(Message(self._source, tag, communicator, codec, meta, [], serial))
                self._start = end
            else:
                self._start += _HEADER.size
                self._parts = [bytearray(8 * n_buffers), allot(bytearray, meta_bytes)]
                self._header = header
                self._part = self._filled = 0
                return True
        return False

    def _fill(self) -> bool:
        """Moves scratch bytes to the parts; whether the message is whole."""
        while True:
            part = self._parts[self._part]
            count = min(len(part) - self._filled, self._end - self._start)
            if count:
                memoryview(part)[self._filled : self._filled + count] = self._scratch[
                    self._start : self._start + count
                ]
                self._filled += count
                self._start += count
            if self._filled < len(part):
                return False
            if self._part == 0:
                self._add_buffers(part)
            self._part += 1
            self._filled = 0
            if self._part == len(self._parts):
                return True

    def _add_buffers(self, table: bytearray) -> None:
        sizes = struct.unpack(f"<{len(table) // 8}Q", table)
        if sum(sizes) > limits.MESSAGE_BYTES_MAX:
            raise ProtocolError("a message larger than any node sends")
        self._parts.extend(allot(self._lease, size) for size in sizes)

    def _complete(self) -> Message:
        header, parts = self._header, self._parts
        if header is None:
            raise InternalError("a message was completed that was never begun")
        self._header, self._parts = None, []
        _, codec, _, communicator, tag, serial, _, _ = header
        return Message(self._source, tag, communicator, codec, parts[1], parts[2:], serial)


def allot(make: Callable[[int], Any], size: int) -> Any:
    """Memory for `size` bytes that arrive, of which `make` makes as many as it is told.

    Raises:
        ProtocolError: there is not so much.
    """
    try:
        return make(size)
    except MemoryError as error:
        raise ProtocolError(f"a part of {size} bytes, for which there is no memory here") from error
