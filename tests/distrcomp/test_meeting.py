"""distrcomp.meeting: the barrier of nodes that share memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from distrcomp.communicator import Communicator
from distrcomp.errors import CollectiveMismatch, NodeLost, RecvTimeout, WorldClosed
from distrcomp.meeting import Meeting
from tests.distrcomp.kit import MEMORY, MIXED, STREAM, TIMEOUT_S, Nodes, nodes, outcome
from tests.leaks import wait_until


@pytest.fixture
def three() -> Iterator[Nodes]:
    """Three nodes that share memory."""
    with nodes(3, MEMORY) as made, made.control_threads():
        yield made


def meeting(world: Communicator) -> Meeting | None:
    """What a node's barrier goes by, once there is one."""
    assert world._all is world._together
    return world._meeting


@pytest.mark.parametrize(("kind", "meets"), [(MEMORY, True), (MIXED, False), (STREAM, False)])
def test_who_meets(kind: str, meets: bool) -> None:
    """The world does where all share memory; parts of it and other links go by messages."""
    with nodes(3, kind) as made:
        for node, world in enumerate(made.worlds):
            part = made.communicators(8, (0, 1, 2))[node]
            assert (meets, False) == (meeting(world) is not None, meeting(part) is not None)


@pytest.mark.parametrize("spins", [True, False])
def test_nobody_leaves_before_all_have_come(spins: bool) -> None:
    """Whoever leaves the nth barrier has seen all others come to it, and none far ahead."""
    rounds = 300
    with nodes(4, MEMORY, spins=spins) as made:
        come = [0] * made.n_node

        def act(world: Communicator) -> list[int]:
            wrong = []
            for number in range(1, rounds + 1):
                come[world.node_id] = number
                if world.node_id == number % 4:
                    world.send(number % 4, "time goes by")
                    world.recv(number % 4)
                world.barrier()
                wrong += [there for there in come if there not in (number, number + 1)]
            return wrong

        assert [[]] * 4 == outcome([made.start(act, world) for world in made.worlds])


def test_sleepers_are_woken(three: Nodes) -> None:
    """The last one to come wakes those that sleep, whatever they did before."""
    for last in (0, 1, 2, 1):
        others = [
            three.start_and_wait(node, three.worlds[node].barrier)
            for node in range(3)
            if node != last
        ]
        assert not any(other.done() for other in others)
        three.worlds[last].barrier()
        assert [None, None] == outcome(others)


def test_messages_move_meanwhile(three: Nodes) -> None:
    """A node that waits there takes what others must get rid of."""
    large = bytes(80_000_000)
    waiting = [three.start_and_wait(node, three.worlds[node].barrier) for node in (0, 1)]
    three.send(2, 0, large)
    three.worlds[2].barrier()
    assert [None, None] == outcome(waiting)
    assert large == three.receive(0, 2)


def test_another_barrier_is_a_mismatch(three: Nodes) -> None:
    """All learn that one has come to a later barrier than they have (F-31)."""

    def act(world: Communicator) -> str:
        if world.node_id == 2:
            world.bcast("x", root=2)
        try:
            world.barrier()
        except CollectiveMismatch as error:
            return str(error)
        return "left"

    for text in outcome([three.start(act, world) for world in three.worlds]):
        assert "is in barrier #1 at " in text
        assert "node 2 is in bcast #1 with root 2 at " in text


def test_one_behind_by_a_collective_long_ago(three: Nodes) -> None:
    """A node whose last barrier was another one is told apart though this one is the same."""
    for world in three.worlds:
        assert meeting(world) is not None
    three.worlds[0].bcast("only here", root=0)
    acts = [three.start(world.barrier) for world in three.worlds]
    with pytest.raises(CollectiveMismatch, match="node 0 is in bcast #1"):
        acts[1].result(TIMEOUT_S)
    with pytest.raises(CollectiveMismatch):
        acts[0].result(TIMEOUT_S)


def test_one_waits_elsewhere(three: Nodes) -> None:
    """Where all wait, some here and one in another collective, each learns of it."""
    acts = [
        three.start(three.worlds[0].barrier),
        three.start(three.worlds[1].barrier),
        three.start(lambda: three.worlds[2].bcast(None, root=0)),
    ]
    for act in acts:
        with pytest.raises(CollectiveMismatch, match=r"in barrier #1.*in bcast #1 with root 0"):
            act.result(TIMEOUT_S)


def test_a_node_ends(three: Nodes) -> None:
    """Who waits for a node hears of its end; one that came first is not waited for."""
    waiting = three.start_and_wait(0, three.worlds[0].barrier)
    came = three.start_and_wait(1, three.worlds[1].barrier)
    three.break_off(2, "it fell over")
    for each in (waiting, came):
        with pytest.raises(NodeLost, match="node 2 on h2 is gone: it fell over"):
            each.result(TIMEOUT_S)


def test_a_time_limit_names_who_is_missing(three: Nodes) -> None:
    """The run's default holds here, too."""
    three.settle(timeout=0.2)
    with pytest.raises(RecvTimeout, match=r"barrier #1 waited 0.2 s for nodes 1, 2, which have"):
        three.worlds[0].barrier()


def test_the_end_of_the_world(three: Nodes) -> None:
    """A barrier after it raises what every call does, and so does one that waits."""
    waiting = three.start_and_wait(1, three.worlds[1].barrier)
    three.engines[1].close(in_order=False)
    with pytest.raises(WorldClosed):
        waiting.result(TIMEOUT_S)
    for _ in range(2):
        with pytest.raises(WorldClosed):
            three.worlds[1].barrier()
    assert not three.sleeps(1)


def test_the_runs_failure(three: Nodes) -> None:
    """It ends a barrier that waits, and the next one."""
    waiting = three.start_and_wait(1, three.worlds[1].barrier)
    three.engines[1].abort(2, "it fell over")
    wait_until(waiting.done, TIMEOUT_S, "the end of the barrier")
    for act in (waiting.result, three.worlds[1].barrier):
        with pytest.raises(NodeLost, match="node 2 on h2 is gone: it fell over"):
            act()
