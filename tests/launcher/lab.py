"""A real cluster in a folder: authority, operator, agents, and certificates that are not right."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from launcher.cluster import certificates
from launcher.cluster.authority import Authority, create_cluster
from launcher.cluster.certificates import Span, Subject
from launcher.cluster.credentials import ALPN, Credentials
from launcher.cluster.home import Home
from launcher.cluster.members import Members
from launcher.cluster.peers_file import Peer
from launcher.control import messages as m
from launcher.control.channel import StreamChannel
from launcher.run.connect import Operator


class Lab:
    """A cluster.

    Args:
        folder: where its files go.
        now: the clock by which authority and operator are made; agents are made now.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime] = certificates.now_utc) -> None:
        self._folder = folder
        self.home = Home(folder / "home", folder / "home" / "cache")
        create_cluster(self.home, "lab", now)
        self._authority = Authority(self.home)
        self.operator_path = self.home.operator_credentials

    @property
    def operator(self) -> Operator:
        """What the launcher proves itself with."""
        members = Members(self.home.cluster)
        return Operator(Credentials.load(self.operator_path), members)

    def agent(self, name: str = "h1", *addresses: str) -> Credentials:
        """The credentials of a new agent, at 127.0.0.1 unless said otherwise."""
        pem = self._authority.issue_agent(name, addresses or ("127.0.0.1",))
        return Credentials.load(self._private(f"{name}.pem", pem))

    def certificate(
        self, role: str, hosts: tuple[str, ...] = (), age: timedelta = timedelta(hours=1)
    ) -> Path:
        """A credential file of any role, `age` old and valid for a day."""
        folder = self.home.cluster
        issuer = certificates.load_issuer(
            (folder / "ca.key").read_bytes(), (folder / "ca.pem").read_bytes(), "lab"
        )
        start = certificates.now_utc() - age
        key = certificates.new_key()
        span = Span(start, start + timedelta(days=1))
        made = certificates.issue(issuer, key.public_key(), Subject("x", role, hosts), span)
        pem = certificates.certificate_to_pem(made)
        name = f"{role}-{age.total_seconds()}.pem"
        return self._private(name, certificates.credentials_pem(key, pem, issuer.pem))

    def _private(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        return path


def careless_client(path: Path | None, alpn: tuple[str, ...] = (ALPN,)) -> ssl.SSLContext:
    """A client that shows what is in `path`, if anything, and believes any server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if path is not None:
        context.load_cert_chain(path)
    return context


def peer_at(port: int, name: str | None = "h1") -> Peer:
    """The peers file's line for an agent on this machine's loopback."""
    return Peer("127.0.0.1", port, None, name)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that is no agent of ours: talks as told to whoever connects; its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        try:
            await talk(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(*answers: Any) -> Talk:
    """An agent that answers the first message with these, whatever they are, and hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = StreamChannel(reader, writer, m.CONTROL)
        await channel.receive()
        for answer in answers:
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await channel.send(answer)
        await channel.close()

    return talk
