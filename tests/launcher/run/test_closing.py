"""The end of a run, by events."""

from __future__ import annotations

import pytest

from launcher import limits
from launcher.control import messages as m
from launcher.run.events import FromPeer, Interrupt, PeerLost, TimerFired
from launcher.run.life import State
from tests.launcher.run.course_kit import CLOSED, at


def test_closing_ignores_the_late() -> None:
    """What was under way when the run ended does no harm, and its sender still counts."""
    driver = at(State.STARTING)
    driver.event(Interrupt())
    late = [
        m.NodeReady(2),
        m.LinkReady(2, 0),
        m.LinkFailed(2, 0, ""),
        m.LinkWanted(2, 0),
        m.NodeFailed(2, "", "", None),
        m.Note("OMP_NUM_THREADS=1"),
        m.NodeExited(2, None, 9),
    ]
    assert [] == driver.say(1, *late)
    driver.close()
    assert driver.machine.is_done
    assert ["OMP_NUM_THREADS=1"] == driver.machine.notes
    assert ["never started"] * 3 == driver.outcomes


def test_closed_twice() -> None:
    """RunClosed counts once, with its notes."""
    driver = at(State.CLOSING)
    closed = m.RunClosed(("out.txt", "b"), 5, ("/tmp/x",))
    driver.say(0, closed, closed)
    assert [
        "5 files were written in the sandbox on h0 and not kept: out.txt, b, 3 more "
        "(--collect GLOB brings files back)",
        "h0 could not remove /tmp/x",
    ] == driver.machine.notes
    assert not driver.machine.is_done
    driver.event(PeerLost(0, "the other end closed the connection"))
    driver.say(1, CLOSED)
    assert driver.machine.is_done
    assert 2 == len(driver.machine.notes)


@pytest.mark.parametrize(
    ("event", "note"),
    [
        (PeerLost(1, "gone"), "h1 did not confirm that it cleaned up: gone"),
        (FromPeer(1, m.Refused("no")), "h1 refused: no"),
        (TimerFired("close"), "h1 did not confirm that it cleaned up: it did not answer in time"),
        (FromPeer(1, m.Pong(1)), "h1 did not confirm that it cleaned up: it sent Pong, which may"),
    ],
)
def test_peer_never_closes(event: object, note: str) -> None:
    """A peer that does not answer CloseRun is noted; the run's exit code stands."""
    driver = at(State.CLOSING)
    driver.say(0, CLOSED)
    driver.event(event)
    assert driver.machine.is_done
    assert note == driver.machine.notes[0][: len(note)]
    assert 0 == driver.exit_code


def test_notes_are_bounded() -> None:
    """An agent can neither fill the report nor the launcher's memory."""
    driver = at(State.RUNNING)
    driver.say(0, *[m.Note("n" * 10**5)] * 200)
    assert limits.NOTES_MAX == len(driver.machine.notes)
    assert all(len(note) <= limits.SENTENCE_CHARACTERS_MAX for note in driver.machine.notes)
