"""The agent's end of a node's control socket."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import deque
from typing import Any

from distrcomp.frames import frame
from distrcomp.notices import TO_NODE

from .. import limits


def packed(*notices: Any) -> bytes:
    """Notices as a node takes them."""
    return b"".join(frame(TO_NODE.pack(each)) for each in notices)


class ControlSocket:
    """The agent's end of a node's control socket: nothing here ever blocks.

    Attributes:
        waiting_bytes, n_links_waiting: what the node has not taken yet.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.waiting_bytes = 0
        self.n_links_waiting = 0
        self._socket = connection
        self._outgoing: deque[tuple[bytes, socket.socket | None]] = deque()
        self._loop = asyncio.get_running_loop()

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> bytes:
        return self._socket.recv(limits.OUTPUT_PART_BYTES)

    def send(self, data: bytes, connection: socket.socket | None = None) -> None:
        """Sends packed notices, and with the last of them a socket."""
        self._outgoing.append((data, connection))
        self.waiting_bytes += len(data)
        self.n_links_waiting += connection is not None
        if len(self._outgoing) == 1:
            self._write()

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_writer(self._socket.fileno())
            self._socket.close()
        self.drop()

    def drop(self) -> None:
        """Gives up what the node has not taken."""
        while self._outgoing:
            self._taken(len(self._outgoing[0][0]))

    def _taken(self, count: int) -> None:
        """The node has so many bytes of the first notice, or shall not have it any more."""
        data, connection = self._outgoing.popleft()
        self.waiting_bytes -= count
        if connection is not None:
            self.n_links_waiting -= 1
            connection.close()
        if count < len(data):
            self._outgoing.appendleft((data[count:], None))

    def _write(self) -> None:
        try:
            while self._outgoing:
                self._taken(self._send_first())
        except BlockingIOError:
            self._loop.add_writer(self._socket.fileno(), self._write)
        except OSError:
            self.drop()  # the node has ended; its process says how
        else:
            self._loop.remove_writer(self._socket.fileno())

    def _send_first(self) -> int:
        """Sends of the first notice what the kernel takes; how many bytes that was."""
        data, connection = self._outgoing[0]
        if connection is None:
            return self._socket.send(data)
        try:
            return socket.send_fds(self._socket, [data], [connection.fileno()])
        except OSError as error:
            if error.errno != errno.ETOOMANYREFS:
                raise
            return len(data)  # so many are on their way (unix(7)) that this one is refused
