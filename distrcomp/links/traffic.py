"""How many bytes a link has carried, from what it knows anyway: nothing is counted per message.

Headers are in it, and between machines what TLS adds: it says how busy a link is, not what a
program sent to the byte.
"""

from __future__ import annotations

import contextlib
import socket
import struct

from .ring import WORD_BYTES
from .shm import ShmLink
from .stream import StreamLink

_RECEIVED_AT = 128
"""Where tcpi_bytes_received stands in Linux's struct tcp_info, since 4.1."""


def traffic(link: object) -> tuple[int, int] | None:
    """The bytes that came in and went out; None where that is not known."""
    if isinstance(link, ShmLink):
        came = link.reader.consumed * WORD_BYTES + link.pulled_bytes
        return came, link.writer.written * WORD_BYTES + link.offered_bytes
    if isinstance(link, StreamLink):
        came_by_tcp = _received(link.fileno())
        return None if came_by_tcp is None else (came_by_tcp, link.sent_bytes)
    return None


def _received(descriptor: int) -> int | None:
    with contextlib.suppress(OSError, AttributeError, struct.error):
        connection = socket.socket(fileno=descriptor)
        try:
            if connection.family == socket.AF_UNIX:
                return None
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        finally:
            connection.detach()
        count: int = struct.unpack_from("=Q", info, _RECEIVED_AT)[0]
        return count
    return None
