"""What a run does about nodes that wait for each other, by events."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distrcomp.notices import Envelope, Standing, Waiting
from launcher.control import looks
from launcher.control import messages as m
from launcher.run.events import Say, Tell, TimerFired
from launcher.run.life import State
from tests.launcher.run.course_kit import Driver, at, make_course

FIRST = "Deadlock: nodes 0 and 2 wait for each other, and no message is on its way."


def waits_for(source: int, serial: int = 1) -> Waiting:
    wanted = Envelope(0, source, -1)
    return Waiting(serial, f"recv(source={source})", "a.py:1", 1.0, False, (source,), wanted, ())


def running(on_deadlock: str) -> Driver:
    """Node 0 on h0 and node 2 on h1 wait for each other; node 1 runs."""
    driver = Driver(replace(make_course(), on_deadlock=on_deadlock))
    driver.run()
    driver.say(0, m.NodeWaiting(0, waits_for(2)))
    driver.say(1, m.NodeWaiting(2, waits_for(0)))
    return driver


def answer(driver: Driver, number: int) -> list[object]:
    """Both say that they wait."""
    driver.say(0, m.NodeStanding(0, Standing(number, True, (1,), (2,))))
    return list(driver.say(1, m.NodeStanding(2, Standing(number, True, (1,), (0,)))))


def test_abort() -> None:
    """The peers of those nodes are asked twice; then the run is ended, with the verdict on top."""
    driver = running("abort")
    asked = driver.event(TimerFired("deadlock 1"))
    assert [Tell(0, m.AskNodes(1, (0,))), Tell(1, m.AskNodes(1, (2,)))] == asked
    assert [Tell(0, m.AskNodes(2, (0,))), Tell(1, m.AskNodes(2, (2,)))] == answer(driver, 1)
    why = "nodes 0 and 2 wait for each other, and no message is on its way"
    actions = answer(driver, 2)
    assert [looks.TakeStacks] * 2 == [type(action.message) for action in actions[:2]]
    assert [Tell(peer, m.AbortRun(None, why)) for peer in (0, 1)] == actions[2:4]
    assert State.STOPPING is driver.machine.state
    assert "term" in driver.timers
    for node in range(3):
        driver.exit(node, 1)
    driver.close()
    assert (1, FIRST) == (driver.exit_code, driver.headline)
    assert ["stopped"] * 3 == driver.outcomes
    cause = driver.machine.ledger.cause()
    assert cause is not None
    assert "node 2 waits in recv(source=0) at a.py:1 for" in cause.traceback


def test_report() -> None:
    """It is said at once, stands among the notes, and the run goes on."""
    driver = running("report")
    driver.event(TimerFired("deadlock 1"))
    answer(driver, 1)
    (said,) = answer(driver, 2)
    assert isinstance(said, Say)
    assert said.text.startswith(FIRST)
    assert FIRST == driver.machine.notes[0]
    assert State.RUNNING is driver.machine.state


def test_ignore() -> None:
    """Nobody is asked, ever."""
    driver = running("ignore")
    assert [] == [name for name in driver.timers if name.startswith("deadlock")]
    assert [] == driver.event(TimerFired("deadlock 1"))


def test_one_that_goes_on_is_no_matter() -> None:
    """The look finds nobody to ask."""
    driver = running("abort")
    driver.say(0, m.NodeResumed(0, 1))
    assert [] == driver.event(TimerFired("deadlock 1"))


@pytest.mark.parametrize("state", [State.STOPPING, State.CLOSING])
def test_a_run_that_ends_asks_nobody(state: State) -> None:
    """What nodes still tell of their waits changes nothing, and is no mistake of their peer's."""
    driver = at(state)
    standing = Standing(1, False)
    messages = (m.NodeWaiting(0, waits_for(1)), m.NodeResumed(0, 1), m.NodeStanding(0, standing))
    assert [] == driver.say(0, *messages)
    assert state is driver.machine.state


def test_an_end_is_looked_at() -> None:
    """Who waits for any other one is asked once all others wait, or have ended."""
    driver = running("abort")
    driver.say(0, m.NodeResumed(0, 1))
    anyone = Waiting(2, "recv()", "a.py:1", 1.0, False, (), Envelope(0, -1, -1), ())
    driver.say(0, m.NodeWaiting(0, anyone))
    assert [] == driver.event(TimerFired("deadlock 1"))
    driver.exit(1)
    (timer,) = [name for name in driver.timers if name == "deadlock 2"]
    assert Tell(0, m.AskNodes(1, (0,))) in driver.event(TimerFired(timer))


def test_a_node_of_another_peer() -> None:
    """A peer that tells of a node it doesn't have is treated as lost, as with any message."""
    driver = running("abort")
    driver.say(1, m.NodeWaiting(0, waits_for(1)))
    assert State.STOPPING is driver.machine.state
