"""Two ends of TLS in memory."""

from __future__ import annotations

import contextlib
import ssl


def handshake(
    server_context: ssl.SSLContext, client_context: ssl.SSLContext, name: str | None
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Server and client after their handshake; raises what the first end to fail raises."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server, client, server):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return server, client
