"""Announced agents: only who proves to be one of the cluster is used."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import distrcomp
from launcher.agent.host import python_version
from launcher.cluster.announcement import Announcement, fingerprint_of
from launcher.cluster.peers_file import Peer
from launcher.control import messages as m
from launcher.errors import CannotStart
from launcher.run.discover import Discovery, discover, find_again
from tests.launcher.agent.agent_kit import play
from tests.launcher.lab import Lab, Talk, answering, listening


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Our cluster."""
    return Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def h1(lab: Lab) -> ssl.SSLContext:
    """What the agent on h1 serves with."""
    return lab.agent("h1").server_context()


def welcome(name: str = "h1", process: int = 7) -> m.Welcome:
    """What an agent says."""
    return m.Welcome(m.PROTOCOL, distrcomp.__version__, python_version(), name, 4, process)


@contextlib.asynccontextmanager
async def announced(
    lab: Lab, context: ssl.SSLContext | None, talk: Talk, name: str = "h1"
) -> AsyncIterator[Announcement]:
    """Somebody who listens, and what is announced of them."""
    fingerprint = fingerprint_of(lab.operator.credentials.ca_pem)
    async with listening(talk, context) as port:
        yield Announcement(name, fingerprint, ("127.0.0.1",), port)


def hear(
    *announcements: Announcement,
) -> Callable[[float, Sequence[str]], Awaitable[list[Announcement]]]:
    """A network on which this is announced."""

    async def heard(_: float, __: Sequence[str]) -> list[Announcement]:
        return list(announcements)

    return heard


def test_an_agent_of_ours(lab: Lab, h1: ssl.SSLContext) -> None:
    """Who proves the announced name is found; a peer of its own with that name."""

    async def act() -> None:
        async with announced(lab, h1, answering(welcome())) as said:
            found = await discover(lab.operator, hear(said), 0)
            assert Discovery((Peer("127.0.0.1", said.port, name="h1"),), ()) == found

    play(act)


def test_another_cluster_is_not_dialled(lab: Lab) -> None:
    """An announcement of another cluster is counted, and nobody connects to it."""
    connected: list[object] = []

    async def note(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        connected.append(reader)

    async def act() -> None:
        async with announced(lab, None, note) as said:
            stranger = replace(said, fingerprint="00" * 16)
            found = await discover(lab.operator, hear(stranger, stranger), 0)
            expected = "2 agents of other clusters are announced, too"
            assert Discovery((), (expected,)) == found
            assert [] == connected

    play(act)


@pytest.mark.usefixtures("h1")
@pytest.mark.parametrize("liar", ["of another cluster", "another agent of ours", "no TLS at all"])
def test_a_liar(lab: Lab, tmp_path: Path, liar: str) -> None:
    """Who announces another's name gets a handshake that fails: no byte is sent to it that TLS
    would carry, it is named, and not used (S-07)."""
    contexts = {
        "of another cluster": Lab(tmp_path / "other").agent("h1").server_context,
        "another agent of ours": lambda: lab.agent("h5", "192.0.2.9"),
        "no TLS at all": lambda: None,
    }
    context = contexts[liar]()
    if liar == "another agent of ours":
        context = context.server_context()
    said_to_it: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\0" * 64)  # whatever a liar says
        said_to_it.append(await reader.read())

    async def act() -> None:
        async with announced(lab, context, listen) as said:
            found = await discover(lab.operator, hear(said), 0)
            assert () == found.peers
            (remark,) = found.remarks
            assert remark.startswith("h1 is announced and not used: ")
            if context is not None:
                assert b"" == b"".join(said_to_it)

    play(act)


def test_a_liar_beside_the_agent(lab: Lab, h1: ssl.SSLContext, tmp_path: Path) -> None:
    """A liar who announces the same name does not keep the agent from being found."""
    other = Lab(tmp_path / "other").agent("h1").server_context()

    async def act() -> None:
        async with (
            announced(lab, other, answering()) as lie,
            announced(lab, h1, answering(welcome())) as truth,
        ):
            found = await discover(lab.operator, hear(lie, truth), 0)
            assert (truth.port,) == tuple(peer.port for peer in found.peers)
            again = await find_again(Peer("h1"), lab.operator, hear(lie, truth), 0)
            assert truth.port == again.peer.port
            await again.channel.close()

    play(act)


def test_a_crowd(lab: Lab, h1: ssl.SSLContext) -> None:
    """Who is no member is counted and not dialled; many lies of one name are three lines."""
    connected: list[object] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(reader)
        writer.close()

    async def act() -> None:
        async with (
            announced(lab, None, note) as lie,
            announced(lab, h1, answering(welcome())) as truth,
        ):
            strangers = [replace(lie, name=f"x{number}") for number in range(200)]
            found = await discover(lab.operator, hear(*strangers), 0)
            told = "x0 and 199 more are announced as of this cluster, and no member of it"
            assert Discovery((), (told,)) == found
            assert [] == connected
            found = await discover(lab.operator, hear(*[lie] * 40, truth), 0)
            assert (truth.port,) == tuple(peer.port for peer in found.peers)
            assert 4 == len(found.remarks)
            assert "h1 is announced 37 times more, and not used" == found.remarks[-1]
            assert 40 == len(connected)

    play(act)


def test_members_are_asked_for(lab: Lab, h1: ssl.SSLContext) -> None:
    """By their names, so that no crowd keeps them from being heard."""
    asked: list[Sequence[str]] = []

    async def heard(_: float, names: Sequence[str]) -> list[Announcement]:
        asked.append(names)
        return []

    async def act() -> None:
        await discover(lab.operator, heard, 0)
        with pytest.raises(CannotStart):
            await find_again(Peer("h2"), lab.operator, heard, 0)

    play(act)
    assert "h1" in asked[0]
    assert ["h2"] == asked[1]


def test_two_agents_under_one_name(lab: Lab, h1: ssl.SSLContext) -> None:
    """Two that both prove the same name are told of; the same agent, heard twice, is one (F-35)."""

    async def act() -> None:
        async with (
            announced(lab, h1, answering(welcome(process=1))) as one,
            announced(lab, h1, answering(welcome(process=2))) as other,
        ):
            found = await discover(lab.operator, hear(one, other), 0)
            assert 1 == len(found.peers)
            (remark,) = found.remarks
            assert "two agents call themselves h1" in remark
            assert () == (await discover(lab.operator, hear(one, one), 0)).remarks

    play(act)


def test_found_by_name_alone(lab: Lab, h1: ssl.SSLContext) -> None:
    """Of all that is announced only the peer's own name is dialled to find it again."""

    async def act() -> None:
        async with announced(lab, h1, answering(welcome())) as said:
            with pytest.raises(CannotStart, match="nobody announces h2"):
                await find_again(Peer("h2"), lab.operator, hear(said), 0)
            stranger = replace(said, fingerprint="00" * 16)
            with pytest.raises(CannotStart, match="nobody announces h1"):
                await find_again(Peer("h1"), lab.operator, hear(stranger), 0)

    play(act)
