"""What is known of a run: who ended how, what failed first, what the exit code is."""

from __future__ import annotations

import pytest

from launcher.control import messages as m
from launcher.run.ledger import Failure, Ledger
from launcher.run.results import Cause, NodeResult


@pytest.fixture
def ledger() -> Ledger:
    """Nodes 0 and 1 on h1, node 2 on h2."""
    return Ledger(("h1", "h2"), (0, 0, 1))


def fail(ledger: Ledger, node: int, because_of: int | None = None, code: int = 1) -> Failure:
    """A failure of `node`, entered as the machine does."""
    failure = Failure(
        f"node {node}", f"why {node}", node=node, peer=0, because_of=because_of, exit_code=code
    )
    ledger.nodes[node].failure = failure
    ledger.failures.append(failure)
    return failure


def headline(ledger: Ledger) -> str | None:
    cause = ledger.cause()
    return None if cause is None else cause.headline


def test_success(ledger: Ledger) -> None:
    """Without a failure there is no cause, and the exit code is 0."""
    ledger.start(10.0)
    for node in ledger.nodes:
        node.end("finished", 12.5, 0)
    ledger.ended_at = 13.0
    assert (0, None) == (ledger.exit_code, ledger.cause())
    assert ledger.all_ended
    expected = NodeResult(2, "h2", 0, None, "finished", "", 2.5)
    assert expected == ledger.results()[2]


def test_before_the_start(ledger: Ledger) -> None:
    """Nodes that were never started say so and have no running time; lost peers or not."""
    assert [0, 1] == ledger.lose(0, 5.0)
    assert ["never started"] * 3 == [result.outcome for result in ledger.results()]
    assert [None] * 3 == [result.seconds for result in ledger.results()]


def test_lose(ledger: Ledger) -> None:
    """Only nodes that had not ended go with their peer; what never ended is lost too."""
    ledger.start(0.0)
    ledger.nodes[0].end("finished", 1.0, 0)
    assert [1] == ledger.lose(0, 2.0)
    assert [] == ledger.lose(0, 3.0)
    assert ["finished", "lost", "lost"] == [result.outcome for result in ledger.results()]


def test_seconds(ledger: Ledger) -> None:
    """A node's time counts from the start to its end, or to now; a clock at 0 is a clock."""
    assert ledger.seconds_of(0, 7.0) is None
    ledger.start(-2.0)
    ledger.nodes[0].end("finished", 0.0, 0)
    assert (2.0, 9.0) == (ledger.seconds_of(0, 7.0), ledger.seconds_of(1, 7.0))


def test_names_and_states(ledger: Ledger) -> None:
    """A node is named with its peer; all are in a state only if each one is."""
    assert "node 2 on h2" == ledger.name(2)
    ledger.nodes[0].state = "ready"
    assert not ledger.all_are("ready")
    assert not ledger.all_ended
    for node in ledger.nodes:
        node.state = "ready"
    assert ledger.all_are("ready")


def test_first_failure(ledger: Ledger) -> None:
    """The first failure is the cause, and its exit code the run's."""
    fail(ledger, 1, code=7)
    fail(ledger, 0, code=9)
    assert (7, Cause("node 1", "", 1, "h1")) == (ledger.exit_code, ledger.cause())


def test_blame_is_followed(ledger: Ledger) -> None:
    """From a consequence heard of first, over another one, to what happened."""
    fail(ledger, 0, because_of=1)
    fail(ledger, 1, because_of=2)
    assert "node 1" == headline(ledger)  # as far as is known by now
    fail(ledger, 2, code=139)
    assert (139, "node 2") == (ledger.exit_code, headline(ledger))


def test_blame_of_a_lost_peer(ledger: Ledger) -> None:
    """A node that suffers from a lost machine before that is known: the machine is the cause."""
    fail(ledger, 0, because_of=2)
    gone = Failure("the agent on h2 is gone", "gone", peer=1)
    ledger.nodes[2].failure = gone
    ledger.failures.append(gone)
    assert Cause("the agent on h2 is gone", "", None, "h2") == ledger.cause()


@pytest.mark.parametrize("blames", [{0: 1, 1: 0}, {0: 1, 1: 2, 2: 1}, {0: 0}, {0: 1, 1: 1}])
def test_blame_in_a_circle(ledger: Ledger, blames: dict[int, int]) -> None:
    """Where blame leads back, or to an echo, the first failure stands; nothing loops."""
    for node, blamed in blames.items():
        fail(ledger, node, because_of=blamed)
    assert "node 0" == headline(ledger)


def test_decree(ledger: Ledger) -> None:
    """What ends a run from outside is its cause, whatever failed; the first decree stands."""
    fail(ledger, 0, code=5)
    assert not ledger.is_decreed
    ledger.decree(Failure("the time limit", "", exit_code=124))
    ledger.decree(Failure("interrupted", "", exit_code=130))
    assert ledger.is_decreed
    assert (124, Cause("the time limit", "", None, None)) == (ledger.exit_code, ledger.cause())


def find(ledger: Ledger, node: int, at: float, memory: str = "", crash: str = "") -> None:
    """What the agent found at a node that had failed when its clock showed `at`."""
    ledger.nodes[node].findings = m.NodeFindings(node, at, memory, crash)


def test_the_earliest_failure_leads(ledger: Ledger) -> None:
    """What failed first by clocks made comparable is the cause, whatever was heard of first."""
    ledger.start(100.0)
    for node, heard_at in ((0, 110.0), (2, 110.5)):
        fail(ledger, node).heard_at = heard_at
    assert "node 0" == headline(ledger)
    find(ledger, 0, 109.9)
    find(ledger, 2, 5009.5)
    assert "node 0" == headline(ledger)  # nobody knows what 5009.5 means
    for peer, offset in ((0, 0.0), (1, 4900.0)):
        number = ledger.clocks.ask(peer, 111.0)
        ledger.clocks.answer(peer, number, 111.001 + offset, 111.002)
    assert "node 2" == headline(ledger)
    mortems = [result.post_mortem for result in ledger.results()]
    assert mortems[0] is not None
    assert mortems[2] is not None
    assert (9.9, 9.5) == (mortems[0].at_s, mortems[2].at_s)
    assert 0.001 <= mortems[2].uncertain_s < 0.002
    assert mortems[1] is None


def test_blame_goes_before_time(ledger: Ledger) -> None:
    """A consequence never leads, even where it seems to have been earlier than its cause."""
    fail(ledger, 0, because_of=1).heard_at = 1.0
    fail(ledger, 1).heard_at = 2.0
    assert "node 1" == headline(ledger)


def test_no_failure_lies_ahead(ledger: Ledger) -> None:
    """F-32: a time after that at which it was heard of is no time; what was heard counts."""
    fail(ledger, 0).heard_at = 1.0
    fail(ledger, 1).heard_at = 2.0
    ledger.clocks.answer(0, ledger.clocks.ask(0, 0.0), 0.0, 0.0)
    find(ledger, 0, 50.0)
    find(ledger, 1, 1.5)
    assert "node 0" == headline(ledger)


def test_a_crash_is_told(ledger: Ledger) -> None:
    """What Python wrote when it crashed stands where else a traceback would."""
    fail(ledger, 0)
    find(ledger, 0, 1.0, crash="Fatal Python error: Aborted\n\n")
    cause = ledger.cause()
    assert cause is not None
    assert "Fatal Python error: Aborted" == cause.traceback
