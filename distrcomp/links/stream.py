"""A link over a stream socket: a Unix pair inside a machine, TCP between machines.

A message is a frame header and the memory of its object, sent from where it lies. What the kernel
has not taken yet is queued (see byte_stream).

What always holds: a link that broke or said goodbye takes nothing more and holds nobody's memory.
An error of the socket while sending is not raised: bytes that the other node sent before its end
may still wait here, so the end is told by `receive`, after them. One call of `flush` or `receive`
moves a bounded number of bytes, so that no link keeps others waiting.

Refused: a copy of each message at once, which would let `send` return sooner and cost a large one
as much as sending it; joining the parts of a message, which `sendmsg` takes as they are.
"""

from __future__ import annotations

import contextlib
import fcntl
import select
import socket
import struct
import sys
from typing import Any

from .. import limits
from ..frames import Message, MessageReader, goodbye, message_parts
from ..memory import lease
from .base import LinkEnded, Pending
from .byte_stream import ByteStream

# sendmsg takes at most 1,024 pieces on Linux (IOV_MAX); fewer keep the call cheap.
_PIECES_MAX = 64
_SIOCOUTQ = 0x5411  # Linux: bytes sent that the other kernel has not acknowledged (tcp(7))


class StreamLink(ByteStream):
    """A Link over a connected stream socket, which the link owns from now on.

    Args:
        connection: the socket.
        node: the node at the other end.
    """

    _would_block: tuple[type[OSError], ...] = (BlockingIOError,)

    def __init__(self, connection: socket.socket, node: int) -> None:
        connection.setblocking(False)
        send_at_once(connection)
        if connection.family != socket.AF_UNIX:
            _notice_silence(connection)
        super().__init__()
        self._socket = connection
        self.node = node
        self._looker = select.poll()
        self._looker.register(connection, select.POLLIN)
        self._reader = MessageReader(node, lease)
        self._broken = ""

    @property
    def is_broken(self) -> bool:
        return bool(self._broken)

    @property
    def connection(self) -> socket.socket:
        return self._socket

    def fileno(self) -> int:
        return self._socket.fileno()

    def post(self, message: Message) -> Pending | None:
        self.carried.add(message.communicator)
        return self._post(message_parts(message))

    def _post(self, parts: list[Any]) -> Pending | None:
        if self._broken or self._said_goodbye:
            return None
        if not self._outgoing and len(parts) == 1 and len(parts[0]) <= limits.READ_BYTES_MAX:
            try:
                count = self._socket.send(parts[0])
            except self._would_block:
                count = 0
            except OSError as error:
                self._break(str(error))
                return None
            self._posted_bytes += count
            if count == len(parts[0]):
                return None
            parts[0] = memoryview(parts[0])[count:]
        self._queue(parts)
        if len(parts) > 1 or len(parts[0]) > limits.READ_BYTES_MAX:
            self.flush()
        return self._pend() if self.queued_bytes else None

    def flush(self) -> bool:
        before = self.queued_bytes
        try:
            while self._outgoing and before - self.queued_bytes < limits.PIECE_BYTES_MAX:
                self._sent(self._write())
        except self._would_block:
            pass
        except OSError as error:
            self._break(str(error))
        self._let_out()
        return self.queued_bytes < before

    def can_receive(self) -> bool:
        return self.at_end or self._has_more() or bool(self._looker.poll(0))

    def receive(self, most: int) -> list[Message]:
        messages: list[Message] = []
        count = 0
        while (count < limits.READ_BYTES_MAX and len(messages) < most) or self._has_more():
            is_between = self._reader.between_messages
            target = self._reader.target()[: limits.READ_BYTES_MAX]
            try:
                got = self._socket.recv_into(target)
            except self._would_block:
                break
            except OSError as error:
                self._break(str(error))
                got = 0
            if not got:
                self.at_end = True
                break
            count += got
            if is_between and not self._heard_goodbye and (message := self._reader.whole(got)):
                messages.append(message)
            else:
                self._take(self._reader.advance(got), messages)
            if got < target.nbytes and not self._has_more():
                break  # that was all; one more look would cost a call and an exception
        if self.at_end and not messages:
            raise LinkEnded(self._heard_goodbye, self._end())
        return messages

    def hang_up(self) -> None:
        """The kernel tells it by the end of the stream."""

    def finish(self) -> None:
        if not self._said_goodbye:
            self._post([goodbye()])
            self._said_goodbye = True

    def is_drained(self) -> bool:
        if self.is_broken:
            return True
        if self.queued_bytes:
            return False
        if self._socket.family == socket.AF_UNIX or sys.platform != "linux":
            return True
        waiting = fcntl.ioctl(self._socket.fileno(), _SIOCOUTQ, b"\0" * 4)
        (unacknowledged,) = struct.unpack("i", waiting)
        return bool(unacknowledged == 0)

    def close(self) -> None:
        self._drop()
        with contextlib.suppress(OSError):
            self._socket.close()

    def _write(self) -> int:
        if len(self._outgoing) == 1:
            return self._socket.send(self._outgoing[0])
        pieces = [self._outgoing[index] for index in range(min(len(self._outgoing), _PIECES_MAX))]
        return self._socket.sendmsg(pieces)

    def _sent(self, count: int) -> None:
        self.queued_bytes -= count
        while count:
            first = self._outgoing[0]
            if count < first.nbytes:
                self._outgoing[0] = first[count:]
                return
            count -= first.nbytes
            self._outgoing.popleft()

    def _has_more(self) -> bool:
        """Whether bytes wait in this process, of which the descriptor says nothing."""
        return False

    def _break(self, why: str) -> None:
        self._broken = self._broken or why or "broken"
        self._drop()

    def _end(self) -> str:
        if self._heard_goodbye:
            return "it has finished"
        if not self._reader.between_messages:
            return "its connection ended inside a message"
        return f"its connection broke ({self._broken})" if self._broken else "its connection closed"


def send_at_once(connection: socket.socket) -> None:
    """What follows another message does not wait until that is acknowledged, for 40 ms mostly."""
    if connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _notice_silence(connection: socket.socket) -> None:
    """Has the kernel break a connection whose other end is cut off, idle or not (tcp(7), F-11)."""
    options = {
        "TCP_KEEPIDLE": limits.LINK_PROBE_AFTER_S,
        "TCP_KEEPINTVL": limits.LINK_PROBE_INTERVAL_S,
        "TCP_KEEPCNT": (limits.LINK_SILENCE_S - limits.LINK_PROBE_AFTER_S)
        // limits.LINK_PROBE_INTERVAL_S,
        "TCP_USER_TIMEOUT": limits.LINK_SILENCE_S * 1000,
    }
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in options.items():
        if hasattr(socket, name):  # not every system has each
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
