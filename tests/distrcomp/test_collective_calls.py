"""distrcomp.collective_calls on several engines: over each kind of link, in any order, misused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from distrcomp import testing
from distrcomp.communicator import Communicator
from distrcomp.errors import CallError, CollectiveMismatch, NodeLost, NoSuchNode, RecvTimeout
from distrcomp.requests import Request
from tests.distrcomp.collectives import program
from tests.distrcomp.kit import KINDS, MIXED, Nodes, nodes, outcome


@pytest.fixture(params=[*KINDS, MIXED])
def four(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    """Four linked nodes, each on a machine of its own by its name."""
    with nodes(4, request.param) as made, made.control_threads():
        yield made


@pytest.fixture
def two() -> Iterator[Nodes]:
    """Two linked nodes."""
    with nodes(2) as made:
        yield made


def on_all(made: Nodes, act: Callable[[Communicator], Any]) -> list[Any]:
    """What `act` returns on each node, or the error that it raised there."""

    def tried(world: Communicator) -> Any:
        try:
            return act(world)
        except Exception as error:  # noqa: BLE001  it is what the test looks at
            return error

    return outcome([made.start(tried, world) for world in made.worlds])


@pytest.mark.parametrize("act", [program.blocking, program.large, program.requests, program.groups])
def test_over_links(four: Nodes, act: Callable[[Communicator], None]) -> None:
    """Every call gives what it should, over every kind of link."""
    assert [None] * 4 == on_all(four, act)


@pytest.mark.parametrize("n_node", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("act", [program.blocking, program.requests, program.groups])
def test_in_any_order(n_node: int, act: Callable[[Communicator], None]) -> None:
    """However long messages travel, each call gives what it should."""
    for seed in range(6):
        assert [None] * n_node == testing.run(act, n=n_node, seed=seed)


def test_mismatch_is_named(two: Nodes) -> None:
    """Nodes in different collectives both learn which, and where in the program (F-31)."""

    def act(world: Communicator) -> None:
        if world.node_id == 0:
            world.bcast("x")
        world.barrier()
        if world.node_id == 1:
            world.barrier()

    for error in on_all(two, act):
        assert isinstance(error, CollectiveMismatch)
        assert "node 0 is in bcast #1 with root 0 at " in str(error)
        assert "node 1 is in barrier #1 at " in str(error)
        assert "test_collective_calls.py:" in str(error)


def test_both_wait_in_vain(two: Nodes) -> None:
    """Two roots of one reduce tell each other, for neither would ever send (F-31)."""
    for error in on_all(two, lambda world: world.reduce(1, root=world.node_id)):
        assert isinstance(error, CollectiveMismatch)
        assert "reduce #1 with root 0" in str(error)
        assert "reduce #1 with root 1" in str(error)


def test_both_have_sent(two: Nodes) -> None:
    """Two roots of one bcast learn it by the next collective (F-31)."""

    def act(world: Communicator) -> None:
        world.bcast("mine", root=world.node_id)
        world.allreduce(1)

    for error in on_all(two, act):
        assert isinstance(error, CollectiveMismatch)
        assert "bcast #1 with root 1" in str(error)


@pytest.mark.parametrize("length", [4, 50_000])
def test_unlike_arrays_are_named(two: Nodes, length: int) -> None:
    """Arrays that can't be reduced together are told apart by node."""
    errors = on_all(two, lambda world: world.allreduce(np.zeros(length + 8 * world.node_id)))
    assert all(isinstance(error, (CollectiveMismatch, NodeLost)) for error in errors)
    text = str(next(error for error in errors if isinstance(error, CollectiveMismatch)))
    assert "node 0 contributed an array of float64" in text


def test_wrong_calls(two: Nodes) -> None:
    """What can't be is told at the call, before anything is sent."""
    world = two.worlds[0]
    for call in (world.bcast, world.gather, world.reduce):
        with pytest.raises(NoSuchNode):
            call(1, root=2)
    for call in (world.scatter, world.alltoall, world.reduce_scatter):
        with pytest.raises(CallError, match="2 objects, one for each node; got 3 objects"):
            call([1, 2, 3])
        with pytest.raises(CallError, match="an object of type int"):
            call(7)
    assert [2, 2] == on_all(two, lambda world: world.allreduce(1))


def test_a_node_that_ends(two: Nodes) -> None:
    """Who waits for it in a collective hears of its end."""
    waiting = two.start_and_wait(0, two.worlds[0].barrier)
    two.break_off(1, "it fell over")
    with pytest.raises(NodeLost, match="node 1 on h1 is gone: it fell over"):
        waiting.result()


def test_timeout_of_the_run(two: Nodes) -> None:
    """The run's default holds for collectives, and a request's own."""
    with pytest.raises(RecvTimeout, match="barrier #1: nothing came"):
        two.worlds[0].ibarrier().wait(timeout=0.01)


def test_request_of_a_collective_is_one_of_many(two: Nodes) -> None:
    """It can be tested and waited for together with others."""

    def act(world: Communicator) -> tuple[bool, Any]:
        request = world.iallreduce(1)
        other = world.irecv(1 - world.node_id)
        world.send(1 - world.node_id, "x")
        results = Request.wait_all([request, other])
        return request.test(), results

    assert [(True, [2, "x"])] * 2 == on_all(two, act)


def test_error_of_an_operation(two: Nodes) -> None:
    """What the program's function raises comes out of the call, or of the request's wait."""

    def act(world: Communicator) -> None:
        world.allreduce(1, lambda a, b: a // (b - b))

    def begun(world: Communicator) -> None:
        world.iallreduce(1, lambda a, b: a // (b - b)).wait()

    for errors in (on_all(two, act), on_all(two, begun)):
        assert [ZeroDivisionError] * 2 == list(map(type, errors))
