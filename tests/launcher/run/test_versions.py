"""What is said of machines whose versions differ."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

import distrcomp
from launcher.agent.host import python_version
from launcher.cluster.peers_file import Peer
from launcher.control import environments as e
from launcher.control import messages as m
from launcher.control.channel import Channel, memory_pair
from launcher.environment.lock import Lock, Package
from launcher.errors import CannotStart
from launcher.run.connect import Connection
from launcher.run.versions import compare_libraries, compare_pythons
from tests.launcher.agent.agent_kit import play

OURS = python_version()


def connection(name: str, python: str = OURS) -> tuple[Connection, Channel]:
    """A peer that has welcomed us, and its end of the channel."""
    ours, theirs = memory_pair()
    welcome = m.Welcome(m.PROTOCOL, distrcomp.__version__, python, name, 1)
    return Connection(Peer(name), ours, welcome), theirs


def peers(**pythons: str) -> list[Connection]:
    """Peers with these Pythons."""
    return [connection(name, python)[0] for name, python in pythons.items()]


def test_one_python() -> None:
    """Where all have ours there is nothing to say."""
    assert () == compare_pythons(peers(h1=OURS, h2=OURS), allow_skew=False)


def test_two_pythons() -> None:
    """One table of all machines, and what to do; nothing is started (F-30)."""
    with pytest.raises(CannotStart) as caught:
        compare_pythons(peers(h1=OURS, h2="3.99"), allow_skew=False)
    first, *rows, last = str(caught.value).splitlines()
    assert "the machines have different versions of Python:" == first
    assert [
        "  machine       Python",
        f"  this machine  {OURS}",
        f"  h1            {OURS}",
        "  h2            3.99",
    ] == rows
    assert last.startswith("run the agents with the same x.y, or give --allow-skew")


def test_skew_that_is_allowed() -> None:
    """The same table is a warning in the report."""
    head, *rows = compare_pythons(peers(h1="3.99"), allow_skew=True)
    assert "Python differs, and functions that are sent may fail (--allow-skew):" == head
    assert ["  machine       Python", f"  this machine  {OURS}", "  h1            3.99"] == rows


def compared(
    modules: list[str], lock: Lock | None, **installed: dict[str, str] | Any
) -> tuple[str, ...]:
    """The notes about peers that have these."""
    notes: list[tuple[str, ...]] = []

    async def answer(channel: Channel, have: Any) -> None:
        asked = await channel.receive()
        assert isinstance(asked, e.AskInstalled)
        if isinstance(have, dict):
            have = e.Installed(tuple(have.get(name, "1.0") for name in asked.modules))
        await channel.send(have)

    async def act() -> None:
        made = {name: connection(name) for name in installed}
        answers = [answer(made[name][1], have) for name, have in installed.items()]
        found, *_ = await asyncio.gather(
            compare_libraries(modules, lock, [each for each, _ in made.values()]), *answers
        )
        notes.append(found)

    play(act)
    return notes[0]


def test_libraries() -> None:
    """What differs stands in one table, machine by machine; what is the same doesn't."""
    h1 = {"numpy": "1.26.4", "yaml": "6.0"}
    h2 = {"numpy": "2.1.0", "yaml": ""}
    assert (
        "libraries differ between the machines:",
        "  machine  numpy   yaml",
        "  h1       1.26.4  6.0",
        "  h2       2.1.0   not installed",
    ) == compared(["yaml", "rich"], None, h1=h1, h2=h2)
    assert () == compared(["yaml", "rich"], None, h1=h1, h2=h1)


def test_in_an_environment() -> None:
    """Only distrcomp's own libraries are the machines', as far as the lock has them not."""
    lock = Lock((Package("numpy", "2.0", "", (), ()),))
    h1, h2 = {"numpy": "1", "yaml": "1"}, {"numpy": "2", "yaml": "2"}
    assert () == compared(["yaml"], lock, h1=h1, h2=h2)
    notes = compared(["yaml"], lock, h1={"msgpack": "1"}, h2={"msgpack": "2"})
    assert "  machine  msgpack" == notes[1]


def test_one_machine_is_not_asked() -> None:
    """There is nothing to compare, and no time is lost."""
    alone, _ = connection("h1")
    assert () == asyncio.run(compare_libraries(["numpy"], None, [alone]))


@pytest.mark.parametrize("answer", [m.Refused("no"), e.Installed(("1.0",))])
def test_odd_answers(answer: Any) -> None:
    """A peer that refuses, or answers something else, is named."""
    with pytest.raises(CannotStart, match=r"^h2"):
        compared([], None, h1={}, h2=answer)


def test_our_python_is_that_of_this_process() -> None:
    """x.y, as agents say it."""
    assert f"{sys.version_info.major}.{sys.version_info.minor}" == OURS
