"""Reaching agents: a welcome, or one clear sentence for each way in which there is none."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import distrcomp
from launcher import limits
from launcher.agent.host import Host, python_version
from launcher.cluster.peers_file import Peer
from launcher.control import messages as m
from launcher.errors import CannotStart, PeerRefused
from launcher.run import connect
from launcher.run.connect import connect_all, dial_agent
from tests.launcher.agent.agent_kit import play
from tests.launcher.lab import Lab, answering, listening, peer_at

WELCOME = m.Welcome(m.PROTOCOL, distrcomp.__version__, python_version(), "h1", 4)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Our cluster."""
    return Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def h1(lab: Lab) -> ssl.SSLContext:
    """What the agent on h1 serves with."""
    return lab.agent("h1").server_context()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, and nobody else can."""
    with contextlib.closing(socket.socket()) as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port that answers no more: the queue of those who wait there is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def failure(lab: Lab, peer: Peer) -> str:
    """The sentence about a peer that cannot be used."""
    with pytest.raises(CannotStart) as caught:
        await dial_agent(peer, lab.operator)
    return str(caught.value)


def sentence(lab: Lab, context: ssl.SSLContext | None, talk: Any, name: str | None = "h1") -> str:
    """The sentence about a peer that serves with `context` and talks as told."""
    found: list[str] = []

    async def act() -> None:
        async with listening(talk, context) as port:
            text = await failure(lab, peer_at(port, name))
            found.append(text.replace(str(port), "PORT"))

    play(act)
    return found[0]


async def mute(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Takes what comes and says nothing."""
    await reader.read()


# --- success -------------------------------------------------------------------------------------


def test_welcome(lab: Lab, h1: ssl.SSLContext) -> None:
    """An agent of our cluster and version: its welcome, and a channel that is trusted."""

    async def act() -> None:
        async with listening(answering(WELCOME, m.Pong(1)), h1) as port:
            connection = await dial_agent(peer_at(port), lab.operator)
            assert (WELCOME, peer_at(port)) == (connection.welcome, connection.peer)
            assert m.Pong(1) == await connection.channel.receive()
            await connection.channel.close()

    play(act)


@pytest.mark.processes
def test_here(tmp_path: Path, leaks: object) -> None:
    """This machine is reached in memory, with no listener and no credentials."""

    async def act() -> None:
        host = Host(tmp_path, "localhost", 3)
        (connection,) = await connect_all([Peer("localhost")], None, host)
        assert ("localhost", 3) == (connection.welcome.name, connection.welcome.slots)
        await connection.channel.close()
        await host.close()

    play(act)


# --- several addresses ---------------------------------------------------------------------------


def at_ports(monkeypatch: pytest.MonkeyPatch, *ports: int) -> Peer:
    """A peer of several addresses, which are ports here."""

    async def resolve(_: Peer) -> list[connect.Address]:
        return [(socket.AF_INET, ("127.0.0.1", port)) for port in ports]

    monkeypatch.setattr(connect, "resolve", resolve)
    return Peer("h1")


def test_the_right_one_of_several(
    lab: Lab, h1: ssl.SSLContext, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever else answers at another address of the peer, a machine of the cluster, too, the one
    that bears its name is taken (S-07); the others are told of."""
    monkeypatch.setattr(connect, "STAGGER_S", 60.0)

    async def act() -> None:
        h2 = lab.agent("h22", "192.0.2.22").server_context()
        async with (
            listening(answering(WELCOME), h2) as wrong,
            listening(answering(WELCOME, m.Pong(7)), h1) as right,
        ):
            peer = at_ports(monkeypatch, closed_port, wrong, right)
            connection = await dial_agent(peer, lab.operator)
            assert m.Pong(7) == await connection.channel.receive()
            await connection.channel.close()
            whys = [why for _, why in connection.failures]
            assert any("the machine at h1:6969 calls itself h22" in why for why in whys)

    play(act)


def test_a_silent_address(lab: Lab, h1: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that takes the connection and says nothing is no winner, and delays nobody."""
    monkeypatch.setattr(connect, "STAGGER_S", 0.0)

    async def act() -> None:
        async with listening(mute) as silent, listening(answering(WELCOME), h1) as right:
            connection = await dial_agent(at_ports(monkeypatch, silent, right), lab.operator)
            assert () == connection.failures
            await connection.channel.close()

    play(act)


def test_none_of_several(
    lab: Lab, h1: ssl.SSLContext, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no address leads to the peer, each says why."""

    async def act() -> None:
        async with listening(mute) as silent:
            monkeypatch.setattr(limits, "HANDSHAKE_TIMEOUT_S", 0.3)
            text = await failure(lab, at_ports(monkeypatch, closed_port, silent))
            assert text.startswith("h1 is not found at any of its 2 addresses: at 127.0.0.1: ")
            assert "refuses the connection" in text
            assert "accepted the connection and then said nothing" in text
            same = await failure(lab, at_ports(monkeypatch, closed_port))
            assert same.startswith("h1:6969 refuses the connection")

    play(act)


# --- five different sentences --------------------------------------------------------------------


def test_refused(lab: Lab, closed_port: int) -> None:
    """F-17: nothing listens there."""

    async def act() -> None:
        expected = (
            f"127.0.0.1:{closed_port} refuses the connection: nothing listens there; "
            "start `distrcomp agent` on that machine"
        )
        assert expected == await failure(lab, peer_at(closed_port))

    play(act)


def test_timed_out(lab: Lab, full_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """F-17: a machine or a firewall that does not answer, known within the connect timeout."""
    monkeypatch.setattr(limits, "CONNECT_TIMEOUT_S", 0.2)

    async def act() -> None:
        expected = (
            f"127.0.0.1:{full_port} does not answer within 0.2 s: is the machine up, and does its "
            f"firewall let port {full_port} through?"
        )
        assert expected == await failure(lab, peer_at(full_port))

    play(act)


def test_unknown_name(lab: Lab) -> None:
    """F-17: a name that nobody knows (RFC 6761 keeps .invalid so)."""

    async def act() -> None:
        expected = (
            "the name no-such-machine.invalid is not known here: correct it in the peers file, or "
            "write the machine's address"
        )
        assert expected == await failure(lab, Peer("no-such-machine.invalid", 6969))

    play(act)


@pytest.mark.parametrize(
    "banner", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 100]
)
def test_other_protocol(lab: Lab, banner: bytes) -> None:
    """F-17: something listens there that is no agent."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        await reader.read()

    expected = "127.0.0.1:PORT answers but is not a distrcomp agent"
    assert expected == sentence(lab, None, talk)


def test_other_cluster(lab: Lab, tmp_path: Path) -> None:
    """S-05: an agent of another cluster: nothing is sent to it, and the sentence says so."""
    other = Lab(tmp_path / "other")
    expected = "127.0.0.1:PORT belongs to another cluster: its certificate is of another authority"
    assert expected == sentence(lab, other.agent("h1").server_context(), mute)


# --- and more ------------------------------------------------------------------------------------


def test_says_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes the connection and then says nothing is not waited for."""
    monkeypatch.setattr(limits, "HANDSHAKE_TIMEOUT_S", 0.3)
    expected = (
        "127.0.0.1:PORT accepted the connection and then said nothing: no distrcomp agent, or one "
        "that is stopped or too busy"
    )
    assert expected == sentence(lab, None, mute)


def test_no_welcome(lab: Lab, h1: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that never says welcome is not waited for either."""
    monkeypatch.setattr(limits, "HANDSHAKE_TIMEOUT_S", 0.5)
    assert "the agent on 127.0.0.1:PORT does not say welcome" == sentence(lab, h1, mute)


def test_hangs_up(lab: Lab, h1: ssl.SSLContext) -> None:
    """An agent that hangs up before its welcome may not know our certificate."""
    expected = "127.0.0.1:PORT is of this cluster but hung up before its welcome"
    assert sentence(lab, h1, answering()).startswith(expected)


def test_does_not_know_us(lab: Lab, tmp_path: Path) -> None:
    """S-05: an agent that refuses our certificate; no byte of a program was sent."""
    strict = Lab(tmp_path / "strict")
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    other.minimum_version = ssl.TLSVersion.TLSv1_3
    other.set_alpn_protocols(["distrcomp/1"])
    other.verify_mode = ssl.CERT_REQUIRED
    other.load_cert_chain(lab.certificate("agent", ("127.0.0.1",)))
    other.load_verify_locations(cadata=strict.operator.credentials.ca_pem)
    text = sentence(lab, other, answering(WELCOME), name=None)
    assert "cluster" in text
    assert "Traceback" not in text


def test_wrong_name(lab: Lab) -> None:
    """S-07: another agent of the cluster at this address is named, and not used."""
    context = lab.agent("h2", "192.0.2.2").server_context()
    expected = (
        "the machine at 127.0.0.1:PORT calls itself h2: write `127.0.0.1:PORT name=h2` in the "
        "peers file if that is right"
    )
    assert expected == sentence(lab, context, mute)


def test_operator_as_agent(lab: Lab) -> None:
    """S-06: a certificate of another role does not make an agent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["distrcomp/1"])
    context.load_cert_chain(lab.certificate("operator", ("h1",)))
    expected = "127.0.0.1:PORT shows the certificate of an operator"
    assert expected == sentence(lab, context, mute)


def test_removed_member(lab: Lab) -> None:
    """S-08: an agent that was removed from the cluster is not used, though its papers are good."""
    context = lab.agent("h3", "192.0.2.3").server_context()
    lab.operator.members.remove("h3")
    expected = (
        "127.0.0.1:PORT (h3) was removed from the cluster: take it out of the peers file, or "
        "invite it again"
    )
    assert expected == sentence(lab, context, answering(WELCOME), name="h3")


@pytest.mark.parametrize(
    ("welcome", "expected"),
    [
        (
            m.Welcome(m.PROTOCOL, "99.0", python_version(), "h1", 1),
            f"127.0.0.1:PORT has distrcomp 99.0 and this machine {distrcomp.__version__}: install "
            "the same version on both, or bring this one there by `distrcomp agent --update`",
        ),
        (m.Pong(1), "127.0.0.1:PORT speaks another protocol: no welcome came"),
        (b"\x00\x00\x00\x04ABCD", "127.0.0.1:PORT speaks another protocol: not a message"),
        (b"\xff\xff\xff\xff", "127.0.0.1:PORT speaks another protocol: a frame of 4294967295"),
        (m.Refused("no room"), "127.0.0.1:PORT refuses: no room"),
    ],
)
def test_wrong_answers(lab: Lab, h1: ssl.SSLContext, welcome: object, expected: str) -> None:
    """F-30: another version names both; any other answer is told as what it is."""
    found = sentence(lab, h1, answering(welcome))
    assert expected == found[: len(expected)]


def test_another_protocol(lab: Lab, h1: ssl.SSLContext) -> None:
    """F-30: nobody is told to update an agent with which that can't be talked about."""
    welcome = m.Welcome(m.PROTOCOL + 1, "99.0", python_version(), "h1", 1)
    assert sentence(lab, h1, answering(welcome)) == (
        f"127.0.0.1:PORT has distrcomp 99.0, which speaks protocol {m.PROTOCOL + 1}, and this "
        f"machine {distrcomp.__version__}, which speaks {m.PROTOCOL}: install the same version on "
        "both"
    )


def test_refused_is_its_own_kind(lab: Lab, h1: ssl.SSLContext) -> None:
    """An agent that was reached and said no is PeerRefused."""

    async def act() -> None:
        async with listening(answering(m.Refused("no")), h1) as port:
            with pytest.raises(PeerRefused, match="refuses: no"):
                await dial_agent(peer_at(port), lab.operator)

    play(act)


def test_all_failures_at_once(lab: Lab, h1: ssl.SSLContext, closed_port: int) -> None:
    """Every peer that cannot be used has its line, and those that could are let go."""

    async def act() -> None:
        async with listening(answering(WELCOME), h1) as port:
            peers = [peer_at(port), peer_at(closed_port), Peer("no-such-machine.invalid")]
            with pytest.raises(CannotStart) as caught:
                await connect_all(peers, lab.operator, None)
            first, second = str(caught.value).splitlines()
            assert first.startswith(f"127.0.0.1:{closed_port} refuses the connection")
            assert second.startswith("the name no-such-machine.invalid is not known")

    play(act)


def test_no_credentials() -> None:
    """Another machine without credentials for it is no programming error but a sentence."""

    async def act() -> None:
        with pytest.raises(CannotStart, match="h1 is another machine"):
            await connect_all([Peer("h1")], None, None)

    play(act)
