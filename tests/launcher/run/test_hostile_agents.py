"""Agents that send what nobody asked for: the launcher writes, shows and believes none of it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.notices import Envelope, Standing, Unread, Waiting
from launcher.agent.host import python_version
from launcher.cluster.peers_file import Peer
from launcher.control import files
from launcher.control import messages as m
from launcher.control.channel import Channel, memory_pair
from launcher.errors import ChannelClosed
from launcher.run.connect import Connection
from launcher.run.controller import Controller
from launcher.run.events import TimerFired
from launcher.run.life import State
from launcher.run.plain import listed, plain_lines
from launcher.run.sinks import Sinks
from launcher.run.table import View
from launcher.ship.bundle import Bundle
from launcher.ship.manifest import FileEntry, Manifest
from tests.launcher.run.course_kit import CLOSED, at, make_course

SECRET = b"what only the launcher's machine has"
LIMIT_S = 30.0
GOOD_ANSWERS: dict[type, tuple[Any, ...]] = {
    m.OpenRun: (m.Missing(()), m.Shipped()),
    m.StartNodes: (m.NodeReady(2),),
    m.SignalNodes: (m.NodeExited(2, None, 15),),
    m.AbortRun: (m.NodeExited(2, None, 15),),
    files.CollectFiles: (
        files.FilePart(2, "good.txt", b"good", True, hashlib.sha256(b"good").digest()),
        files.FilesSent(()),
    ),
    m.CloseRun: (CLOSED,),
}
Script = Callable[[Channel], Coroutine[Any, Any, None]]


def play(folder: Path, hostile: Script, **course: Any) -> Controller:
    """A run of nodes 0 and 1 on the hostile agent, h0, and node 2 on a good one; how it ended."""
    path = folder / "prog.py"
    path.write_bytes(b"pass\n")
    (folder / "secret").write_bytes(SECRET)
    digest = hashlib.sha256(b"pass\n").digest()
    bundle = Bundle(Manifest((FileEntry("prog.py", 0o600, 5, digest),)), {digest: path}, {}, None)

    async def act() -> Controller:
        pairs = [memory_pair(), memory_pair()]
        welcome = m.Welcome(m.PROTOCOL, "0", python_version(), "h", 4)
        connections = [
            Connection(Peer(f"h{peer}"), ours, welcome) for peer, (ours, _) in enumerate(pairs)
        ]
        sinks = Sinks(3, "report", folder / "out", lambda *_: None)
        controller = Controller(make_course(**course), connections, bundle, sinks, View(), None)
        agents = [
            asyncio.ensure_future(act_as(theirs))
            for act_as, (_, theirs) in zip((hostile, good), pairs, strict=True)
        ]
        async with asyncio.timeout(LIMIT_S):
            await controller.run()
        for agent in agents:
            agent.cancel()
        await asyncio.gather(*agents, return_exceptions=True)
        return controller

    return asyncio.run(act())


async def open_up(channel: Channel, *nodes: int) -> None:
    """What a good agent does, until its nodes are ready."""
    await hear(channel, m.OpenRun)
    await channel.send(m.Missing(()))
    await channel.send(m.Shipped())
    await hear(channel, m.StartNodes)
    for node in nodes:
        await channel.send(m.NodeReady(node))


async def begin(channel: Channel) -> None:
    """What the hostile agent does in order, until its programs run."""
    await open_up(channel, 0, 1)
    await hear(channel, m.OpenLink)
    await channel.send(m.LinkReady(0, 2))
    await hear(channel, m.Go)


async def good(channel: Channel) -> None:
    """An agent with node 2, which ends when it is told to."""
    with contextlib.suppress(ChannelClosed):
        while True:
            for answer in GOOD_ANSWERS.get(type(await channel.receive()), ()):
                await channel.send(answer)


async def hear(channel: Channel, kind: type) -> Any:
    """The next message of this class."""
    while not isinstance(message := await channel.receive(), kind):
        pass
    return message


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (m.Output(2, 1, b"forged"), "it sent the output of a node it does not have"),
        (m.Output(0, 7, b"forged"), "it sent the output of a node it does not have"),
        (m.Output(-1, 1, b"forged"), "it sent the output of a node it does not have"),
        (m.Output(2**63, 1, b"forged"), "it sent the output of a node it does not have"),
        (m.Missing((hashlib.sha256(SECRET).digest(),)), "it sent Missing, which may not come now"),
        (b"cos\nsystem\n", "it sent bytes, which may not come now"),
    ],
)
def test_unasked(tmp_path: Path, said: Any, why: str) -> None:
    """S-24, S-29: what an agent sends of nodes that are not its own is no output, and its end."""

    async def hostile(channel: Channel) -> None:
        await begin(channel)
        await channel.send(said)

    controller = play(tmp_path, hostile)
    cause = controller.machine.ledger.cause()
    assert cause is not None
    assert f"the agent on h0 is gone: {why}" == cause.headline
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert [f"{node}.{end}" for node in range(3) for end in ("err", "out")] == names
    assert [b""] * 6 == [(tmp_path / "out" / name).read_bytes() for name in names]


def test_a_file_that_is_not_shipped(tmp_path: Path) -> None:
    """S-24: an agent gets the files of the bundle; asked for others, the launcher sends nothing."""
    got: list[Any] = []

    async def hostile(channel: Channel) -> None:
        await hear(channel, m.OpenRun)
        await channel.send(m.Missing((hashlib.sha256(SECRET).digest(),)))
        while True:
            got.append(await channel.receive())

    controller = play(tmp_path, hostile)
    cause = controller.machine.ledger.cause()
    assert cause is not None
    assert "it asked for a file that is not of the bundle" in cause.headline
    assert [] == [each for each in got if isinstance(each, m.BlobPart)]


@pytest.mark.parametrize(
    "path", ["../prog.py", "/etc/passwd", "secret", "a/x.txt", "x\\..\\x.txt", "\x1b[2J.txt"]
)
def test_files_that_nobody_wants(tmp_path: Path, path: str) -> None:
    """S-24: an agent that returns other files than were asked for is done; others' files stay."""

    async def hostile(channel: Channel) -> None:
        await begin(channel)
        await channel.send(m.NodeExited(0, 0, None))
        await channel.send(m.NodeExited(1, 0, None))
        await hear(channel, files.CollectFiles)
        sha256 = hashlib.sha256(b"evil").digest()
        await channel.send(files.FilePart(0, "own.txt", b"evil", True, sha256))
        await channel.send(files.FilePart(0, path, b"evil", True, sha256))
        await channel.send(files.FilesSent(()))

    GOOD_ANSWERS[m.Go] = (m.NodeExited(2, 0, None),)
    try:
        into = tmp_path / "distrcomp-out"
        controller = play(tmp_path, hostile, collect=("*.txt",), collect_into=str(into))
    finally:
        del GOOD_ANSWERS[m.Go]
    cause = controller.machine.ledger.cause()
    assert cause is not None
    assert cause.headline.startswith("not all files could be brought back from h0: ")
    assert plain_lines(cause.headline) == cause.headline
    found = sorted(each.relative_to(into).parts[1:] for each in into.rglob("*") if each.is_file())
    assert [("0", "own.txt"), ("2", "good.txt")] == found
    assert SECRET == (tmp_path / "secret").read_bytes()
    assert b"pass\n" == (tmp_path / "prog.py").read_bytes()


NAMES = ("../../etc/passwd", "/abs", "\x1b]0;x\x07", "a\nTotal time : 0.\n", "-rf")


def test_names_of_files(tmp_path: Path) -> None:
    """S-24, S-37: names of files that an agent reports are shown escaped, and open no file."""

    async def hostile(channel: Channel) -> None:
        await begin(channel)
        await channel.send(m.NodeFailed(0, "\x1b[2Jboom", "Traceback\x1b[2J\r", None))
        await channel.send(m.NodeExited(0, 1, None))
        await channel.send(m.NodeExited(1, 0, None))
        await hear(channel, m.CloseRun)
        await channel.send(m.RunClosed(NAMES, 5, NAMES))

    controller = play(tmp_path, hostile)
    outputs = {f"{node}.{end}" for node in range(3) for end in ("err", "out")}
    found = {path.name for path in tmp_path.rglob("*")}
    assert {"prog.py", "secret", "out", *outputs} == found
    (written, remains) = controller.machine.notes
    assert listed(NAMES) in written
    assert listed(NAMES) in remains
    assert all(plain_lines(note) == note for note in controller.machine.notes)


# --- what nodes say of their waits ---------------------------------------------------------------

NUMBERS = st.sampled_from([0, 1, 2, 3, -1, 7, 2**31, 2**63, 2**64 - 1])
TEXTS = st.sampled_from(["recv", "", "a\nTotal time : 0.", "\x1b[2J", "x" * 5000])
SOURCES = st.lists(NUMBERS, max_size=3).map(tuple)
SECONDS = st.sampled_from([0.0, 1.5, -1.0, float("nan"), float("inf"), 1e308])
WAITINGS = st.builds(
    Waiting,
    serial=NUMBERS,
    operation=TEXTS,
    place=TEXTS,
    waited_s=SECONDS,
    has_deadline=st.booleans(),
    sources=SOURCES | st.sampled_from([(1,), (2,), (0,)]),
    wanted=st.none() | st.builds(Envelope, NUMBERS, NUMBERS, NUMBERS),
    members=SOURCES,
)


def standings(number: int) -> st.SearchStrategy[Standing]:
    """Answers to the question of this number, likely ones among them."""
    unread = st.builds(Unread, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
    stuck = st.builds(
        Standing,
        number=st.just(number),
        is_waiting=st.just(True),
        serials=st.just((1,)),
        wakers=st.sampled_from([(0,), (1,), (2,), (0, 1, 2)]),
        unread=st.lists(unread, max_size=3).map(tuple),
    )
    anything = st.builds(
        Standing,
        number=NUMBERS | st.just(number),
        is_waiting=st.booleans(),
        serials=SOURCES,
        wakers=SOURCES,
        wakes_all=st.booleans(),
        arrivals=NUMBERS,
        unread_from=SOURCES,
        unsent_to=SOURCES,
        held=SOURCES,
        is_linking=st.booleans(),
        unread=st.lists(unread, max_size=3).map(tuple),
    )
    return st.one_of(stuck, stuck, anything)


@given(data=st.data())
def test_any_words_of_waits(data: st.DataObject) -> None:
    """S-29: whatever nodes say of their waits, nothing is raised, and what is shown is harmless."""
    driver = at(State.RUNNING)
    for _ in range(data.draw(st.integers(1, 12))):
        node = data.draw(st.integers(0, 2))
        peer = driver.machine.course.placement[node]
        asked = [each for each in driver.told[peer] if isinstance(each, m.AskNodes)]
        what = data.draw(st.sampled_from(["wait", "wait", "stand", "stand", "look", "resume"]))
        if what == "wait":
            driver.say(peer, m.NodeWaiting(node, data.draw(WAITINGS)))
        elif what == "stand":
            for each in asked[-1].nodes if asked else ():
                standing = data.draw(standings(asked[-1].number))
                driver.say(peer, m.NodeStanding(each, standing))
        elif what == "resume":
            driver.say(peer, m.NodeResumed(node, data.draw(NUMBERS)))
        else:
            for name in [each for each in driver.timers if each.startswith("deadlock ")]:
                driver.timers.remove(name)
                driver.event(TimerFired(name))
    cause = driver.machine.ledger.cause()
    if cause is not None:
        assert cause.headline.isprintable()
