"""The two ends of a connection on one event loop, bare or under TLS."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from launcher.cluster.authority import create_cluster
from launcher.cluster.credentials import Credentials
from launcher.cluster.home import Home
from launcher.control import messages as m
from launcher.control.channel import StreamChannel

LIMIT_S = 20.0
Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


@contextlib.asynccontextmanager
async def stream_ends(
    contexts: Contexts | None,
) -> AsyncIterator[tuple[tuple[Any, Any], tuple[Any, Any]]]:
    """The reader and writer of both ends of a loopback connection."""
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    server, client = contexts or (None, None)

    async def accept() -> tuple[Any, Any]:
        reader = asyncio.StreamReader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, theirs, ssl=server)
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    name = "h1" if client else None
    ends = await asyncio.gather(
        accept(), asyncio.open_connection(sock=ours, ssl=client, server_hostname=name)
    )
    try:
        yield ends
    finally:
        for _, writer in ends:
            writer.transport.abort()
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def stream_pair(
    contexts: Contexts | None, trusted: bool = True
) -> AsyncIterator[tuple[StreamChannel, StreamChannel]]:
    """The two ends of a stream channel."""
    async with stream_ends(contexts) as ends:
        one, other = (StreamChannel(reader, writer, m.CONTROL) for reader, writer in ends)
        if trusted:
            one.trust()
            other.trust()
        try:
            yield one, other
        finally:
            await asyncio.gather(one.close(), other.close())


@contextlib.asynccontextmanager
async def raw_pair(trusted: bool = True) -> AsyncIterator[tuple[asyncio.StreamWriter, Any]]:
    """A writer of raw bytes, and the channel that they reach."""
    async with stream_ends(None) as ((_, writer), (reader, other)):
        channel = StreamChannel(reader, other, m.CONTROL)
        if trusted:
            channel.trust()
        try:
            yield writer, channel
        finally:
            writer.transport.abort()
            await channel.close()


def play(act: Callable[[], Awaitable[None]]) -> None:
    """Runs `act` to its end, under a hard limit."""

    async def limited() -> None:
        async with asyncio.timeout(LIMIT_S):
            await act()

    asyncio.run(limited())


def make_contexts(folder: Path) -> Contexts:
    """TLS for the server and the client of a new cluster in `folder`."""
    home = Home(folder / "home", folder / "cache")
    authority = create_cluster(home, "lab")
    path = folder / "agent.pem"
    path.write_bytes(authority.issue_agent("h1", ["127.0.0.1"]))
    path.chmod(0o600)
    operator = Credentials.load(home.operator_credentials)
    return Credentials.load(path).server_context(), operator.client_context()
