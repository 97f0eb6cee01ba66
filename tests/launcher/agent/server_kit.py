"""An agent that listens on loopback, and clients that it shall not like."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

import pytest

from distrcomp.frames import frame
from launcher.agent.server import Server
from launcher.control import messages as m
from launcher.run.connect import dial_agent
from tests.launcher.agent.agent_kit import until
from tests.launcher.lab import Lab, peer_at


class Agent:
    """An agent that listens on loopback.

    Args:
        lab: its cluster.
        server, port: where it serves.
        log: what it has logged.
    """

    def __init__(self, lab: Lab, server: Server, port: int, log: pytest.LogCaptureFixture) -> None:
        self.lab = lab
        self.port = port
        self._server = server
        self._log = log

    async def check_serves(self) -> None:
        """A legitimate client is served."""
        connection = await dial_agent(peer_at(self.port), self.lab.operator)
        await connection.channel.send(m.Ping(7))
        assert 7 == (await connection.channel.receive()).number
        await connection.channel.close()

    async def connect(self, context: ssl.SSLContext | None = None) -> Any:
        """A connection to it, under TLS with `context`: reader and writer."""
        name = "h1" if context else None
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname=name
        )

    async def check_refuses(
        self, data: bytes, why: str, context: ssl.SSLContext | None = None
    ) -> bytes:
        """REFUSED: whoever sends `data` is cut off, with a line in the log; what it got to read."""
        before = self.n_refused
        got = b""
        with contextlib.suppress(OSError):  # refused in the handshake, or by a reset
            reader, writer = await self.connect(context)
            try:
                writer.write(data)
                await writer.drain()
                got = await reader.read()
            finally:
                writer.transport.abort()
        await until(lambda: self.n_refused > before)
        assert why in self._log.text
        await self.check_serves()
        return got

    @property
    def n_refused(self) -> int:
        """How many connections were refused so far."""
        return self._server.refusals.total

    @property
    def n_strangers(self) -> int:
        """How many connections there are whose other end is unknown."""
        return len(self._server._strangers)

    @property
    def n_handshakes(self) -> int:
        """How many of them are at a TLS handshake."""
        return len(self._server._handshakes._sources)


def hello() -> bytes:
    """A well-formed first message."""
    return frame(m.CONTROL.pack(m.Hello()))
