"""A run before its program starts, by events."""

from __future__ import annotations

import pytest

from launcher import limits
from launcher.control import messages as m
from launcher.run.events import Interrupt, PeerLost, Say, SetTimer, ShipProgress, TimerFired
from launcher.run.life import State
from tests.launcher.run.course_kit import CLOSED, HASH, at


@pytest.mark.parametrize("state", [State.SHIPPING, State.STARTING, State.PROVING])
def test_peer_lost_early(state: State) -> None:
    """A peer lost before the program starts ends the run with 3; the others clean up."""
    driver = at(state)
    driver.event(PeerLost(0, "the connection broke"))
    assert (3, "h0: the connection broke") == (driver.exit_code, driver.headline)
    assert m.CloseRun() == driver.told[1][-1]
    assert m.CloseRun() not in driver.told[0]
    driver.say(1, CLOSED)
    assert driver.machine.is_done
    assert ["never started"] * 3 == driver.outcomes


@pytest.mark.parametrize("state", [State.SHIPPING, State.STARTING, State.PROVING])
def test_refused_early(state: State) -> None:
    """An agent that refuses ends the run with 3 and its own words."""
    driver = at(state)
    driver.say(1, m.Refused("No space on h1:/var"))
    assert (3, "h1: No space on h1:/var") == (driver.exit_code, driver.headline)
    driver.say(0, CLOSED)
    assert driver.machine.is_done


@pytest.mark.parametrize("state", [State.SHIPPING, State.STARTING, State.PROVING])
def test_interrupt_early(state: State) -> None:
    """Ctrl-C before the program starts: 130, and a second one changes nothing."""
    driver = at(state)
    said = driver.event(Interrupt())[0]
    assert isinstance(said, Say)
    assert said.is_answer
    assert [] == driver.event(Interrupt())
    expected = (130, "interrupted before the program started")
    assert expected == (driver.exit_code, driver.headline)
    driver.close()
    assert driver.machine.is_done


@pytest.mark.parametrize("state", [State.STARTING, State.PROVING])
@pytest.mark.parametrize(
    ("message", "how"),
    [
        (m.NodeExited(1, 0, None), "ended before the program started: exit code 0"),
        (m.NodeExited(1, None, 9), "ended before the program started: killed by SIGKILL (9)"),
        (
            m.NodeFailed(1, "OSError: x", "tb", None),
            "failed before the program started: OSError: x",
        ),
    ],
)
def test_node_ends_early(state: State, message: object, how: str) -> None:
    """A node that ends before Go, even with 0, ends the run with 3 and is named."""
    driver = at(state)
    driver.say(0, message)
    assert (3, f"node 1 on h0 {how}") == (driver.exit_code, driver.headline)
    driver.close()
    assert driver.machine.is_done


def test_link_not_proven() -> None:
    """Two machines that cannot reach each other end the run before it starts."""
    driver = at(State.PROVING)
    why = "node 0 on h0 cannot reach node 2 on h1 (10.0.0.2:6969)"
    assert [SetTimer("not proven", limits.LAST_WORD_S)] == driver.say(0, m.LinkFailed(0, 2, why))
    driver.event(TimerFired("not proven"))
    expected = (3, why)
    assert expected == (driver.exit_code, driver.headline)


def test_a_node_that_ends_is_no_link_that_fails() -> None:
    """The link to a node that dies may fail first; the node is the cause (F-01)."""
    driver = at(State.PROVING)
    driver.say(0, m.LinkFailed(0, 2, "node 0 on h0 cannot reach node 2 on h1"))
    driver.exit(2, None, 9)
    expected = (3, "node 2 on h1 ended before the program started: killed by SIGKILL (9)")
    assert expected == (driver.exit_code, driver.headline)
    assert [] == driver.event(TimerFired("not proven"))


def test_start_timer() -> None:
    """Who is not ready in time is named, and the run does not start."""
    driver = at(State.STARTING)
    driver.say(0, m.NodeReady(0))
    driver.event(TimerFired("start"))
    expected = (3, "not ready within 120 s: node 1 on h0, node 2 on h1")
    assert expected == (driver.exit_code, driver.headline)


def test_start_timer_while_proving() -> None:
    """A link that is neither proven nor refused in time is named."""
    driver = at(State.PROVING)
    driver.event(TimerFired("start"))
    assert "not ready within 120 s: the link from node 0 on h0 to node 2 on h1" == driver.headline


def test_shipping_stalls() -> None:
    """Shipping may take as long as it makes progress; when it makes none, it ends."""
    driver = at(State.SHIPPING)
    assert ["ship"] == driver.timers
    driver.say(0, m.Missing((HASH,)))
    for _ in range(5):
        driver.event(ShipProgress())
        driver.event(TimerFired("ship"))
    assert State.SHIPPING is driver.machine.state
    assert ["ship"] * 6 == driver.timers
    driver.event(TimerFired("ship"))
    expected = "the files do not arrive: no progress in 300 s: h0, h1"
    assert (3, expected) == (driver.exit_code, driver.headline)
