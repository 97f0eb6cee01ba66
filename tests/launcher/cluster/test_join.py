"""A machine joins a real invite over loopback, and what it does when the invite is not one."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from distrcomp.frames import FrameDecoder
from launcher.cluster.authority import Authority, create_cluster
from launcher.cluster.credentials import load_agent, load_operator
from launcher.cluster.home import Home
from launcher.cluster.invite import Joined, serve_invite
from launcher.cluster.join import default_name, join
from launcher.cluster.join_line import JoinLine, parse_join_line
from launcher.cluster.join_protocol import SCHEMA, AuthorityIs
from launcher.cluster.members import Member
from launcher.cluster.names import checked_name
from launcher.errors import BadUsage, CannotStart, PeerRefused

TTL_S = 60.0


@contextlib.asynccontextmanager
async def inviting(home: Home) -> AsyncIterator[tuple[JoinLine, asyncio.Task[Joined]]]:
    """An invite that waits on loopback, and its line as a person would paste it."""
    announced: asyncio.Queue[JoinLine] = asyncio.Queue()
    serving = asyncio.create_task(serve_invite(home, "127.0.0.1", 0, TTL_S, announced.put_nowait))
    try:
        yield parse_join_line((await announced.get()).text), serving
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def test_join(home: Home, authority: Authority, agent_home: Home) -> None:
    """A machine joins by one line; both sides agree who it is, and its key is its own."""

    async def scenario() -> tuple[Path, Joined]:
        async with inviting(home) as (line, serving):
            return await join(line, agent_home, "H1"), await serving

    path, joined = asyncio.run(scenario())
    member = joined.member
    credentials = load_agent(agent_home)
    assert (agent_home.agent_credentials, 0o600) == (path, path.stat().st_mode & 0o777)
    assert (member.name, member.serials) == ("h1", (credentials.identity.serial,))
    assert ("127.0.0.1", 6969, False) == (member.addresses[0], joined.port, member.issued)
    assert (member,) == authority.members.all()
    assert authority.ca_pem == credentials.ca_pem
    assert [path] == [entry for entry in agent_home.config.iterdir() if entry.is_file()]


def test_port(home: Home, authority: Authority, agent_home: Home) -> None:
    """The operator learns the port on which the machine's agent will listen."""

    async def scenario() -> Joined:
        async with inviting(home) as (line, serving):
            await join(line, agent_home, "h1", 17961)
            return await serving

    assert 17961 == asyncio.run(scenario()).port


def test_used_twice(home: Home, authority: Authority, agent_home: Home, tmp_path: Path) -> None:
    """A line that has been used is refused in words, by the invite's absence (S-13)."""

    async def scenario() -> None:
        async with inviting(home) as (line, serving):
            await join(line, agent_home, "h1")
            await serving
            second = Home(tmp_path / "second", tmp_path / "second")
            with pytest.raises(CannotStart, match=r"no invite is waiting at .* works once"):
                await join(line, second, "h2")
            with pytest.raises(CannotStart, match=r"this join line expired at .* UTC"):
                await join(line, second, "h2", clock=lambda: line.expires + 1.0)
            assert not second.agent_credentials.exists()

    asyncio.run(scenario())
    assert ["h1"] == [member.name for member in authority.members.all()]


def test_wrong_token(home: Home, authority: Authority, agent_home: Home) -> None:
    """A line of another invite is refused in words, and the right one still works (S-13)."""

    async def scenario() -> Member:
        async with inviting(home) as (line, serving):
            with pytest.raises(PeerRefused, match=r"not the join line that the operator waits for"):
                await join(dataclasses.replace(line, token=bytes(16)), agent_home, "h1")
            assert not agent_home.agent_credentials.exists()
            await join(line, agent_home, "h1")
            return (await serving).member

    assert "h1" == asyncio.run(scenario()).name


def test_name_taken(home: Home, authority: Authority, agent_home: Home) -> None:
    """A name that is taken says to use --name, and the line stays good for it."""
    authority.issue_agent("h1", [])

    async def scenario() -> Member:
        async with inviting(home) as (line, serving):
            with pytest.raises(PeerRefused, match=r"the name h1 is taken .* --name"):
                await join(line, agent_home, "h1")
            await join(line, agent_home, "h2")
            return (await serving).member

    assert "h2" == asyncio.run(scenario()).name


def test_wrong_pin(home: Home, authority: Authority, agent_home: Home) -> None:
    """Where the pin does not match, the machine stops, and the invite saw no token (S-13)."""

    async def scenario() -> None:
        async with inviting(home) as (line, serving):
            altered = dataclasses.replace(line, ca_pin=bytes(32))
            with pytest.raises(PeerRefused, match=r"the line's secret was not sent"):
                await join(altered, agent_home, "h1")
            assert not serving.done()

    asyncio.run(scenario())
    assert not agent_home.agent_credentials.exists()


@contextlib.asynccontextmanager
async def answering(
    context: ssl.SSLContext | None, answer: Callable[[bytes], bytes]
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that is no invite: its port, and the frames it was sent."""
    frames: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = FrameDecoder(2**20)
        try:
            while not (found := decoder.feed(await reader.read(65536))):
                if reader.at_eof():
                    return
            frames.extend(found)
            writer.write(answer(found[0]))
            await writer.drain()
            await reader.read()
        except (OSError, ValueError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], frames


def _framed(message: object) -> bytes:
    body = SCHEMA.pack(message)
    return len(body).to_bytes(4, "big") + body


def test_man_in_the_middle(
    home: Home, authority: Authority, agent_home: Home, tmp_path: Path
) -> None:
    """Who shows the right authority without its operator's key never sees the token (S-13)."""
    other = Home(tmp_path / "other", tmp_path / "other")
    create_cluster(other, "lab")
    token = b"0123456789abcdef"

    async def scenario() -> list[bytes]:
        context = load_operator(other).join_server_context()
        shown = _framed(AuthorityIs(authority.ca_der, 0))
        async with answering(context, lambda _: shown) as (port, frames):
            pin = hashlib.sha256(authority.ca_der).digest()
            line = JoinLine("127.0.0.1", port, pin, token, 2**33)
            with pytest.raises(PeerRefused, match=r"could not prove to be the operator"):
                await join(line, agent_home, "h1")
            return frames

    frames = asyncio.run(scenario())
    assert 1 == len(frames)
    assert token not in frames[0]


def test_agent_in_the_middle(home: Home, authority: Authority, agent_home: Home) -> None:
    """A member that is not the operator never sees the token either (S-06, S-47)."""
    agent_home.make_config()
    path = agent_home.config / "other.pem"
    path.write_bytes(authority.issue_agent("h0", []))
    path.chmod(0o600)
    token = b"0123456789abcdef"

    async def scenario() -> list[bytes]:
        context = load_agent(home, path).join_server_context()
        shown = _framed(AuthorityIs(authority.ca_der, 0))
        async with answering(context, lambda _: shown) as (port, frames):
            pin = hashlib.sha256(authority.ca_der).digest()
            line = JoinLine("127.0.0.1", port, pin, token, 2**33)
            with pytest.raises(PeerRefused, match=r"is not its operator"):
                await join(line, agent_home, "h1")
            return frames

    assert not any(token in frame for frame in asyncio.run(scenario()))


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 100, b"\0\0\0\1\xc1"]
)
def test_not_an_invite(home: Home, authority: Authority, agent_home: Home, answer: bytes) -> None:
    """Whatever else answers at that address, plain or over TLS, is one sentence."""
    context = load_operator(home).join_server_context()

    async def scenario() -> None:
        for tls in (None, context):
            async with answering(tls, lambda _: answer) as (port, _):
                line = JoinLine("127.0.0.1", port, bytes(32), bytes(16), 2**33)
                with pytest.raises(PeerRefused, match=r"is not a distrcomp invite"):
                    await join(line, agent_home, "h1")

    asyncio.run(scenario())


def test_unresolvable(agent_home: Home) -> None:
    """A host that does not exist is told apart from one that does not answer (F-17)."""
    line = JoinLine("no-such-host.invalid", 6970, bytes(32), bytes(16), 2**33)
    with pytest.raises(CannotStart, match=r"cannot be resolved"):
        asyncio.run(join(line, agent_home, "h1"))


def test_clock(home: Home, authority: Authority, agent_home: Home, tmp_path: Path) -> None:
    """Certificates that are not valid yet by this machine's clock are said to be that (F-32)."""
    later = Home(tmp_path / "later", tmp_path / "later")
    create_cluster(later, "lab", lambda: datetime.now(UTC) + timedelta(hours=1))

    async def scenario() -> None:
        line_now = 1_000_000.0
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(later.operator_credentials)
        context.set_alpn_protocols(["distrcomp-join/1"])
        ca_der = Authority(later).ca_der
        shown = _framed(AuthorityIs(ca_der, int(line_now) + 3600))
        async with answering(context, lambda _: shown) as (port, _):
            pin = hashlib.sha256(ca_der).digest()
            line = JoinLine("127.0.0.1", port, pin, bytes(16), 2**33)
            with pytest.raises(PeerRefused, match=r"clock is 3600 s behind the operator's"):
                await join(line, agent_home, "h1", clock=lambda: line_now)

    asyncio.run(scenario())


def test_home_that_cannot_be_written(home: Home, authority: Authority, tmp_path: Path) -> None:
    """What is wrong with this machine's home is found before the line is spent (F-40)."""
    (tmp_path / "file").write_text("")
    blocked = Home(tmp_path / "file" / "home", tmp_path)

    async def scenario() -> None:
        async with inviting(home) as (line, serving):
            with pytest.raises(CannotStart, match=r"set DISTRCOMP_HOME"):
                await join(line, blocked, "h1")
            with pytest.raises(BadUsage, match=r"cannot be a machine's name"):
                await join(line, blocked, "a b")
            assert not serving.done()

    asyncio.run(scenario())
    assert () == authority.members.all()


def test_default_name() -> None:
    """The default name is valid."""
    assert default_name() == checked_name(default_name())


def test_closed_at_once(agent_home: Home) -> None:
    """A listener that closes at once is one sentence."""

    async def scenario() -> None:
        async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()

        server = await asyncio.start_server(close, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            line = JoinLine("127.0.0.1", port, bytes(32), bytes(16), 2**33)
            with pytest.raises(PeerRefused, match=r"127.0.0.1:"):
                await join(line, agent_home, "h1")

    asyncio.run(scenario())
