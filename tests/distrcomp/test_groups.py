"""distrcomp.groups: making communicators, their numbers, their end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from distrcomp import limits, testing
from distrcomp.collective_path import _CARD_TAG
from distrcomp.communicator import Communicator
from distrcomp.errors import (
    CallError,
    CollectiveMismatch,
    CommunicatorFreed,
    NodeLost,
    NoSuchNode,
    RecvTimeout,
    SendTimeout,
)
from distrcomp.mailbox import ANY
from tests.distrcomp.kit import KINDS, MEMORY, MIXED, Nodes, nodes, outcome


@pytest.fixture
def three() -> Iterator[Nodes]:
    """Three linked nodes."""
    with nodes(3, MEMORY) as made:
        yield made


@pytest.fixture
def two() -> Iterator[Nodes]:
    """Two linked nodes."""
    with nodes(2) as made:
        yield made


def test_numbers_come_back() -> None:
    """A communicator that was freed gives its number to the next one."""

    def act(world: Communicator) -> set[int]:
        numbers = set()
        for _ in range(5):
            made = world.dup()
            numbers.add(made._number)
            made.free()
        return numbers

    assert [{4}, {4}, {4}] == testing.run(act, n=3)


def test_numbers_differ_where_nodes_share_two() -> None:
    """Communicators with a node in common never have one number."""

    def act(world: Communicator) -> list[int]:
        made = [world.dup(), world.split(world.node_id), world.split(0), world.dup()]
        return [each._number for each in made if each is not None]

    for numbers in testing.run(act, n=3):
        assert len(set(numbers)) == 4


def test_split_and_dup_are_told_apart() -> None:
    """Who splits while others dup hears of it, and not of what their messages hold."""

    def act(world: Communicator) -> str:
        try:
            world.split(0) if world.node_id == 0 else world.dup()
        except CollectiveMismatch as error:
            return str(error)
        return "nothing"

    for told in testing.run(act, n=2):
        assert "split #1" in told
        assert "the making of a communicator #1" in told


def test_freed(three: Nodes) -> None:
    """Every call on a freed communicator says so; messages not received are gone."""

    def act(world: Communicator) -> Communicator:
        made = world.dup()
        made.send((world.node_id + 1) % 3, "never received")
        made.barrier()
        made.free()
        return made

    for world, made in zip(
        three.worlds, outcome([three.start(act, it) for it in three.worlds]), strict=True
    ):
        calls: list[Any] = [
            lambda it=made: it.send(0, 1),
            lambda it=made: it.recv(),
            lambda it=made: it.recv(1),
            lambda it=made: it.isend(0, 1),
            lambda it=made: it.irecv(),
            lambda it=made: it.iprobe(),
            lambda it=made: it.barrier(),
            lambda it=made: it.iallreduce(1),
            lambda it=made: it.dup(),
            lambda it=made: it.free(),
        ]
        for call in calls:
            with pytest.raises(CommunicatorFreed):
                call()
        assert world._engine.mailbox.unread == {}


def test_requests_of_what_is_freed(three: Nodes) -> None:
    """Who still waits for a message there hears that none can come."""

    def act(world: Communicator) -> None:
        made = world.dup()
        request = made.irecv()
        made.free()
        with pytest.raises(CommunicatorFreed, match="before a message had come"):
            request.wait()
        with pytest.raises(CommunicatorFreed):
            request.test()
        request.cancel()

    outcome([three.start(act, world) for world in three.worlds])


def test_nothing_of_what_is_freed_comes_later() -> None:
    """A communicator gets no message that was sent on one that had its number before."""

    def act(world: Communicator) -> None:
        first = world.dup()
        if world.node_id == world.n_node - 1:
            first.send(0, "never received")
        number = first._number
        first.free()
        second = world.dup()
        assert 4 == second._number == number
        world.barrier()
        for node in range(world.n_node):
            world.send(node, "on the world")
        for _ in range(world.n_node):
            world.recv()
        assert second.iprobe() is None
        second.free()

    for seed in range(20):
        testing.run(act, n=12, seed=seed)


@pytest.mark.parametrize("kind", [*KINDS, MIXED])
@pytest.mark.parametrize("length", [1, 20_000])
def test_nothing_of_what_is_freed_comes_later_by_any_link(kind: str, length: int) -> None:
    """The same over real links: messages that fill them, and larger ones that were only begun."""

    def act(world: Communicator) -> list[int]:
        numbers = []
        for _ in range(10):
            made = world.dup()
            numbers.append(made._number)
            for other in range(1, 4):
                for _ in range(5):
                    made.isend((world.node_id + other) % 4, np.zeros(length))
            made.free()
            assert {} == _of_space(world, numbers[-1])
        return numbers

    with nodes(4, kind) as made, made.control_threads():
        assert [[4] * 10] * 4 == outcome([made.start(act, world) for world in made.worlds])
        for _ in range(2):
            outcome([made.start(world.barrier) for world in made.worlds])
        assert [{}] * 4 == [_of_space(world, 4) for world in made.worlds]


def _of_space(world: Communicator, number: int) -> dict[tuple[int, int], int]:
    """What lies unread there once all that has arrived was read."""
    world.iprobe(tag=7)
    return world._engine.mailbox.unmatched(number)


def test_freeing_takes_few_messages() -> None:
    """A barrier's, and one to each node to which something was sent before."""

    def act(world: Communicator) -> int:
        made = world.dup()
        if world.node_id == 1:
            for node in range(2, 12):
                made.send(node, "never received")
        sent = 0
        send = world._engine.send

        def count(*args: Any, **kwargs: Any) -> Any:
            nonlocal sent
            sent += 1
            return send(*args, **kwargs)

        world._engine.send = count  # type: ignore[method-assign]
        made.free()
        return sent

    sent = testing.run(act, n=12)
    assert 2 * 11 + 10 == sum(sent)
    assert 10 < sent[1] < 20


def test_freeing_needs_no_link_of_its_own() -> None:
    """Who has never talked to each other need not do so for that."""
    with nodes(3, linked=False) as made:
        made.link(0, 1)
        made.link(0, 2)
        parts = made.communicators(4, (0, 1, 2))
        outcome([made.start(part.free) for part in parts.values()])
        assert [] == made.wanted


def test_the_runs_time_limit_holds_for_free(two: Nodes) -> None:
    """Who has sent to a node that makes no call waits no longer than that."""
    part = Communicator(two.engines[0], 4, (0, 1), timeout=0.01)
    part.send(1, "never received")
    with pytest.raises(SendTimeout, match=r"send to node 1: not done in 0.01 s"):
        part.free()
    part.ibarrier()
    with pytest.raises(RecvTimeout, match=r"barrier #1 waited 0\.01 s"):
        part.free()


def test_collectives_that_were_begun_are_over_when_it_is_freed() -> None:
    """Who frees a communicator waits for them, and their results stay."""

    def act(world: Communicator) -> list[Any]:
        made = world.dup()
        requests = [made.ibcast(world.node_id), made.iallreduce(1), made.ibarrier()]
        made.free()
        again = world.dup()
        assert again._number == 4
        again.barrier()
        again.free()
        return [request.wait() for request in requests]

    for seed in range(10):
        assert [[0, 12, None]] * 12 == testing.run(act, n=12, seed=seed)


def test_a_collective_that_some_have_begun_is_told_by_free(two: Nodes) -> None:
    """Who waits for it there hears that the others are elsewhere, and so do they (F-31)."""

    def act(world: Communicator) -> str:
        made = world.dup()
        if world.node_id == 0:
            made.ibcast("x", root=1)
        with pytest.raises(CollectiveMismatch) as caught:
            made.free()
        return str(caught.value)

    for told in outcome([two.start(act, world) for world in two.worlds]):
        assert "node 0 is in bcast #1 with root 1 at " in told
        assert "node 1 is in free #1 at " in told


def test_who_waits_in_free_tells_nobody(three: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a node would tell late would come to a communicator that has the number next."""
    monkeypatch.setattr(limits, "COLLECTIVE_TELL_AFTER_S", 0.0)
    made = outcome([three.start(world.dup) for world in three.worlds])
    early = [three.start_and_wait(node, made[node].free) for node in (0, 1)]
    told = made[2]._all._wanted(ANY, _CARD_TAG)
    with pytest.raises(RecvTimeout):
        made[2]._engine.find(told, 0.3)
    made[2].free()
    outcome(early)


def test_the_world_is_not_freed(three: Nodes) -> None:
    """It ends with the run."""
    with pytest.raises(CallError, match="the world can't be freed"):
        three.worlds[0].free()


def test_wrong_members(three: Nodes) -> None:
    """Members are node ids of the communicator, each once, and of a group this node is one."""
    world = three.worlds[0]
    with pytest.raises(NoSuchNode):
        world.create([0, 3])
    with pytest.raises(CallError, match="twice"):
        world.create([0, 0])
    with pytest.raises(CallError, match="not among the members"):
        world.create_group([1, 2])
    with pytest.raises(CallError, match="color='red'"):
        world.split("red")  # type: ignore[arg-type]
    with pytest.raises(CallError, match="key=None"):
        world.split(1, None)  # type: ignore[arg-type]


def test_groups_of_several_threads(three: Nodes) -> None:
    """Groups that several threads make at once, told apart by tags, get numbers of their own."""

    def act(world: Communicator, tag: int) -> int:
        made = world.create_group([2, 0, 1], tag)
        assert made.allgather(world.node_id) == [2, 0, 1]
        return made._number

    for _ in range(20):
        begun = [three.start(act, world, tag) for tag in (1, 2) for world in three.worlds]
        numbers = outcome(begun)
        assert len(set(numbers[:3])) == len(set(numbers[3:])) == 1
        assert numbers[0] != numbers[3]


def test_any_tags_of_groups(three: Nodes) -> None:
    """Tags tell groups apart however large they are."""

    def act(world: Communicator, tag: int) -> int:
        return world.create_group([0, 1, 2], tag)._number

    begun = [three.start_and_wait(node, act, three.worlds[node], 1) for node in (0, 1)]
    other = three.start(act, three.worlds[2], 1 + 2**20)
    with pytest.raises(RecvTimeout):
        three.worlds[2].recv(timeout=0.1)
    assert not any(each.done() for each in (*begun, other))
    rest = [three.start(act, three.worlds[node], 1 + 2**20) for node in (0, 1)]
    rest.append(three.start(act, three.worlds[2], 1))
    numbers = outcome([*begun, rest[2], *rest[:2], other])
    assert 2 == len(set(numbers))
    assert numbers[:1] * 3 == numbers[:3]


def test_any_source_of_a_part(three: Nodes) -> None:
    """Who waits for anybody in a part hears when the others of that part have ended."""

    def part(world: Communicator) -> Communicator | None:
        return world.create([0, 1])

    mine = outcome([three.start(part, world) for world in three.worlds])[0]
    waiting = three.start_and_wait(0, mine.recv)
    three.break_off(1, "it fell over")
    with pytest.raises(NodeLost, match="node 1 on h1 is gone: it fell over"):
        waiting.result()


def test_shown(three: Nodes) -> None:
    """A communicator shows which of its nodes this one is, also while a call is inside."""

    def act(world: Communicator) -> list[str]:
        made = [world, world.create([2, 1]), world.dup(), world.grid((3, 1))]
        freed = world.dup()
        freed.free()
        with world._engine.gate:
            return [repr(each) for each in (*made, freed)]

    shown = outcome([three.start(act, world) for world in three.worlds])[2]
    assert [
        "<Communicator world: node 2 of 3>",
        "<Communicator: node 0 of 2 (node 2 of the world)>",
        "<Communicator: node 2 of 3>",
        "<Grid 3x1: node 2 of 3, at (2, 0)>",
        "<Communicator: freed>",
    ] == shown
