"""Asyncio streams over TLS on a socket that is connected already."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

from .. import limits


async def open_tls(
    connection: socket.socket, context: ssl.SSLContext, *, server_side: bool
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Makes the TLS handshake on `connection`, which is closed if that fails.

    Raises:
        OSError: the handshake failed (an ssl.SSLError), the connection broke, or it took too long.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=limits.STRANGER_FRAME_BYTES_MAX, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    try:
        if server_side:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol,
                connection,
                ssl=context,
                ssl_handshake_timeout=limits.HANDSHAKE_TIMEOUT_S,
                ssl_shutdown_timeout=limits.TLS_SHUTDOWN_TIMEOUT_S,
            )
        else:
            transport, _ = await loop.create_connection(
                lambda: protocol,
                sock=connection,
                ssl=context,
                server_hostname="",
                ssl_handshake_timeout=limits.HANDSHAKE_TIMEOUT_S,
                ssl_shutdown_timeout=limits.TLS_SHUTDOWN_TIMEOUT_S,
            )
    except BaseException:
        # A handshake cancelled at once leaves its transport open; the end of the stream closes it.
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        raise
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
