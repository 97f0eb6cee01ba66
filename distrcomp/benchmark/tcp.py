"""The ceiling between machines: the same bytes over a bare TCP connection.

A machine has one port, and that is the agent's, so this connection needs another one, for the
moment in which it is made: the listening node binds one address, that by which the other machine
reaches it, at a port that the kernel chooses; it takes one connection, which must begin with 128
random bits that travelled over the run's own proven messages, and listens no more. Only filler
crosses that connection, and it is not encrypted, whatever the data plane is.
"""

from __future__ import annotations

import hmac
import os
import secrets
import select
import socket
from time import monotonic

from .patterns import Path

CONNECT_TIMEOUT_S = 2.0
# The listening side waits longer than the dialling one, so that both know the same.
ACCEPT_TIMEOUT_S = 3.0
_STRANGER_TIMEOUT_S = 0.5
_TOKEN_BYTES = 16
_TAKEN = b"\x06"
# Short messages are read many at a time.
_READ_BYTES = 2**16
# Looks, of about half a microsecond, before a receiver sleeps: waking up would cost more. Between
# some of them it offers the processor to others, lest it keep the sender from it.
_LOOKS = 400
_LOOKS_IN_A_ROW = 10


def resolve(host: str) -> tuple[int, str]:
    """The address family and address of a machine; raises OSError."""
    found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    family, _, _, _, address = found[0]
    return int(family), str(address[0])


class Listener:
    """Waits at one address for the one connection that knows the token.

    Raises:
        OSError: this machine doesn't have the address.
    """

    def __init__(self, family: int, address: str) -> None:
        self.token = secrets.token_bytes(_TOKEN_BYTES)
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.bind((address, 0))
            self._socket.listen(8)
        except BaseException:
            self._socket.close()
            raise
        self.port = int(self._socket.getsockname()[1])

    def accept(self) -> socket.socket:
        """The connection; listens no more. Raises TimeoutError."""
        deadline = monotonic() + ACCEPT_TIMEOUT_S
        with self._socket:
            while (left_s := deadline - monotonic()) > 0:
                self._socket.settimeout(left_s)
                connection, _ = self._socket.accept()
                if self._is_ours(connection):
                    return connection
                connection.close()
        raise TimeoutError("nobody came")

    def _is_ours(self, connection: socket.socket) -> bool:
        connection.settimeout(_STRANGER_TIMEOUT_S)
        try:
            said = connection.recv(_TOKEN_BYTES, socket.MSG_WAITALL)
            if not hmac.compare_digest(said, self.token):
                return False
            connection.sendall(_TAKEN)
        except OSError:
            return False
        return True


def dial(family: int, address: str, port: int, token: bytes) -> socket.socket:
    """The other end of `Listener.accept`; raises OSError."""
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(CONNECT_TIMEOUT_S)
        connection.connect((address, port))
        connection.sendall(token)
        if connection.recv(1) != _TAKEN:
            raise ConnectionError("it closed the connection")
    except BaseException:
        connection.close()
        raise
    return connection


class BareConnection:
    """One side of a connection that carries nothing but filler."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connection
        self._readable = select.poll()
        self._readable.register(connection, select.POLLIN)
        self._any = select.poll()
        self._any.register(connection, select.POLLIN | select.POLLOUT)
        self._looks = _LOOKS if len(os.sched_getaffinity(0)) > 1 else 0
        self._payload_bytes = 0
        self._outgoing = self._incoming = memoryview(b"")
        self._unread_bytes = 0  # arrived, and no `receive` has answered for them

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def path(self, payload_bytes: int) -> Path:
        """Moves messages of this size, no longer those of the size before.

        Of a message of no bytes one byte travels, since something has to.
        """
        self._payload_bytes = max(payload_bytes, 1)
        self._outgoing = memoryview(b"\1" * self._payload_bytes)
        self._incoming = memoryview(bytearray(b"\1") * max(self._payload_bytes, _READ_BYTES))
        return Path(self._send, self._receive, self._swap)

    def _send(self) -> None:
        self._socket.sendall(self._outgoing)

    def _receive(self) -> None:
        while self._unread_bytes < self._payload_bytes:
            self._look()
            self._read()
        self._unread_bytes -= self._payload_bytes

    def _look(self) -> None:
        for look in range(1, self._looks + 1):
            if self._readable.poll(0):
                return
            if look % _LOOKS_IN_A_ROW == 0:
                os.sched_yield()

    def _swap(self) -> None:
        unsent = self._outgoing
        while unsent or self._unread_bytes < self._payload_bytes:
            [(_, events)] = (self._any if unsent else self._readable).poll()
            if events & ~select.POLLOUT:
                self._read()
            if unsent and events & select.POLLOUT:
                unsent = unsent[self._socket.send(unsent, socket.MSG_DONTWAIT) :]
        self._unread_bytes -= self._payload_bytes

    def _read(self) -> None:
        """Takes what has come; several short messages at once, but no more than one long one."""
        place = self._unread_bytes if self._payload_bytes >= _READ_BYTES else 0
        taken = self._socket.recv_into(self._incoming[place:])
        if not taken:
            raise ConnectionError("the bare connection has ended")
        self._unread_bytes += taken
