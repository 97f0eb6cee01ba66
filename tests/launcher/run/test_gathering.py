"""Files are brought back before a run is over, by events."""

from __future__ import annotations

import pytest

from launcher import limits
from launcher.control import files as f
from launcher.control import messages as m
from launcher.run.events import CannotKeep, Interrupt, PeerLost, TimerFired
from launcher.run.life import State
from tests.launcher.run.course_kit import CLOSED, Driver, at

WANTED = ("*.txt",)
PART = f.FilePart(2, "a.txt", b"x", False, b"")


def collecting() -> Driver:
    """A run whose nodes have ended well."""
    return at(State.COLLECTING, collect=WANTED)


def test_collected() -> None:
    """All peers are asked when all nodes have ended, and clean up when all have answered."""
    driver = collecting()
    ended_at = driver.machine.ledger.ended_at
    assert [f.CollectFiles(WANTED)] == driver.told[0][-1:] == driver.told[1][-1:]
    driver.say(1, PART, f.FilesSent(()))
    assert State.COLLECTING is driver.machine.state
    driver.say(0, f.FilesSent(()))
    assert [m.CloseRun()] == driver.told[0][-1:] == driver.told[1][-1:]
    assert driver.machine.was_searched
    driver.close()
    assert driver.machine.is_done
    assert (0, [], ended_at) == (
        driver.exit_code,
        driver.machine.notes,
        driver.machine.ledger.ended_at,
    )


def test_nothing_asked_for() -> None:
    """Without --collect, and where no program began, nothing is brought back."""
    assert State.CLOSING is at(State.CLOSING).machine.state
    driver = at(State.SHIPPING, collect=WANTED)
    driver.event(Interrupt())
    assert State.CLOSING is driver.machine.state


def test_of_a_failed_run() -> None:
    """What a failed run has written is brought back, too; its cause stands."""
    driver = at(State.RUNNING, collect=WANTED)
    driver.fail(2)
    for node in range(3):
        driver.exit(node, 1)
    assert State.COLLECTING is driver.machine.state
    driver.event(PeerLost(0, "gone"))
    driver.say(1, f.FilesSent(("'a' cannot be read: Permission denied", "so it is with 'b'")))
    assert "node 2 on h1 failed: ValueError: boom" == driver.headline
    assert [
        "not all files could be brought back from h0: gone",
        "not all files could be brought back from h1: 'a' cannot be read: Permission denied",
        "not brought back from h1: so it is with 'b'",
    ] == driver.machine.notes


def test_why_not() -> None:
    """The report begins with the reason, so it is there where notes are not wanted."""
    driver = collecting()
    driver.say(0, f.FilesSent(("'a' cannot be read: no space", "so it is with 'b'")))
    driver.say(1, f.FilesSent(()))
    expected = "not all files could be brought back from h0: 'a' cannot be read: no space"
    assert expected == driver.headline
    assert ["not brought back from h0: so it is with 'b'"] == driver.machine.notes


@pytest.mark.parametrize(
    ("event", "headline"),
    [
        (PeerLost(1, "gone"), "not all files could be brought back from h1: gone"),
        (CannotKeep("no room"), "no room"),
        (Interrupt(), "not all files were brought back: interrupted"),
    ],
)
def test_incomplete(event: object, headline: str) -> None:
    """A run that was well has failed when files could not be brought back; it ends all the same."""
    driver = collecting()
    driver.say(0, f.FilesSent(()))
    driver.event(event)
    assert State.CLOSING is driver.machine.state
    assert headline == driver.headline
    assert (130 if isinstance(event, Interrupt) else 1) == driver.exit_code
    driver.say(0, CLOSED)
    driver.say(1, CLOSED)
    assert driver.machine.is_done


def test_stalled() -> None:
    """It takes as long as something comes, and not for ever."""
    driver = collecting()
    driver.say(1, PART)
    driver.event(TimerFired("collect"))
    assert State.COLLECTING is driver.machine.state
    driver.event(TimerFired("collect"))
    assert State.CLOSING is driver.machine.state
    seconds = f"{limits.COLLECT_STALL_TIMEOUT_S:g} s"
    expected = f"not all files could be brought back: nothing came for {seconds} from h0, h1"
    assert expected == driver.headline


@pytest.mark.parametrize(
    "messages",
    [
        [f.FilePart(0, "a.txt", b"x", False, b"")],
        [f.FilesSent(()), f.FilesSent(())],
        [f.FilesSent(()), PART],
        [m.Refused("no")],
    ],
)
def test_impossible(messages: list[object]) -> None:
    """S-24: a peer that sends files of others, or more after its last one, is lost."""
    driver = collecting()
    driver.say(1, *messages)
    driver.say(0, f.FilesSent(()))
    assert State.CLOSING is driver.machine.state
    assert "not all files could be brought back from h1" in (driver.headline or "")


def test_late_parts() -> None:
    """What is under way when nobody waits any more does no harm."""
    driver = collecting()
    driver.event(Interrupt())
    assert [] == driver.say(1, PART, f.FilesSent(()))
    driver.close()
    assert driver.machine.is_done
