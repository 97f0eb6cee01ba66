"""Communicators of two groups, on real nodes: ranks 2 and 0 in this order, and rank 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from distrcomp.mpi import MPI

pytestmark = [pytest.mark.processes, pytest.mark.nodes(3)]

WORLD = MPI.COMM_WORLD
GROUPS = ([2, 0], [1])


@pytest.fixture
def two() -> Iterator[Any]:
    """The communicator of the groups."""
    side = WORLD.rank % 2
    group = WORLD.Split(side, -WORLD.rank)
    made = group.Create_intercomm(0, WORLD, GROUPS[1 - side][0], 7)
    group.Free()
    yield made
    made.Free()


def mine() -> list[int]:
    """The world's ranks of this node's group."""
    return GROUPS[WORLD.rank % 2]


def others() -> list[int]:
    """The world's ranks of the other group."""
    return GROUPS[1 - WORLD.rank % 2]


def test_groups_and_messages(two: Any) -> None:
    """Each side sees its own group and the other one, to whose ranks messages go."""
    assert (two.size, two.remote_size) == (len(mine()), len(others()))
    assert two.rank == mine().index(WORLD.rank)
    world = WORLD.Get_group()
    assert two.Get_group().Translate_ranks(None, world) == mine()
    assert two.Get_remote_group().Translate_ranks(None, world) == others()
    assert (two.Is_inter(), two.Is_intra()) == (True, False)
    with pytest.raises(TypeError):
        MPI.Intracomm(two)
    with pytest.raises(TypeError):
        MPI.Intercomm(WORLD)

    status = MPI.Status()
    for rank in range(two.remote_size):
        two.isend((WORLD.rank, rank), rank, 3)
    came = [two.recv(source=MPI.ANY_SOURCE, tag=3, status=status) for _ in others()]
    assert sorted(came) == sorted((node, two.rank) for node in others())
    assert others()[status.source] == came[-1][0]
    if two.rank == 0:
        memory = np.zeros(1)
        two.Sendrecv(np.array([WORLD.rank + 0.5]), 0, 4, memory, 0, 4)
        assert memory.tolist() == [others()[0] + 0.5]
    with pytest.raises(MPI.Exception) as caught:
        two.send(None, two.remote_size)
    assert caught.value.Get_error_class() == MPI.ERR_RANK


def test_objects(two: Any) -> None:
    """All have what the other group gives; with a root, one node exchanges with the other group."""
    two.barrier()
    assert two.allgather(WORLD.rank) == others()
    given = [(WORLD.rank, i) for i in range(two.remote_size)]
    assert two.alltoall(given) == [(node, two.rank) for node in others()]
    assert two.allreduce([WORLD.rank]) == others()
    for side in (0, 1):
        is_here = WORLD.rank % 2 == side
        is_root = WORLD.rank == GROUPS[side][-1]
        root = len(GROUPS[side]) - 1
        if is_here:
            root = MPI.ROOT if is_root else MPI.PROC_NULL
        assert two.bcast("all" if is_root else None, root) == (None if is_here else "all")
        assert two.gather(WORLD.rank, root) == (others() if is_root else None)
        items = range(two.remote_size) if is_root else None
        assert two.scatter(items, root) == (None if is_here else two.rank)
        assert two.reduce([WORLD.rank], root=root) == (others() if is_root else None)
    with pytest.raises(MPI.Exception) as caught:
        two.bcast(None, two.remote_size)
    assert caught.value.Get_error_class() == MPI.ERR_ROOT


def test_memory(two: Any) -> None:
    """The upper-case calls, begun ones among them."""
    gathered, total = np.zeros(two.remote_size), np.zeros(1)
    two.Allgather(np.array([float(WORLD.rank)]), gathered)
    assert gathered.tolist() == others()
    two.Allreduce(np.array([float(WORLD.rank)]), total)
    assert total.tolist() == [sum(others())]
    begun = np.zeros(two.remote_size)
    request = two.Ialltoall(np.full(two.remote_size, float(WORLD.rank)), begun)
    two.Barrier()
    request.Wait()
    assert begun.tolist() == others()
    part = np.zeros(6 // two.size)
    two.Reduce_scatter_block(np.arange(6.0), part)
    first = two.rank * len(part)
    assert part.tolist() == [len(others()) * (first + i) for i in range(len(part))]
    root = 0 if WORLD.rank % 2 else MPI.ROOT if two.rank == 0 else MPI.PROC_NULL
    is_idle = root == MPI.PROC_NULL
    memory, result = np.array([8.0 if root == MPI.ROOT else 0.0]), np.zeros(1)
    two.Bcast(None if is_idle else memory, root)
    assert memory.tolist() == [0.0 if is_idle else 8.0]
    two.Reduce(None if root == MPI.ROOT or is_idle else memory, result, root=root)
    assert result.tolist() == [8.0 if root == MPI.ROOT else 0.0]


def test_what_is_made_of_it(two: Any) -> None:
    """One group of both; parts of both groups, null where one is empty; and duplicates."""
    one = two.Merge(high=WORLD.rank % 2 == 0)
    assert one.allgather(WORLD.rank) == [1, 2, 0]
    one.Free()
    one = two.Merge()
    assert one.allgather(WORLD.rank) in ([1, 2, 0], [2, 0, 1])
    one.Free()

    is_first = two.rank == 0
    split = two.Split(two.rank, 0)
    assert (split != MPI.COMM_NULL) == is_first
    created = two.Create(two.Get_group().Incl([0]))
    assert (created != MPI.COMM_NULL) == is_first
    if is_first:
        assert split.allgather(WORLD.rank) == created.allgather(WORLD.rank) == [others()[0]]
        split.Free()
        created.Free()
    machine = two.Split_type(MPI.COMM_TYPE_SHARED)
    assert machine.Compare(two) == MPI.CONGRUENT
    machine.Free()
    assert two.Split_type(MPI.UNDEFINED) == MPI.COMM_NULL

    twin = two.Dup()
    assert type(twin) is MPI.Intercomm
    assert twin.Compare(two) == MPI.CONGRUENT
    if is_first:
        two.isend("original", 0, 1)
        twin.isend("twin", 0, 1)
        assert twin.recv(source=0, tag=1) == "twin"
        assert two.recv(source=0, tag=1) == "original"
    twin.Disconnect()
    assert twin == MPI.COMM_NULL


def test_other_ways_to_meet() -> None:
    """Groups meet without a communicator of both, and at a port while that is open."""
    is_low = WORLD.rank == 0
    world = WORLD.Get_group()
    low, high = world.Incl([0]), world.Incl([1, 2])
    local, remote = (low, high) if is_low else (high, low)
    expected = [1, 2] if is_low else [0]
    made = MPI.Intercomm.Create_from_groups(local, 0, remote, 0)
    assert made.allgather(WORLD.rank) == expected
    made.Free()

    half = WORLD.Split(int(is_low))
    port = WORLD.bcast(MPI.Open_port() if is_low else None)
    made = (half.Accept if is_low else half.Connect)(port)
    assert made.allgather(WORLD.rank) == expected
    made.Free()
    WORLD.Barrier()
    if is_low:
        MPI.Close_port(port)
    WORLD.Barrier()
    if not is_low:
        with pytest.raises(MPI.Exception) as caught:
            half.Connect(port)
        assert caught.value.Get_error_class() == MPI.ERR_PORT
    WORLD.Barrier()
    half.Free()


def test_groups_that_share_a_node() -> None:
    """They are refused on all nodes."""
    with pytest.raises(MPI.Exception, match="is in both groups") as caught:
        WORLD.Create_intercomm(0, WORLD, 0, 7)
    assert caught.value.Get_error_class() == MPI.ERR_COMM
