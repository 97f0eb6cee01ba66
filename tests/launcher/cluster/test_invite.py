"""The invite among strangers, on real loopback sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator

import pytest

from launcher import limits
from launcher.cluster import certificates
from launcher.cluster.authority import Authority
from launcher.cluster.credentials import join_client_context, load_operator
from launcher.cluster.home import Home
from launcher.cluster.invite import (
    Invite,
    Joined,
    own_addresses,
    primary_address,
    serve_invite,
)
from launcher.cluster.join import join
from launcher.cluster.join_line import JoinLine
from launcher.cluster.join_protocol import (
    SCHEMA,
    AskAuthority,
    AskMembership,
    Desk,
    Membership,
    Refusal,
    State,
    Stored,
)
from launcher.cluster.members import Member
from launcher.cluster.names import is_distinctive, normal_host
from launcher.cluster.streams import open_tls
from launcher.control.channel import StreamChannel
from launcher.errors import BadUsage, CannotStart, ChannelClosed

TOKEN = b"0123456789abcdef"


@contextlib.asynccontextmanager
async def inviting(home: Home) -> AsyncIterator[tuple[JoinLine, asyncio.Task[Joined]]]:
    """An invite that waits on loopback, and its line."""
    announced: asyncio.Queue[JoinLine] = asyncio.Queue()
    serving = asyncio.create_task(serve_invite(home, "127.0.0.1", 0, 60.0, announced.put_nowait))
    try:
        yield await announced.get(), serving
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@contextlib.asynccontextmanager
async def connected(line: JoinLine) -> AsyncIterator[StreamChannel]:
    """A channel to the invite, by hand."""
    connection = socket.create_connection((line.host, line.port))
    connection.setblocking(False)
    context = join_client_context(None)
    reader, writer = await open_tls(connection, context, server_side=False)
    channel = StreamChannel(reader, writer, SCHEMA)
    try:
        yield channel
    finally:
        await channel.close()
        writer.transport.abort()


def _question(
    line: JoinLine, name: str = "h1", addresses: tuple[str, ...] = (), port: int = 6969
) -> AskMembership:
    request = certificates.make_request(certificates.new_key())
    return AskMembership(line.token, name, request, addresses, port)


def test_joins_while_strangers_hold_connections(
    home: Home, authority: Authority, agent_home: Home
) -> None:
    """Silent strangers beyond every cap, of the same source, do not keep the machine out (S-15)."""

    async def scenario() -> Member:
        async with inviting(home) as (line, serving):
            place = (line.host, line.port)
            strangers = [
                socket.create_connection(place)
                for _ in range(limits.JOIN_STRANGERS_PER_SOURCE_MAX + 20)
            ]
            try:
                await join(line, agent_home, "h1")
                return (await serving).member
            finally:
                for stranger in strangers:
                    stranger.close()

    assert "h1" == asyncio.run(scenario()).name


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os.",
        b"",
    ],
)
def test_plain_strangers(home: Home, authority: Authority, agent_home: Home, data: bytes) -> None:
    """Whoever speaks no TLS is closed, gets nothing, and the machine still joins (S-02, S-04)."""

    async def scenario() -> None:
        async with inviting(home) as (line, serving):
            reader, writer = await asyncio.open_connection(line.host, line.port)
            writer.write(data)
            writer.write_eof()
            with contextlib.suppress(ConnectionResetError):
                answer = await reader.read()
                assert len(answer) <= 7  # a TLS alert at most
            writer.transport.abort()
            await join(line, agent_home, "h1")
            await serving

    asyncio.run(scenario())


@pytest.mark.parametrize("data", [b"", b"\x16\x03\x01\x02"])
def test_silent_stranger_is_closed(home: Home, authority: Authority, data: bytes) -> None:
    """A connection that says nothing, or begins and stops, is closed after its time (S-01)."""
    assert limits.HANDSHAKE_TIMEOUT_S <= 5.0

    async def scenario() -> float:
        context = load_operator(home).join_server_context()
        invite = Invite(authority, context, Desk(TOKEN, 1e9), visit_s=0.05)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            serving = asyncio.create_task(invite.serve(listener, 60.0))
            begun = time.monotonic()
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(data)
            with contextlib.suppress(ConnectionResetError):
                await reader.read()
            writer.transport.abort()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            return time.monotonic() - begun

    assert asyncio.run(scenario()) >= 0.05


def test_older_tls(home: Home, authority: Authority) -> None:
    """TLS 1.2 is refused (S-09)."""

    async def scenario() -> None:
        async with inviting(home) as (line, _):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            with pytest.raises(OSError):  # noqa: PT011  the alert, or the end before it is read
                await asyncio.open_connection(line.host, line.port, ssl=context)

    asyncio.run(scenario())


def test_vanishing_joiner(home: Home, authority: Authority) -> None:
    """A machine that vanishes with its certificate is removed, and the line stays good."""

    async def scenario() -> Member:
        async with inviting(home) as (line, serving):
            async with connected(line) as channel:
                await channel.send(_question(line))
                assert isinstance(await channel.receive(), Membership)
            async with connected(line) as channel:
                await channel.send(_question(line))
                while isinstance(await channel.receive(), Refusal):
                    pytest.fail("the line was lost")
                await channel.send(Stored("h1"))
                return (await serving).member

    member = asyncio.run(scenario())
    first, second = authority.members.all()
    assert first.removed_unix_s is not None
    assert (member, None) == (second, second.removed_unix_s)
    assert authority.members.is_removed(first.serials[0])


def test_two_at_once(home: Home, authority: Authority) -> None:
    """Of two machines with one line, the second is refused while the first is served (S-13)."""

    async def scenario() -> str:
        async with (
            inviting(home) as (line, serving),
            connected(line) as first,
            connected(line) as second,
        ):
            await first.send(_question(line, "h1"))
            assert isinstance(await first.receive(), Membership)
            await second.send(_question(line, "h2"))
            refusal = await second.receive()
            await first.send(Stored("h1"))
            assert "h1" == (await serving).member.name
            assert isinstance(refusal, Refusal)
            return refusal.reason

    assert "another machine is using this join line" in asyncio.run(scenario())


def test_out_of_order(home: Home, authority: Authority) -> None:
    """A message that answers no question ends the connection (S-12)."""

    async def scenario() -> None:
        async with inviting(home) as (line, _):
            for message in (Stored("h1"), Membership("x"), Refusal("x")):
                async with connected(line) as channel:
                    await channel.send(message)
                    with pytest.raises(ChannelClosed):
                        await channel.receive()

    asyncio.run(scenario())
    assert () == authority.members.all()


def test_other_version(home: Home, authority: Authority) -> None:
    """A machine with another distrcomp is told so (F-30)."""

    async def scenario() -> object:
        async with inviting(home) as (line, _), connected(line) as channel:
            await channel.send(AskAuthority(99))
            return await channel.receive()

    answer = asyncio.run(scenario())
    assert isinstance(answer, Refusal)
    assert "another version of distrcomp" in answer.reason


@pytest.mark.parametrize(
    ("name", "addresses", "said"),
    [
        ("\x1b[2J", (), "cannot be a machine's name"),
        ("a.b", (), "cannot be a machine's name"),
        ("h1", ("10.0.0.1",) * 65, "at most 64 addresses"),
    ],
)
def test_bad_questions(
    home: Home, authority: Authority, name: str, addresses: tuple[str, ...], said: str
) -> None:
    """A name with control characters or a flood of addresses is refused (S-37)."""

    async def scenario() -> object:
        async with inviting(home) as (line, _), connected(line) as channel:
            await channel.send(_question(line, name, addresses))
            return await channel.receive()

    answer = asyncio.run(scenario())
    assert isinstance(answer, Refusal)
    assert said in answer.reason
    assert answer.reason.isprintable()
    assert () == authority.members.all()


@pytest.mark.parametrize("port", [-(2**63), -1, 0, 65536, 2**64 - 1])
def test_bad_port(home: Home, authority: Authority, port: int) -> None:
    """A port that cannot be one is refused, and the line stays good."""

    async def scenario() -> tuple[object, Joined]:
        async with inviting(home) as (line, serving):
            async with connected(line) as channel:
                await channel.send(_question(line, port=port))
                refusal = await channel.receive()
            async with connected(line) as channel:
                await channel.send(_question(line, port=65535))
                await channel.receive()
                await channel.send(Stored("h1"))
                return refusal, await serving

    refusal, joined = asyncio.run(scenario())
    assert Refusal(f"{port} is not a port to listen on: a number from 1 to 65535") == refusal
    assert 65535 == joined.port
    assert (joined.member,) == authority.members.all()


def test_claimed_addresses(home: Home, authority: Authority) -> None:
    """Of the addresses that a machine claims, those of others and of everybody are left out."""
    authority.issue_agent("h0", ["172.17.0.1"])
    claimed = ("10.0.0.1", "172.17.0.1", "h0", "127.0.0.1", "fe80::1", "H1.lab", "a b", "10.0.0.1")

    async def scenario() -> Member:
        async with inviting(home) as (line, serving), connected(line) as channel:
            await channel.send(_question(line, "h1", claimed))
            assert isinstance(await channel.receive(), Membership)
            await channel.send(Stored("h1"))
            return (await serving).member

    assert ("127.0.0.1", "10.0.0.1", "h1.lab") == asyncio.run(scenario()).addresses


def test_nobody_comes(home: Home, authority: Authority) -> None:
    """An invite ends with its time."""
    with pytest.raises(CannotStart, match=r"no machine joined within 0.01 s"):
        asyncio.run(serve_invite(home, "127.0.0.1", 0, 0.01, lambda _: None))


def test_expired_at_the_desk(home: Home, authority: Authority) -> None:
    """A token that comes after the invite's end by its own clock is refused (S-13)."""

    async def scenario() -> object:
        context = load_operator(home).join_server_context()
        invite = Invite(authority, context, Desk(TOKEN, 10.0), clock=lambda: 11.0)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            serving = asyncio.create_task(invite.serve(listener, 60.0))
            line = JoinLine("127.0.0.1", listener.getsockname()[1], bytes(32), TOKEN, 0)
            async with connected(line) as channel:
                await channel.send(_question(line))
                answer = await channel.receive()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            return answer

    answer = asyncio.run(scenario())
    assert isinstance(answer, Refusal)
    assert "this join line has expired" in answer.reason


def test_attack_ends_the_invite(home: Home, authority: Authority) -> None:
    """When guesses came in thousands, the operator is told (S-13)."""
    desk = Desk(TOKEN, 1e9)
    for number in range(limits.JOIN_TRIES_MAX - 1):
        desk.ask(b"", f"10.0.{number // 256}.{number % 256}", 0.0)

    async def scenario() -> None:
        context = load_operator(home).join_server_context()
        invite = Invite(authority, context, desk, clock=lambda: 0.0)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            serving = asyncio.create_task(invite.serve(listener, 60.0))
            line = JoinLine("127.0.0.1", listener.getsockname()[1], bytes(32), bytes(16), 0)
            async with connected(line) as channel:
                await channel.send(_question(line))
                assert isinstance(await channel.receive(), Refusal)
            with pytest.raises(CannotStart, match=r"somebody is guessing"):
                await serving

    asyncio.run(scenario())
    assert State.OPEN is desk.state


def test_port_in_use(home: Home, authority: Authority) -> None:
    """A port that is taken is named, with its holder (F-16)."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"cannot listen on 127.0.0.1:{port}.*--listen"):
            asyncio.run(serve_invite(home, "127.0.0.1", port, 1.0, lambda _: None))


def test_bad_listen_host(home: Home, authority: Authority) -> None:
    """A host to listen on that is none, or not resolvable, is a mistake."""
    for host, said in (("a b", "neither a host name"), ("no-such.invalid", "cannot be resolved")):
        with pytest.raises(BadUsage, match=said):
            asyncio.run(serve_invite(home, host, 0, 1.0, lambda _: None))


def test_no_cluster(home: Home) -> None:
    """Without a cluster there is nothing to invite to."""
    with pytest.raises(CannotStart, match=r"distrcomp cluster init"):
        asyncio.run(serve_invite(home, "127.0.0.1", 0, 1.0, lambda _: None))


def test_addresses_of_this_machine() -> None:
    """The addresses that a machine gives for itself are hosts in normal form."""
    assert all(normal_host(host) == host and is_distinctive(host) for host in own_addresses())
    assert normal_host(primary_address()) == primary_address()
