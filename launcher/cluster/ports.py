"""Listening on a port of this machine, and who does."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from .. import limits


def tcp_socket(family: int) -> socket.socket:
    """A socket whose connections send each message at once, and so do those that it accepts.

    asyncio sees to that (TCP_NODELAY), but only where a socket names its protocol. Else a message
    that follows another one waits for the other end to acknowledge that: for 40 ms, mostly.
    """
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)


def listener_at(family: int, address: Any, *, is_ipv6_alone: bool) -> socket.socket:
    """A socket that listens for TCP connections there; raises OSError.

    Args:
        family, address: as `socket.getaddrinfo` gives them.
        is_ipv6_alone: whether one at `::` leaves IPv4 to another socket, as who opens one for each
            address must; else it takes both. Without a word the machine's settings would decide.
    """
    listener = tcp_socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, is_ipv6_alone)
        listener.bind(address)
        listener.listen(limits.LISTEN_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def holder_of(port: int) -> str:
    """By whom a TCP port is held, " by NAME (pid N)", as far as we may know; else "".

    Whoever holds it chose its name, so nothing in that is unprintable.
    """
    import psutil  # for a message that is rarely wanted

    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            if listens and connection.pid is not None:
                name = psutil.Process(connection.pid).name()
                return f" by {ascii(name)[1:-1]} (pid {connection.pid})"
    return ""
