"""The life of a run: its table, its gate, and what holds whatever happens."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher import limits
from launcher.control import files, looks
from launcher.control import messages as m
from launcher.run import machine
from launcher.run.events import (
    CannotKeep,
    FromPeer,
    Interrupt,
    PeerLost,
    Ship,
    ShipProgress,
    Tell,
    TimerFired,
)
from launcher.run.life import State
from launcher.run.machine import TABLE, RunMachine
from tests.launcher.run.course_kit import CLOSED, HASH, Driver, at, make_course


def test_diagram() -> None:
    """The docstring's diagram names exactly the states of the table, and so does the enum."""
    diagram = (machine.__doc__ or "").split("\n\n")[1]
    names = {state.name.lower() for state in State}
    assert names == set(re.findall("|".join(sorted(names)), diagram))
    assert set(State) == set(TABLE)
    words = set(re.findall(r"[a-z]{4,}ing\b|done", diagram))
    assert names == words


def test_whole_run() -> None:
    """A run in which nothing goes wrong: ship, start, prove, go, end, clean up; exit code 0."""
    driver = at(State.SHIPPING)
    course = driver.machine.course
    assert [course.opening] == driver.told[0] == driver.told[1]
    assert [Ship(0, (HASH,), (0,))] == driver.say(0, m.Missing((HASH,)))
    assert [] == driver.say(1, m.Missing(()))
    assert [] == driver.say(0, m.Shipped())
    driver.say(1, m.Shipped())
    assert [course.orders[0], course.orders[1]] == [driver.told[0][-1], driver.told[1][-1]]
    driver.say(0, m.NodeReady(1), m.NodeReady(0))
    assert [Tell(0, m.OpenLink(0, 2))] == driver.say(1, m.NodeReady(2))
    assert [Tell(0, m.Go()), Tell(1, m.Go())] == driver.say(0, m.LinkReady(0, 2))
    assert State.RUNNING is driver.machine.state
    assert m.EndOfNode(1, "it has finished (exit code 0)") in [
        action.message for action in driver.exit(1) if isinstance(action, Tell)
    ]
    driver.exit(0)
    driver.exit(2)
    assert [m.CloseRun(), m.CloseRun()] == [driver.told[0][-1], driver.told[1][-1]]
    driver.say(0, CLOSED)
    assert not driver.machine.is_done
    driver.say(1, CLOSED)
    assert driver.machine.is_done
    assert (0, None, []) == (driver.exit_code, driver.headline, driver.machine.notes)
    assert ["finished"] * 3 == driver.outcomes


def test_nothing_to_prove() -> None:
    """On one machine the programs begin as soon as all nodes are ready."""
    driver = Driver(make_course((0, 0), proofs=()))
    driver.start()
    assert [m.Go()] == driver.told[0][-1:]
    assert State.RUNNING is driver.machine.state


@pytest.mark.parametrize("state", list(State))
def test_unexpected_messages(state: State) -> None:
    """S-12: what may not come in a state makes its sender lost, and harms nobody else."""
    kinds = [m.Welcome(1, "", "", "", 1), m.Pong(1), m.Go(), m.CloseRun(), m.Output(0, 1, b"")]
    known = [m.Missing(()), m.Shipped(), m.NodeReady(2), m.RunClosed((), 0, ())]
    for message in [*kinds, *known]:
        if type(message) in TABLE[state]:
            continue
        driver = at(state)
        driver.say(1, message)
        if state is not State.DONE:
            assert [] == driver.say(1, m.Note("I am still here"))
            assert "I am still here" not in driver.machine.notes
            assert state is not State.RUNNING or driver.headline == (
                f"the agent on h1 is gone: it sent {type(message).__name__}, which may not come now"
            )


@pytest.mark.parametrize("node", [0, 3, -1, 2**64 - 1])
def test_foreign_nodes(node: int) -> None:
    """S-29: a peer that speaks of a node that is not its own is lost."""
    for message in (
        m.NodeExited(node, 0, None),
        m.NodeFailed(node, "", "", None),
        m.NodeFindings(node, 0.0, "", ""),
        m.LinkWanted(node, 0),
        m.LinkReady(node, 0),
        m.LinkFailed(node, 0, ""),
        looks.StacksTaken(b"", (looks.NodeStacks(2, "", ""), looks.NodeStacks(node, "", ""))),
    ):
        driver = at(State.RUNNING)
        driver.say(1, message)
        kind = type(message).__name__
        expected = f"the agent on h1 is gone: it sent {kind} for a node it does not have"
        assert expected == driver.headline
        assert "never started" not in driver.outcomes


@pytest.mark.parametrize(
    ("state", "messages"),
    [
        (State.SHIPPING, [m.Missing(())] * 5),
        (State.SHIPPING, [m.Missing(()), m.Shipped(), m.Missing(())]),
        (State.SHIPPING, [m.Missing((HASH,), (-1,))]),
        (State.SHIPPING, [m.Missing((HASH,), (1, 2))]),
        (State.SHIPPING, [m.Missing((HASH, HASH))]),
        (State.SHIPPING, [m.Shipped()]),
        (State.SHIPPING, [m.Missing(()), m.Shipped(), m.Shipped()]),
        (State.STARTING, [m.NodeReady(2), m.NodeReady(2)]),
        (State.RUNNING, [m.NodeReady(2)]),
        (State.RUNNING, [m.NodeExited(2, None, None)]),
        (State.RUNNING, [m.NodeExited(2, 0, 9)]),
        (State.RUNNING, [m.RunClosed((), 0, ())]),
    ],
)
def test_twice_or_impossible(state: State, messages: list[object]) -> None:
    """What may come once, or never so, is its sender's end."""
    driver = at(state)
    driver.say(1, *messages)
    assert "it sent" in (driver.headline or "")
    assert (3 if state in (State.SHIPPING, State.STARTING) else 1) == driver.exit_code


def test_done_is_done() -> None:
    """Whatever comes after the end changes nothing."""
    driver = at(State.DONE)
    events = [Interrupt(), TimerFired("close"), PeerLost(0, ""), ShipProgress()]
    for event in [*events, FromPeer(0, m.Note("x")), FromPeer(1, m.Refused("x"))]:
        assert [] == driver.event(event)
    assert (0, []) == (driver.exit_code, driver.machine.notes)


# --- whatever happens ----------------------------------------------------------------------------

NODES = st.sampled_from([0, 1, 2, 3, -1, 2**64 - 1])
CODES = st.sampled_from([None, 0, 1, 3, 255, -7, 2**63])
STACKS = st.builds(looks.NodeStacks, NODES, st.just("stack"), st.just(""))
MESSAGES = st.one_of(
    st.builds(m.Missing, st.sampled_from([(), (HASH,), (HASH, HASH)])),
    st.just(m.Shipped()),
    st.builds(m.NodeReady, NODES),
    st.builds(m.LinkReady, NODES, NODES),
    st.builds(m.LinkFailed, NODES, NODES, st.just("no way")),
    st.builds(m.LinkWanted, NODES, NODES),
    st.builds(m.NodeFailed, NODES, st.just("Error"), st.just("tb"), st.none() | NODES),
    st.builds(m.NodeFindings, NODES, st.floats(), st.just("memory"), st.just("crash")),
    st.builds(m.NodeExited, NODES, CODES, st.sampled_from([None, 9, 15, 0, 2**40])),
    st.builds(looks.StacksTaken, st.just(b""), st.just(()) | st.tuples(STACKS)),
    st.builds(m.RunClosed, st.just(("out",)), st.integers(-1, 3), st.just(())),
    st.builds(files.FilePart, NODES, st.just("a"), st.just(b"x"), st.booleans(), st.just(b"")),
    st.sampled_from([files.FilesSent(()), files.FilesSent(("no",))]),
    st.sampled_from([m.Refused("no"), m.Note("x"), m.Pong(1), m.Go()]),
)
EVENTS = st.one_of(
    st.builds(FromPeer, st.integers(0, 1), MESSAGES),
    st.builds(FromPeer, st.integers(0, 1), MESSAGES),
    st.builds(
        TimerFired,
        st.sampled_from(["ship", "start", "limit", "term", "kill", "give up", "collect"]),
    ),
    st.builds(PeerLost, st.integers(0, 1), st.just("gone")),
    st.sampled_from([Interrupt(), ShipProgress(), CannotKeep("no room")]),
)
AFTER = {
    State.SHIPPING: {State.STARTING, State.CLOSING, State.DONE},
    State.STARTING: {State.PROVING, State.RUNNING, State.CLOSING, State.DONE},
    State.PROVING: {State.RUNNING, State.CLOSING, State.DONE},
    State.RUNNING: {State.STOPPING, State.COLLECTING, State.CLOSING, State.DONE},
    State.STOPPING: {State.COLLECTING, State.CLOSING, State.DONE},
    State.COLLECTING: {State.CLOSING, State.DONE},
    State.CLOSING: {State.DONE},
    State.DONE: set(),
}


@given(
    beginning=st.sampled_from(list(State)),
    events=st.lists(EVENTS, max_size=40),
    continue_on_failure=st.booleans(),
    timeout_s=st.sampled_from([None, 5.0]),
    collect=st.sampled_from([(), ("*",)]),
)
def test_any_events(
    beginning: State,
    events: list[object],
    continue_on_failure: bool,
    timeout_s: float | None,
    collect: tuple[str, ...],
) -> None:
    """S-12: events in any order raise nothing and move forward only; it ends, with a verdict.

    The verdict: an exit code that a process can have, and a cause if and only if it isn't 0.
    """
    options = {"continue_on_failure": continue_on_failure, "timeout_s": timeout_s}
    driver = at(beginning, **options, **({"collect": collect} if collect else {}))
    for event in events:
        before = driver.machine.state
        driver.event(event)
        assert driver.machine.state is before or driver.machine.state in AFTER[before]
        check_verdict(driver)
    end(driver)
    check_verdict(driver)
    assert driver.machine.is_done
    started = driver.machine.ledger.started_at is not None
    outcomes = {"finished", "failed", "stopped", "lost"} if started else {"never started", "failed"}
    assert set(driver.outcomes) <= outcomes
    assert len(driver.machine.notes) <= limits.NOTES_MAX


def check_verdict(driver: Driver) -> None:
    """A cause if and only if the exit code is not 0, and no failed node in a run that succeeded."""
    assert (driver.exit_code == 0) is (driver.headline is None)
    assert driver.exit_code in range(256)
    if driver.machine.is_done and driver.exit_code == 0:
        assert {"finished"} == set(driver.outcomes)


def end(driver: Driver) -> None:
    """The timers that were set fire, in order, until nothing more comes: then the peers are lost.

    A running program has no bound but its own: there the peers are lost first.
    """
    if driver.machine.state is State.RUNNING:
        for peer in (0, 1):
            driver.event(PeerLost(peer, "gone"))
    for _ in range(50):
        if driver.machine.is_done:
            return
        assert driver.timers, f"nothing would ever end {driver.machine.state}"
        driver.event(TimerFired(driver.timers.pop(0)))


def test_begin_asks_for_a_bound() -> None:
    """The first thing a run does is to open itself on each peer, with a timer running."""
    actions = RunMachine(make_course()).begin()
    assert ["Tell", "Tell", "SetTimer"] == [type(action).__name__ for action in actions]
