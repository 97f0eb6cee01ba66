"""distrcomp.groups: making communicators, their numbers, their end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from distrcomp import testing
from distrcomp.communicator import Communicator
from distrcomp.errors import CallError, CommunicatorFreed, NodeLost, NoSuchNode
from tests.distrcomp.kit import MEMORY, Nodes, nodes, outcome


@pytest.fixture
def three() -> Iterator[Nodes]:
    """Three linked nodes."""
    with nodes(3, MEMORY) as made:
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


def test_any_source_of_a_part(three: Nodes) -> None:
    """Who waits for anybody in a part hears when the others of that part have ended."""

    def part(world: Communicator) -> Communicator | None:
        return world.create([0, 1])

    mine = outcome([three.start(part, world) for world in three.worlds])[0]
    waiting = three.start_and_wait(0, mine.recv)
    three.break_off(1, "it fell over")
    with pytest.raises(NodeLost, match="node 1 on h1 is gone: it fell over"):
        waiting.result()
