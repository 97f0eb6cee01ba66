"""The launcher's part in environments, towards peers that answer this or that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from launcher import limits
from launcher.control import environments as e
from launcher.control import messages as m
from launcher.control.channel import Channel
from launcher.environment.lock import Lock
from launcher.environment.need import Need
from launcher.environment.wheels import Wheels
from launcher.errors import BadUsage, CannotStart
from launcher.run.providing import Provider, provide
from launcher.run.table import View
from tests.launcher.agent.agent_kit import play
from tests.launcher.environment.keeper import Keeper
from tests.launcher.environment.test_wheels import lock_of
from tests.launcher.run.test_versions import connection
from tests.wheels import make_wheel

DEBIAN = e.WheelsWanted((3, 11), "cp311", "x86_64", "glibc", (2, 36))
WANTED = e.WantEnvironment("", "", False)

Peer = Callable[[Channel], Awaitable[None]]


class Shown(View):
    """Notes what is shown."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.ready: list[str] = []

    def preparing(self, peer: str, text: str) -> None:
        self.lines.append((peer, text))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept lies in the test's own folder."""
    monkeypatch.setenv("DISTRCOMP_HOME", str(tmp_path / "home"))


def answering(*answers: Any) -> Peer:
    """A peer that is asked once, and says these."""

    async def serve(channel: Channel) -> None:
        await channel.receive()
        for answer in answers:
            await channel.send(answer)

    return serve


def provided(requires: str = "", **peers: Peer) -> tuple[Lock, tuple[str, ...], Shown]:
    """What comes of providing an environment without packages to such peers."""
    shown, outcomes = Shown(), []

    async def act() -> None:
        made = {name: connection(name) for name in peers}
        serving = [peers[name](channel) for name, (_, channel) in made.items()]
        need = Need((), (), (), requires, Path.cwd())
        connections = [each for each, _ in made.values()]
        outcome = provide(need, connections, shown, shown.ready.append, Keeper())
        found, *_ = await asyncio.gather(outcome, *serving)
        outcomes.append(found)

    play(act)
    return (*outcomes[0], shown)


def test_all_are_ready() -> None:
    """What each peer says is shown until all are done."""
    lock, notes, shown = provided(
        h1=answering(e.EnvironmentStep("Downloading tiny"), e.EnvironmentReady()),
        h2=answering(m.Note("x"), e.EnvironmentReady()),
    )
    assert (Lock(()), ()) == (lock, notes)
    told = [("h1", "Downloading tiny"), ("h1", "ready"), ("h2", "ready")]
    assert set(told) < set(shown.lines)
    assert ["h1", "h2"] == sorted(shown.ready)


def test_the_same_reason_is_told_once() -> None:
    """Each reason has its peers before it."""
    words = e.EnvironmentFailed("uv says:\nerror: no tiny")
    with pytest.raises(CannotStart) as caught:
        provided(h1=answering(words), h2=answering(m.Refused("full")), h3=answering(words))
    expected = ["h1, h3: uv says:", "error: no tiny", "h2: full"]
    assert expected == str(caught.value).splitlines()


def test_odd_peers() -> None:
    """One that says what may not come, asks for nonsense, or too often, is named."""
    with pytest.raises(CannotStart) as caught:
        provided(
            h1=answering(m.Shipped()),
            h2=answering(e.WheelsWanted((), "", "", "", ())),
            h3=answering(e.WheelsMissing((bytes(32),), (0,))),
            h4=answering(*[e.WheelsMissing((), ())] * (limits.MISSING_MAX + 1)),
        )
    assert [
        "h1: it sent Shipped, which may not come now",
        "h2: it sent WheelsWanted with impossible content",
        "h3: it asked for a wheel that was not offered",
        "h4: it asked for wheels again and again",
    ] == str(caught.value).splitlines()


def test_one_that_is_lost() -> None:
    """It is named."""

    async def leave(channel: Channel) -> None:
        await channel.close()

    with pytest.raises(CannotStart, match="h1: it was lost while it made the environment"):
        provided(h1=leave)


def test_another_python() -> None:
    """What the program requires of Python is looked at here first."""
    with pytest.raises(BadUsage, match=r"the program requires Python >=3\.99, and this is 3"):
        provided(">=3.99", h1=answering())


def served(tmp_path: Path, url: str, offset: int = 0) -> list[Any]:
    """What a peer hears that wants wheels, and what is offered of them but for so many bytes."""
    heard: list[Any] = []
    lock = lock_of((url, make_wheel(tmp_path / "index", "tiny", "1.0")))

    async def serve(channel: Channel) -> None:
        await channel.receive()
        await channel.send(DEBIAN)
        heard.append(await channel.receive())
        hashes = tuple(wheel.sha256 for wheel in heard[0].wheels)
        await channel.send(e.WheelsMissing(hashes, (offset,) * len(hashes)))
        while hashes and not getattr(heard[-1], "last", False):
            heard.append(await channel.receive())
        await channel.send(e.EnvironmentReady())

    async def act() -> None:
        ours, theirs = connection("h1")
        provider = Provider(ours, Wheels(lock, tmp_path / "kept", tmp_path), View())
        await asyncio.gather(provider.provide(WANTED), serve(theirs))
        assert bool(heard[0].wheels) is provider.has_offered

    play(act)
    return heard


def test_wheels_are_sent(tmp_path: Path) -> None:
    """Those that fit are offered, by name, size and hash; those that are missing come whole."""
    url = "index/tiny/tiny-1.0-py3-none-any.whl"
    offer, *parts = served(tmp_path, url)
    (wheel,) = offer.wheels
    data = (tmp_path / url).read_bytes()
    assert ("tiny-1.0-py3-none-any.whl", len(data), "") == (wheel.name, wheel.size, offer.why_not)
    assert data == b"".join(part.data for part in parts)
    assert {wheel.sha256} == {part.sha256 for part in parts}
    _, *rest = served(tmp_path, url, offset=100)
    assert data[100:] == b"".join(part.data for part in rest)


def test_wheels_that_cannot_be_fetched(tmp_path: Path) -> None:
    """The peer is told why, and says the rest."""
    (offer,) = served(tmp_path, "http://me:secret@127.0.0.1:1/x.whl")
    assert () == offer.wheels
    expected = "nor can the launcher fetch them: http://127.0.0.1:1/x.whl cannot be fetched: "
    assert offer.why_not.startswith(expected)
