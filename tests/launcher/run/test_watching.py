"""A run while its program runs and while it is stopped, by events."""

from __future__ import annotations

import pytest

from launcher import limits
from launcher.control import looks
from launcher.control import messages as m
from launcher.run.events import Interrupt, PeerLost, Tell, TimerFired
from launcher.run.life import State
from tests.launcher.run.course_kit import CLOSED, at


def test_link_wanted() -> None:
    """A node that cannot dial is dialled; nobody is asked for a node that has ended."""
    driver = at(State.RUNNING)
    assert [Tell(0, m.OpenLink(1, 2))] == driver.say(1, m.LinkWanted(2, 1))
    assert [Tell(1, m.RefuseLink(2, 1, "no"))] == driver.say(0, m.LinkFailed(1, 2, "no"))
    assert [] == driver.say(0, m.LinkReady(1, 2))
    driver.exit(1)
    assert [] == driver.say(1, m.LinkWanted(2, 1), m.LinkFailed(2, 1, "no"))
    assert [] == driver.say(1, m.LinkWanted(2, 77), m.LinkFailed(2, 2**64 - 1, "no"))
    assert State.RUNNING is driver.machine.state


def test_launcher_that_stood_still() -> None:
    """It is told of that, and does not blame an agent that took it for dead."""
    driver = at(State.RUNNING)
    driver.event(PeerLost(0, "the other end closed the connection", 12.4))
    told = (
        "this launcher stood still for 12 s (stopped, or its machine asleep); after 8 s the agents "
        "ended their nodes"
    )
    assert told == driver.headline


def test_node_that_was_interrupted() -> None:
    """One that ends by Ctrl-C's code when another has failed was stopped because of that."""
    driver = at(State.RUNNING)
    driver.fail(1)
    driver.exit(0, 130)
    assert "stopped" == driver.machine.ledger.nodes[0].state


def test_failure_aborts() -> None:
    """F-08: an exception aborts the run; the others are echoes; its exit code is the run's."""
    driver = at(State.RUNNING)
    actions = driver.fail(1)
    assert [Tell(peer, m.AbortRun(1, "ValueError: boom")) for peer in (0, 1)] == actions[:2]
    assert State.STOPPING is driver.machine.state
    driver.fail(0, "NodeLost: node 1", because_of=1)
    driver.fail(2, "NodeLost: node 1", because_of=1)
    for node in (0, 2, 1):
        driver.exit(node, 1)
    driver.close()
    assert driver.machine.is_done
    assert (1, "node 1 on h0 failed: ValueError: boom") == (driver.exit_code, driver.headline)
    assert ["stopped", "failed", "stopped"] == driver.outcomes
    cause = driver.machine.ledger.cause()
    assert cause is not None
    assert ("Traceback of 1", 1, "h0") == (cause.traceback, cause.node, cause.peer)


@pytest.mark.parametrize(
    ("code", "signal", "exit_code", "how"),
    [(3, None, 3, "ended with exit code 3"), (None, 11, 139, "was killed by SIGSEGV (11)")],
)
def test_bad_exit(code: int | None, signal: int | None, exit_code: int, how: str) -> None:
    """F-07: a node's exit code or signal becomes the run's, as a shell shows it."""
    driver = at(State.RUNNING)
    driver.exit(0, code, signal)
    assert m.AbortRun(0, how.partition(" ")[2].removeprefix("with ")) in driver.told[1]
    assert (exit_code, f"node 0 on h0 {how}") == (driver.exit_code, driver.headline)


def test_consequence_before_cause() -> None:
    """A node that blames another one is no root cause, though it was heard of first."""
    driver = at(State.RUNNING)
    driver.fail(2, "NodeLost: node 0 on h0 is gone", because_of=0)
    assert m.AbortRun(0, "NodeLost: node 0 on h0 is gone") in driver.told[0]
    driver.exit(2, 1)
    driver.exit(1, 4)
    driver.exit(0, None, 11)
    assert (139, "node 0 on h0 was killed by SIGSEGV (11)") == (driver.exit_code, driver.headline)


def test_who_blames_another_is_not_quoted_as_blaming_it() -> None:
    """A node that is told that another is gone reads why, and not that it is gone once more."""
    driver = at(State.RUNNING)
    driver.fail(2, "distrcomp.errors.NodeLost: node 0 on h0 is gone: it has finished", because_of=0)
    assert m.AbortRun(0, "it has finished") in driver.told[0]


def test_finished_while_others_wait() -> None:
    """F-07: a node that ends with 0 while another waits on it: that one's error is the cause."""
    driver = at(State.RUNNING)
    driver.exit(0)
    driver.fail(1, "NodeLost: node 0 on h0: it has finished", because_of=0)
    driver.exit(1, 1)
    driver.exit(2, None, 15)
    expected = "node 1 on h0 failed: NodeLost: node 0 on h0: it has finished"
    assert (1, expected) == (driver.exit_code, driver.headline)


def test_mutual_blame() -> None:
    """Where blame goes in a circle, what was heard first is the cause."""
    driver = at(State.RUNNING)
    driver.fail(2, "NodeLost: 0", because_of=0)
    driver.fail(0, "NodeLost: 2", because_of=2)
    assert "node 2 on h1 failed: NodeLost: 0" == driver.headline


def test_echo_of_the_abort() -> None:
    """A node that is blamed, and told so by the abort, repeats it: that explains nothing."""
    driver = at(State.RUNNING)
    driver.fail(2, "NodeLost: 0 (the link broke)", because_of=0)
    driver.fail(0, "NodeLost: 0", because_of=0)
    assert "node 2 on h1 failed: NodeLost: 0 (the link broke)" == driver.headline


def test_peer_lost_running() -> None:
    """F-02: a lost agent takes its nodes along; the rest is told and stopped; exit code 1."""
    driver = at(State.RUNNING)
    why = "the agent on h0 is gone: nothing was heard for 10 s"
    driver.event(PeerLost(0, "nothing was heard for 10 s"))
    assert [m.AbortRun(0, why), m.EndOfNode(0, why), m.EndOfNode(1, why)] == driver.told[1][-3:]
    driver.fail(2, f"NodeLost: {why}", because_of=0)
    driver.exit(2, 1)
    driver.say(1, CLOSED)
    assert driver.machine.is_done
    assert (1, why) == (driver.exit_code, driver.headline)
    assert ["lost", "lost", "stopped"] == driver.outcomes


def test_peer_lost_afterwards() -> None:
    """An agent lost when its nodes had finished is noted, and the run goes on."""
    driver = at(State.RUNNING)
    driver.exit(2)
    driver.event(PeerLost(1, "gone"))
    assert State.RUNNING is driver.machine.state
    assert ["the agent on h1 is gone: gone (its nodes had ended)"] == driver.machine.notes
    driver.exit(0)
    driver.exit(1)
    driver.say(0, CLOSED)
    assert driver.machine.is_done
    assert 0 == driver.exit_code


@pytest.mark.parametrize("state", [State.RUNNING, State.STOPPING])
def test_all_peers_lost(state: State) -> None:
    """When every agent is lost, the run is over at once."""
    driver = at(state)
    driver.event(PeerLost(0, "gone"))
    driver.event(PeerLost(1, "gone"))
    assert driver.machine.is_done
    assert ["lost"] * 3 == driver.outcomes
    assert (1 if state is State.RUNNING else 130) == driver.exit_code


@pytest.mark.parametrize("state", [State.RUNNING, State.STOPPING])
def test_refused_running(state: State) -> None:
    """An agent that gives up while the program runs is lost, with its own words."""
    driver = at(state)
    driver.say(1, m.Refused("x cannot be started"))
    assert "lost" == driver.outcomes[2]
    if state is State.RUNNING:
        assert "the agent on h1 refused to go on: x cannot be started" == driver.headline
    assert State.STOPPING is driver.machine.state


def test_continue_on_failure() -> None:
    """--on-failure continue: the others run to their ends; the first failure is the cause."""
    driver = at(State.RUNNING, continue_on_failure=True)
    driver.fail(1)
    driver.exit(1, 1)
    driver.exit(0, 7)
    assert State.RUNNING is driver.machine.state
    assert m.EndOfNode(1, "ValueError: boom") in driver.told[1]
    assert not [message for message in driver.told[0] if isinstance(message, m.AbortRun)]
    driver.exit(2)
    driver.close()
    assert (1, "node 1 on h0 failed: ValueError: boom") == (driver.exit_code, driver.headline)
    assert ["failed", "failed", "finished"] == driver.outcomes


def test_continue_names_the_first_failure() -> None:
    """A later failure that others suffer from doesn't take the place of the first one."""
    driver = at(State.RUNNING, continue_on_failure=True)
    driver.exit(0, 5)
    driver.exit(1, None, 9)
    driver.fail(2, "NodeLost: 1", because_of=1)
    driver.exit(2, 1)
    assert (5, "node 0 on h0 ended with exit code 5") == (driver.exit_code, driver.headline)


def test_stop_by_steps() -> None:
    """F-06: Ctrl-C is SIGINT, then SIGTERM, then SIGKILL; then nobody is waited for."""
    driver = at(State.RUNNING)
    driver.event(Interrupt())
    driver.event(TimerFired("term"))
    driver.event(TimerFired("kill"))
    assert [m.SignalNodes(2), m.SignalNodes(15), m.SignalNodes(9)] == driver.told[1][-3:]
    driver.exit(0, None, 9)
    driver.event(TimerFired("give up"))
    assert m.CloseRun() == driver.told[0][-1]
    driver.event(TimerFired("close"))
    assert driver.machine.is_done
    assert (130, "interrupted") == (driver.exit_code, driver.headline)
    assert ["stopped", "lost", "lost"] == driver.outcomes
    assert ["h0", "h1"] == [note.split()[0] for note in driver.machine.notes]


def test_interrupt_twice() -> None:
    """F-06: the second Ctrl-C kills at once; a third one, and timers of before, do nothing more."""
    driver = at(State.RUNNING)
    driver.event(Interrupt())
    driver.event(Interrupt())
    assert m.SignalNodes(9) == driver.told[0][-1]
    for event in (Interrupt(), TimerFired("term"), TimerFired("kill")):
        assert [] == driver.event(event)
    for node in range(3):
        driver.exit(node, None, 9)
    driver.close()
    assert driver.machine.is_done
    assert (130, ["stopped"] * 3) == (driver.exit_code, driver.outcomes)


def test_interrupt_of_a_failed_run() -> None:
    """Ctrl-C on a run that stops already hurries it; its cause and exit code remain."""
    driver = at(State.RUNNING)
    driver.exit(0, 3)
    driver.event(Interrupt())
    assert m.SignalNodes(9) == driver.told[1][-1]
    assert (3, "node 0 on h0 ended with exit code 3") == (driver.exit_code, driver.headline)


def test_time_limit() -> None:
    """The time limit ends the run by steps, with 124, whatever failed before or fails later."""
    driver = at(State.RUNNING, timeout_s=2.5, continue_on_failure=True)
    assert "limit" in driver.timers
    driver.exit(0, 5)
    driver.event(TimerFired("limit"))
    assert m.SignalNodes(2) == driver.told[1][-1]
    driver.exit(1, 130)
    driver.exit(2, 0)
    assert (124, "the time limit of 2.5 s was reached") == (driver.exit_code, driver.headline)
    assert ["failed", "stopped", "finished"] == driver.outcomes


@pytest.mark.parametrize("name", ["start", "ship", "limit", "close", "anything"])
def test_foreign_timers(name: str) -> None:
    """A timer of another state changes nothing: a node that fails afterwards still has failed."""
    driver = at(State.RUNNING)
    driver.fail(0)
    assert [] == driver.event(TimerFired(name))
    driver.exit(2, 5)
    assert "failed" == driver.outcomes[2]


def test_told_twice() -> None:
    """A node fails once and ends once; what is said of it afterwards changes nothing."""
    driver = at(State.RUNNING)
    driver.exit(0)
    assert [] == driver.exit(0, 1)
    assert [] == driver.fail(0)
    driver.fail(1, "first")
    assert [] == driver.fail(1, "second")
    assert "node 1 on h0 failed: first" == driver.headline
    assert "finished" == driver.outcomes[0]


@pytest.mark.parametrize("blamed", [-1, 3, 2**63])
def test_impossible_blame(blamed: int) -> None:
    """A node that blames one that does not exist has failed by itself."""
    driver = at(State.RUNNING)
    driver.fail(1, "NodeLost", because_of=blamed)
    assert m.AbortRun(1, "NodeLost") in driver.told[1]
    assert "node 1 on h0 failed: NodeLost" == driver.headline


@pytest.mark.parametrize("code", [-1, 256, 2**64 - 1])
def test_impossible_exit_code(code: int) -> None:
    """The run's exit code is one that a process can have, and not 0."""
    driver = at(State.RUNNING)
    driver.exit(0, code)
    assert 1 == driver.exit_code


def test_long_words() -> None:
    """An error of megabytes is cut before it goes to all nodes and into the report."""
    driver = at(State.RUNNING)
    driver.say(0, m.NodeFailed(0, "e" * 10**6, "t" * 10**6, None))
    cause = driver.machine.ledger.cause()
    assert cause is not None
    assert len(cause.traceback) <= limits.TRACEBACK_CHARACTERS_MAX
    abort = next(message for message in driver.told[1] if isinstance(message, m.AbortRun))
    assert len(abort.why) <= limits.SENTENCE_CHARACTERS_MAX


STACKS = looks.TakeStacks(b"r" * 16, ())


def test_stacks_before_the_time_limit_strikes() -> None:
    """Every peer is asked for stacks before it is told to end its nodes, and they are reported."""
    driver = at(State.RUNNING, timeout_s=2.5)
    actions = driver.event(TimerFired("limit"))
    signals = [Tell(peer, m.SignalNodes(2)) for peer in (0, 1)]
    assert [Tell(0, STACKS), Tell(1, STACKS), *signals] == actions[:4]
    driver.exit(1)
    taken = (looks.NodeStacks(0, "here", ""), looks.NodeStacks(1, "late", ""))
    driver.say(0, looks.StacksTaken(b"r" * 16, taken))
    driver.say(1, looks.StacksTaken(b"r" * 16, (looks.NodeStacks(2, "", "it is stopped"),)))
    results = driver.machine.ledger.results()
    assert [("here", ""), ("", ""), ("", "it is stopped")] == [
        (result.stacks, result.no_stacks) for result in results
    ]


def test_stacks_before_a_lost_peer_ends_the_run() -> None:
    """Where the others were is asked before they are told that a peer is lost."""
    driver = at(State.RUNNING)
    actions = driver.event(PeerLost(1, "gone"))
    assert [STACKS, m.AbortRun] == [actions[0].message, type(actions[1].message)]
    driver = at(State.RUNNING, continue_on_failure=True)
    driver.event(PeerLost(1, "gone"))
    assert STACKS not in driver.told[0]


def test_no_stacks_for_what_explains_itself() -> None:
    """A failure and Ctrl-C take none; nor does the report show what somebody else asked for."""
    driver = at(State.RUNNING)
    driver.fail(1)
    assert STACKS not in driver.told[0]
    driver = at(State.RUNNING)
    driver.say(0, looks.StacksTaken(b"r" * 16, (looks.NodeStacks(0, "here", ""),)))
    driver.event(Interrupt())
    assert STACKS not in driver.told[0]
    assert {""} == {result.stacks for result in driver.machine.ledger.results()}


def test_findings() -> None:
    """What was found at a failed node is kept once, cut to a bound; memory is in the headline."""
    driver = at(State.RUNNING)
    driver.say(0, m.NodeFindings(1, float("nan"), "no time", ""))
    driver.say(0, m.NodeFindings(1, 5.0, "it had all", "c" * 10**6))
    driver.say(0, m.NodeFindings(1, 6.0, "other", ""))
    driver.exit(1, None, 9)
    assert driver.headline == (
        "node 1 on h0 was killed by SIGKILL (9), probably out of memory: it had all"
    )
    mortem = driver.machine.ledger.results()[1].post_mortem
    assert mortem is not None
    assert "it had all" == mortem.memory
    assert limits.STACKS_BYTES_MAX >= len(mortem.crash) > 1000
    driver.say(1, m.NodeFindings(2, 1.0, "", ""))
    assert State.STOPPING is driver.machine.state
