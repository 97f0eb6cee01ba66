"""TLS on a connected socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from launcher.cluster.authority import Authority
from launcher.cluster.credentials import Identity, join_client_context, load_operator, peer_identity
from launcher.cluster.home import Home
from launcher.cluster.streams import open_tls


def _pair() -> tuple[socket.socket, socket.socket]:
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(False)
    return ends


def test_both_ends(home: Home, authority: Authority) -> None:
    """Two ends of a socket pair speak TLS, and know each other as far as they asked."""

    async def scenario() -> tuple[bytes, Identity]:
        here, there = _pair()
        server_context = load_operator(home).join_server_context()
        client_context = join_client_context(authority.ca_pem)
        (reader, server), (_, client) = await asyncio.gather(
            open_tls(here, server_context, server_side=True),
            open_tls(there, client_context, server_side=False),
        )
        client.write(b"hello")
        data = await reader.readexactly(5)
        identity = peer_identity(client.get_extra_info("ssl_object"), "distrcomp-join/1")
        server.transport.abort()
        client.transport.abort()
        return data, identity

    data, identity = asyncio.run(scenario())
    assert (b"hello", "operator") == (data, identity.role)


@pytest.mark.parametrize("server_side", [True, False])
def test_cancelled(home: Home, authority: Authority, server_side: bool) -> None:
    """A handshake that is given up leaves no open connection."""

    async def scenario() -> None:
        here, there = _pair()
        credentials = load_operator(home)
        context = credentials.join_server_context() if server_side else join_client_context(None)
        opening = asyncio.create_task(open_tls(here, context, server_side=server_side))
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        reader, writer = await asyncio.open_connection(sock=there)
        with contextlib.suppress(ConnectionResetError):
            await reader.read()  # comes to an end
        writer.transport.abort()

    asyncio.run(scenario())
