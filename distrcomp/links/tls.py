"""A link over TLS: apart from the plain one because importing ssl costs every node's start."""

from __future__ import annotations

import socket
import ssl

from .. import limits
from .stream import StreamLink


class TlsLink(StreamLink):
    """A StreamLink over a TLS socket whose handshake is done."""

    _socket: ssl.SSLSocket
    _would_block = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

    def _write(self) -> int:
        return self._socket.send(self._outgoing[0][: limits.READ_BYTES_MAX])

    def _has_more(self) -> bool:
        return self._socket.pending() > 0


def link_over(connection: socket.socket, node: int) -> StreamLink:
    """The link that fits a connection which `handshake` has made."""
    return (TlsLink if isinstance(connection, ssl.SSLSocket) else StreamLink)(connection, node)
