"""distrcomp.collective_calls on several engines: over each kind of link, in any order, misused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import distrcomp as dc
from distrcomp import limits, testing
from distrcomp.collective_path import _CARD_TAG
from distrcomp.communicator import Communicator
from distrcomp.errors import (
    CallError,
    CollectiveMismatch,
    DoesNotFit,
    NodeLost,
    NoSuchNode,
    RecvTimeout,
)
from distrcomp.requests import Request
from tests.distrcomp.collectives import program
from tests.distrcomp.kit import KINDS, MIXED, TIMEOUT_S, Nodes, nodes, outcome
from tests.leaks import wait_until


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


def test_requests_that_differ_are_named(two: Nodes) -> None:
    """Who waits for a collective that was begun hears who is in another one (F-31)."""

    def act(world: Communicator) -> None:
        (world.ibcast(1, root=1) if world.node_id == 0 else world.ibarrier()).wait()

    for error in on_all(two, act):
        assert isinstance(error, CollectiveMismatch)
        assert "node 0 is in bcast #1 with root 1 at " in str(error)
        assert "node 1 is in barrier #1 at " in str(error)


def _test_until_done(requests: list[Request]) -> Any:
    while not requests[0].test():
        pass
    return requests[0].wait()


@pytest.fixture
def tells_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits tells the others where it is as soon as it looks."""
    monkeypatch.setattr(limits, "COLLECTIVE_TELL_AFTER_S", 0.0)


@pytest.mark.parametrize("elsewhere", [0, 1, 2])
def test_all_who_wait_hear_of_a_mismatch(elsewhere: int) -> None:
    """Who has found it tells everybody before it goes: others may wait for it (F-31)."""

    def act(world: Communicator) -> None:
        world.reduce(1, root=elsewhere) if world.node_id == elsewhere else world.barrier()

    with nodes(3) as made:
        for error in on_all(made, act):
            assert isinstance(error, CollectiveMismatch)
            assert f"node {elsewhere} is in reduce #1 with root {elsewhere} at " in str(error)


@pytest.mark.usefixtures("tells_soon")
@pytest.mark.parametrize("wait", [Request.wait_any, Request.wait_some, _test_until_done])
def test_who_waits_for_several_looks_for_others(two: Nodes, wait: Callable[..., Any]) -> None:
    """However one waits for requests that differ, the mismatch is found, and told once (F-31)."""

    def act(world: Communicator) -> str:
        request = world.ibcast(1, root=1) if world.node_id == 0 else world.ibarrier()
        with pytest.raises(CollectiveMismatch) as caught:
            wait([request])
        assert [] == Request.wait_some([request])
        with pytest.raises(CollectiveMismatch):
            request.wait()
        return str(caught.value)

    for told in outcome([two.start(act, world) for world in two.worlds]):
        assert "node 0 is in bcast #1 with root 1 at " in told
        assert "node 1 is in barrier #1 at " in told
    assert [[], []] == [engine.mailbox.receives for engine in two.engines]


@pytest.mark.usefixtures("tells_soon")
def test_a_mismatch_is_the_result_of_its_request(two: Nodes) -> None:
    """Who waits for the first of several gets it of that one, and of the others what they are."""

    def act(world: Communicator) -> list[Request]:
        requests = [world.irecv(), world.ibcast(1, root=1 - world.node_id)]
        with pytest.raises(CollectiveMismatch):
            Request.wait_any(requests)
        return requests

    for node, requests in enumerate(outcome([two.start(act, world) for world in two.worlds])):
        two.send(1 - node, node, "all the same")
        assert (0, "all the same") == Request.wait_any(requests)


@pytest.mark.usefixtures("tells_soon")
@pytest.mark.parametrize("begun", [False, True])
def test_who_has_done_its_part_may_end(begun: bool) -> None:
    """Nodes that wait for a late one tell others that have ended, and go on."""
    with nodes(3) as made:
        one, other, late = made.worlds

        def act() -> Any:
            return one.igather(0).wait() if begun else one.gather(0)

        waiting = made.start_and_wait(0, act)
        other.gather(1)
        made.engines[1].close(in_order=True)
        wait_until(lambda: one._engine._fates.is_lost(1), TIMEOUT_S, "the end of node 1")
        told = late._all._wanted(0, _CARD_TAG)
        late._engine.find(told, TIMEOUT_S)
        late.gather(2)
        assert [0, 1, 2] == waiting.result()


@pytest.mark.usefixtures("tells_soon")
def test_what_was_told_does_not_stay(two: Nodes) -> None:
    """Who comes late to a collective has nothing unread of it after the next one."""
    one, other = two.worlds
    waiting = two.start_and_wait(0, one.barrier)
    other._engine.find(other._all._wanted(0, _CARD_TAG), TIMEOUT_S)
    other.barrier()
    waiting.result()
    assert {} == other._engine.mailbox.unread


def test_both_have_sent(two: Nodes) -> None:
    """Two roots of one bcast learn it by the next collective (F-31)."""

    def act(world: Communicator) -> None:
        world.bcast("mine", root=world.node_id)
        world.allreduce(1)

    for error in on_all(two, act):
        assert isinstance(error, CollectiveMismatch)
        assert "bcast #1 with root 1" in str(error)


def test_one_was_elsewhere_and_has_ended(two: Nodes) -> None:
    """What came of another collective tells more than that its sender is gone."""
    two.worlds[1].bcast("x", root=1)
    two.break_off(1, "it has finished")
    with pytest.raises(CollectiveMismatch, match="node 1 is in bcast #1 with root 1") as caught:
        two.worlds[0].barrier()
    assert isinstance(caught.value.__cause__, NodeLost)


@pytest.mark.parametrize("length", [4, 50_000])
def test_unlike_arrays_are_named(two: Nodes, length: int) -> None:
    """Arrays that can't be reduced together are told apart by node."""
    errors = on_all(two, lambda world: world.allreduce(np.zeros(length + 8 * world.node_id)))
    assert all(isinstance(error, (CollectiveMismatch, NodeLost)) for error in errors)
    text = str(next(error for error in errors if isinstance(error, CollectiveMismatch)))
    assert "node 0 contributed an array of float64" in text


@pytest.mark.parametrize("act", ["reduce", "allreduce", "scan"])
@pytest.mark.parametrize("op", [dc.SUM, dc.MIN, dc.MAXLOC])
def test_results_are_one_s_own(act: str, op: dc.Op) -> None:
    """No result is what a node has given, nor holds a part of it."""

    def call(world: Communicator) -> bool:
        mine = [[world.node_id], world.node_id]
        result = getattr(world, act)(mine, op)
        return result is not None and any(it is mine[0] or it is mine for it in (result, *result))

    for n_node in (1, 3, 9):
        assert [False] * n_node == testing.run(call, n=n_node)


def test_arrays_without_dimensions() -> None:
    """They are combined as any others."""

    def call(world: Communicator) -> list[Any]:
        mine = np.array(world.node_id + 1)
        return [world.scan(mine), world.exscan(mine), world.allreduce(mine), world.reduce(mine)]

    assert [3, 1, 10, None] == testing.run(call, n=4)[1]
    assert [10, 6, 10, None] == testing.run(call, n=4)[3]


@pytest.mark.parametrize("length", [50, 200])
def test_allreduce_into_memory_in_another_order(length: int) -> None:
    """`out` may lie in any order, or with gaps."""

    def call(world: Communicator) -> bool:
        mine = np.arange(float(length * length)).reshape(length, length)
        outs = np.zeros_like(mine, order="F"), np.zeros((length, 2 * length))[:, ::2]
        for out in outs:
            assert world.allreduce(mine, out=out) is out
        return all(np.array_equal(3 * mine, out) for out in outs)

    assert [True] * 3 == testing.run(call, n=3)


@pytest.mark.parametrize("op", [dc.SUM, dc.Op(lambda one, other: one + other)])
@pytest.mark.parametrize("where", [slice(0, -1), slice(1, None)])
def test_allreduce_into_what_is_sent(where: slice, op: dc.Op) -> None:
    """`out` may be the contribution itself, or lie in its memory, however late others read it."""

    def call(world: Communicator) -> set[float]:
        memory = np.full(50_001, float(10**world.node_id))
        out = world.allreduce(memory[:-1], op, out=memory[where])
        same = np.full(50_001, float(10**world.node_id))
        return {*out.tolist(), *world.allreduce(same, op, out=same).tolist()}

    for seed in range(10):
        assert [{1111.0}] * 4 == testing.run(call, n=4, seed=seed)


def test_allreduce_into_what_does_not_fit(two: Nodes) -> None:
    """It is told at the call, before anything is sent."""
    world, value = two.worlds[0], np.zeros(8)
    read_only = np.zeros(8)
    read_only.flags.writeable = False
    for out in (np.zeros(7), np.zeros(8, "f4"), np.zeros((2, 8)), bytearray(64), read_only):
        with pytest.raises(DoesNotFit):
            world.allreduce(value, out=out)
    with pytest.raises(DoesNotFit):
        world.allreduce([1.0], out=value)
    assert [2, 2] == on_all(two, lambda world: world.allreduce(1))


def test_arrays_of_a_subclass_stay_such() -> None:
    """A large masked array keeps its mask."""

    def call(world: Communicator) -> Any:
        return world.allreduce(np.ma.masked_less(np.arange(10_000.0), 10)).count()

    assert [9990, 9990] == testing.run(call, n=2)


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
    with pytest.raises(RecvTimeout, match=r"barrier #1 waited 0.01 s for the others, which"):
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
