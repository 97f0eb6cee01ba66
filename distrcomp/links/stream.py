"""A link over a stream socket: a Unix pair inside a machine, TCP between machines."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any

from .. import limits
from ..errors import ProtocolError
from ..frames import MessageReader, WireMessage, goodbye
from .base import LinkEnded

# sendmsg takes at most 1,024 pieces on Linux (IOV_MAX); fewer keep the call cheap.
_PIECES_MAX = 64
_SIOCOUTQ = 0x5411  # Linux: bytes sent that the other kernel has not acknowledged (tcp(7))


class StreamLink:
    """A Link over a connected stream socket, which the link owns from now on.

    Args:
        connection: the socket.
    """

    _would_block: tuple[type[OSError], ...] = (BlockingIOError,)

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _notice_silence(connection)
        self.queued_bytes = 0
        self._socket = connection
        self._reader = MessageReader()
        self._outgoing: deque[memoryview] = deque()
        self.at_end = False
        self._said_goodbye = False
        self._heard_goodbye = False
        self._broken = ""

    @property
    def is_broken(self) -> bool:
        return bool(self._broken)

    def fileno(self) -> int:
        return self._socket.fileno()

    def post(self, parts: Sequence[Any]) -> None:
        for part in parts:
            view = memoryview(part).cast("B")
            if view.nbytes:
                self._outgoing.append(view)
                self.queued_bytes += view.nbytes
        self.flush()

    def flush(self) -> bool:
        before = self.queued_bytes
        try:
            while self._outgoing:
                self._sent(self._write())
        except self._would_block:
            pass
        except OSError as error:
            self._break(str(error))
        return self.queued_bytes < before

    def own(self) -> None:
        self._outgoing = deque(
            view if isinstance(view.obj, bytes) else memoryview(bytes(view))  # bytes never change
            for view in self._outgoing
        )

    def receive(self) -> list[WireMessage]:
        messages: list[WireMessage] = []
        count = 0
        while count < limits.READ_BYTES_MAX or self._has_more():
            target = self._reader.target()
            try:
                got = self._socket.recv_into(target[: limits.READ_BYTES_MAX])
            except self._would_block:
                break
            except OSError as error:
                self._break(str(error))
                got = 0
            if not got:
                self.at_end = True
                break
            count += got
            for message in self._reader.advance(got):
                if self._heard_goodbye:
                    raise ProtocolError("a message after the goodbye")
                if message is None:
                    self._heard_goodbye = self.at_end = True
                else:
                    messages.append(message)
        if self.at_end and not messages:
            raise LinkEnded(self._heard_goodbye, self._end())
        return messages

    def finish(self) -> None:
        if not self._said_goodbye:
            self._said_goodbye = True
            self.post([goodbye()])

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
        self._outgoing.clear()
        self.queued_bytes = 0
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
        self._outgoing.clear()
        self.queued_bytes = 0

    def _end(self) -> str:
        if self._heard_goodbye:
            return "it has finished"
        if not self._reader.between_messages:
            return "its connection ended inside a message"
        return f"its connection broke ({self._broken})" if self._broken else "its connection closed"


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
