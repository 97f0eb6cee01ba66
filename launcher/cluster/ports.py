"""Who listens on a port of this machine."""

from __future__ import annotations

import contextlib


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
