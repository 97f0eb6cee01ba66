"""distrcomp.parts: what the nodes of a part of the world are called, in every error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from distrcomp.communicator import Communicator
from distrcomp.errors import (
    CallError,
    CollectiveMismatch,
    NodeLost,
    NoSuchNode,
    RecvTimeout,
    SendTimeout,
    Truncated,
)
from distrcomp.parts import Parts
from tests.distrcomp.kit import Nodes, nodes, outcome


def test_names() -> None:
    """A node has the name that it has where the call is, and its other one where they differ."""
    parts = Parts(4)
    parts.add(4, (3, 1))
    parts.add(8, (0, 1, 2, 3))
    assert "node 0 (node 3 of the world)" == parts.name(3, 4)
    assert "node 1" == parts.name(1, 4)
    assert "node 2 of the world" == parts.name(2, 4)
    assert ["node 3", "node 3", "node 3"] == [parts.name(3, space) for space in (0, 8, 12)]


def test_names_where_nobody_knows_where_the_call_is() -> None:
    """A number is told to be the world's as long as it could be another one's."""
    parts = Parts(4)
    assert "node 3" == parts.name(3, None)
    parts.add(4, (1, 0, 2, 3))
    assert "node 3 of the world" == parts.name(3, None)
    parts.drop(4)
    assert "node 3" == parts.name(3, None)


def test_members() -> None:
    """All nodes send on what is no part."""
    parts = Parts(3)
    parts.add(4, (2, 0))
    assert [(2, 0), (0, 1, 2)] == [parts.members(space) for space in (4, 8)]


@pytest.fixture
def three() -> Iterator[Nodes]:
    """Three linked nodes."""
    with nodes(3) as made:
        yield made


@pytest.fixture
def part(three: Nodes) -> Communicator:
    """Nodes 2 and 1 of three, as node 2 has them; node 0 is not among them."""

    def make(world: Communicator) -> Communicator | None:
        return world.create([2, 1])

    made: Communicator = outcome([three.start(make, world) for world in three.worlds])[2]
    return made


OTHER = "node 1"  # it has one number in both
HERE = "node 0 \\(node 2 of the world\\)"


def test_errors_of_a_part_name_both_ids(three: Nodes, part: Communicator) -> None:
    """A node is named as the call knows it, and as the report does."""
    part.send(0, "unread", tag=5)
    with pytest.raises(RecvTimeout, match=f"recv from {OTHER} with tag 3: nothing came in 0 s"):
        part.recv(1, 3, timeout=0)
    with pytest.raises(RecvTimeout, match=f"unread: 1 from {HERE} with tag 5"):
        part.recv(0, 3, timeout=0)
    with pytest.raises(SendTimeout, match=f"send to {HERE}: not done in 0 s"):
        part.ssend(0, "x", timeout=0)
    with pytest.raises(SendTimeout, match=f"send to {HERE}: not done in 0 s"):
        part.issend(0, "x").wait(0)
    part.send_raw(0, memoryview(b"long"), tag=9)
    with pytest.raises(Truncated, match=f"came from {HERE} with tag 9"):
        part.recv_raw(0, 9, into=memoryview(bytearray(2)))
    with pytest.raises(CallError, match=f"{HERE} is not among the members"):
        part.create_group([1])
    with pytest.raises(NoSuchNode, match="there is no node 2 here: node ids are 0 to 1"):
        part.recv(2)
    three.engines[2].node_ended(0, "it fell over")
    three.engines[2].abort(0, "it fell over")
    with pytest.raises(NodeLost, match="node 0 of the world on h0 is gone: it fell over"):
        part.recv(1)


def test_a_node_lost_to_a_part(three: Nodes) -> None:
    """It is named by both ids, whatever waits for it; its attribute is that of the world."""
    parts = three.communicators(4, (1, 2))
    for member, it in parts.items():
        three.engines[member].add_communicator(4, it.members)
    part = parts[1]
    requests = [part.irecv(1), part.issend(1, "x"), part.ibarrier()]
    three.break_off(2, "it fell over")
    calls: list[Any] = [
        lambda: part.recv(1),
        lambda: part.recv(),
        lambda: part.probe(1),
        lambda: part.send(1, np.zeros(10_000_000)),
        part.barrier,
        *[request.test for request in requests],
        *[request.wait for request in requests],
    ]
    for call in calls:
        with pytest.raises(NodeLost) as caught:
            call()
        assert "node 1 (node 2 of the world) on h2 is gone: it fell over" == str(caught.value)
        assert 2 == caught.value.node


def test_a_mismatch_in_a_part(three: Nodes) -> None:
    """Nodes in different collectives of a part are named by both ids, where they differ."""

    def act(world: Communicator) -> str:
        part = world.create([2, 1])
        if part is None:
            return ""
        with pytest.raises(CollectiveMismatch) as caught:
            part.barrier() if part.node_id else part.reduce(1)
        return str(caught.value)

    for told in outcome([three.start(act, world) for world in three.worlds])[1:]:
        assert "node 0 (node 2 of the world) is in reduce #1 with root 0 at " in told
        assert "node 1 is in barrier #1 at " in told


def test_unlike_contributions_in_a_part(three: Nodes) -> None:
    """They are told apart by both ids, too."""

    def act(world: Communicator) -> str:
        part = world.create([1, 2])
        try:
            return "" if part is None else str(part.scan(np.zeros(part.node_id + 1)))
        except CollectiveMismatch as error:
            return str(error)

    told = outcome([three.start(act, world) for world in three.worlds])[2]
    assert told.startswith("node 0 (node 1 of the world) contributed an array of float64 (1,), ")
    assert told.endswith("node 1 (node 2 of the world) an array of float64 (2,)")
