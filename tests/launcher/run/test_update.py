"""What an operator says of agents that can't be updated from here, or break off."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from launcher.control import messages as m
from launcher.control import updates as u
from launcher.control.channel import StreamChannel
from launcher.environment.release import Release
from launcher.errors import CannotStart
from launcher.run.update import Updated, update
from launcher.ship.manifest import FileEntry, Manifest
from tests.launcher.lab import Lab, Talk, listening, peer_at

RELEASE = Release(
    "2.0", Manifest((FileEntry("distrcomp/x.py", 0o600, 1, b"h" * 32),)), {b"h" * 32: b"x"}
)
WELCOME = m.Welcome(m.PROTOCOL, "1.0", "3.11", "h1", 4)
BY_HAND = ": install the version of this machine by hand, once"


def saying(*answers: Any) -> Talk:
    """An agent that gives these answers, each to a message, and then hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = StreamChannel(reader, writer, m.CONTROL)
        for answer in answers:
            await channel.receive()
            await channel.send(answer)
        await channel.close()

    return talk


def outcome(folder: Path, *answers: Any) -> Updated:
    """What becomes of the update of such an agent."""
    lab = Lab(folder)
    context = lab.agent().server_context()

    async def go() -> Updated:
        async with listening(saying(*answers), context) as port:
            return await update(peer_at(port), lab.operator, RELEASE)

    return asyncio.run(go())


def test_has_it_already(tmp_path: Path) -> None:
    """Nothing is sent to an agent whose release has the same hash, whatever it calls itself."""
    answers = WELCOME, u.ReleaseIs(RELEASE.sha256), u.ReleaseKept()
    assert Updated("1.0", None) == outcome(tmp_path, *answers)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            (m.Welcome(0, "0.0", "3.11", "h1", 4),),
            f"distrcomp 0.0 there cannot be updated from here (it speaks protocol 0, this one "
            f"{m.PROTOCOL}){BY_HAND}",
        ),
        (
            (WELCOME, m.Refused("unknown message 'AskRelease'")),
            "distrcomp 1.0 there cannot be updated from here (unknown message 'AskRelease')"
            f"{BY_HAND}",
        ),
        (
            (WELCOME, u.ReleaseIs(b"other"), m.Refused("no space left")),
            "no space left; the agent goes on with distrcomp 1.0",
        ),
        (
            (WELCOME, u.ReleaseIs(b"other"), m.Missing((b"z" * 32,))),
            "the agent broke off (it asked for a file that is not of distrcomp); what starts there "
            "is distrcomp 1.0",
        ),
        (
            (WELCOME, u.ReleaseIs(b"other"), m.Shipped(), m.Refused("a run goes on there")),
            "a run goes on there; the agent goes on with distrcomp 1.0",
        ),
        (
            (WELCOME, u.ReleaseIs(b"other"), m.Shipped()),
            "the agent broke off (the other end closed the connection); what starts there is "
            "distrcomp 1.0",
        ),
    ],
)
def test_fails(tmp_path: Path, answers: tuple[Any, ...], expected: str) -> None:
    """Each ends in one sentence, which says what the agent is now."""
    with pytest.raises(CannotStart) as failed:
        outcome(tmp_path, *answers)
    assert expected == str(failed.value)
