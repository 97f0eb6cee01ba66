"""Collectives on memory against what they should give, on any number of nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrcomp.mpi import MPI
from distrcomp.testing import NodeFailed

from .simulated import on_nodes

NODES = st.integers(1, 6)
SIZES = st.sampled_from([0, 1, 3, 5000])
few = settings(max_examples=15, deadline=None)


def own(rank: int, size: int) -> Any:
    """What a node contributes: no two elements of any nodes are equal."""
    return np.arange(size, dtype=np.int64) + rank * 10000


@few
@given(NODES, SIZES, st.data())
def test_bcast(n: int, size: int, data: st.DataObject) -> None:
    """All have the root's memory."""
    root = data.draw(st.integers(0, n - 1))

    def program(comm: Any) -> list[int]:
        memory = own(comm.rank, size)
        comm.Bcast(memory, root)
        return memory.tolist()

    assert [own(root, size).tolist()] * n == on_nodes(program, n)


@few
@given(NODES, st.data())
def test_gatherv_and_scatterv(n: int, data: st.DataObject) -> None:
    """Blocks of any size get to the root with gaps between them, and back."""
    root = data.draw(st.integers(0, n - 1))
    counts = [data.draw(SIZES) for _ in range(n)]
    displs = [sum(counts[:i]) + i for i in range(n)]

    def program(comm: Any) -> Any:
        mine = own(comm.rank, counts[comm.rank])
        gathered = np.full(sum(counts) + n, -1, np.int64)
        spec = [gathered, counts, displs, MPI.INT64_T] if comm.rank == root else None
        comm.Gatherv(mine, spec, root)
        back = np.zeros_like(mine)
        comm.Scatterv(spec, back, root)
        assert back.tolist() == mine.tolist()
        return gathered.tolist()

    expected = [x for i in range(n) for x in (*own(i, counts[i]).tolist(), -1)]
    assert expected == on_nodes(program, n)[root]


@few
@given(NODES, SIZES)
def test_gather_and_scatter(n: int, size: int) -> None:
    """Blocks of one size get to the root, from its own place if it says so, and back."""

    def program(comm: Any) -> Any:
        mine, is_root = own(comm.rank, size), comm.rank == 0
        gathered = np.zeros((n, size), np.int64)
        gathered[0] = mine
        comm.Gather(MPI.IN_PLACE if is_root else mine, gathered if is_root else None)
        back = np.zeros_like(mine)
        comm.Scatter(gathered if is_root else None, MPI.IN_PLACE if is_root else back)
        assert is_root or back.tolist() == mine.tolist()
        return gathered.tolist()

    assert [own(i, size).tolist() for i in range(n)] == on_nodes(program, n)[0]


@few
@given(NODES, SIZES, st.booleans())
def test_allgather(n: int, size: int, is_in_place: bool) -> None:
    """All have the blocks of all."""

    def program(comm: Any) -> Any:
        mine = own(comm.rank, size)
        gathered = np.zeros((n, size), np.int64)
        if is_in_place:
            gathered[comm.rank] = mine
        comm.Allgather(MPI.IN_PLACE if is_in_place else mine, gathered)
        return gathered.tolist()

    assert [[own(i, size).tolist() for i in range(n)]] * n == on_nodes(program, n)


@few
@given(NODES, SIZES, st.booleans())
def test_alltoall(n: int, size: int, is_in_place: bool) -> None:
    """Block i of node j is block j of node i then."""

    def program(comm: Any) -> Any:
        mine = own(comm.rank, n * size)
        if is_in_place:
            comm.Alltoall(MPI.IN_PLACE, mine)
            return mine.tolist()
        received = np.zeros_like(mine)
        comm.Alltoall(mine, received)
        return received.tolist()

    def block(i: int, rank: int) -> list[int]:
        return own(i, n * size)[rank * size : (rank + 1) * size].tolist()

    expected = [[x for i in range(n) for x in block(i, rank)] for rank in range(n)]
    assert expected == on_nodes(program, n)


def test_layouts_differ_on_both_sides() -> None:
    """A column that is sent arrives as a row."""
    column = MPI.DOUBLE.Create_vector(3, 1, 3).Create_resized(0, 8).Commit()

    def program(comm: Any) -> Any:
        table = np.arange(9.0).reshape(3, 3) + 10 * comm.rank
        rows = np.zeros((3, 3))
        comm.Alltoall([table, 1, column], [rows, 3, MPI.DOUBLE])
        return rows.tolist()

    expected = [[[x + 10 * i for x in (r, r + 3.0, r + 6.0)] for i in range(3)] for r in range(3)]
    assert expected == on_nodes(program, 3)


def test_alltoallw_has_a_type_for_each() -> None:
    """Each block has its own type, and displacements are bytes."""

    def program(comm: Any) -> Any:
        sent = np.array([comm.rank * 10.0, comm.rank * 10 + 1.0])
        received = np.zeros(2)
        types = [MPI.DOUBLE, MPI.REAL8]
        comm.Alltoallw([sent, ([1, 1], [0, 8]), types], [received, ([1, 1], [8, 0]), types])
        return received.tolist()

    assert [[10.0, 0.0], [11.0, 1.0]] == on_nodes(program, 2)


def test_a_shorter_message_fills_the_front() -> None:
    """More room than comes stays as it is; less is an error."""

    def scatter(room: int) -> Any:
        def program(comm: Any) -> Any:
            memory = np.full(room, -1.0)
            comm.Scatter(np.arange(4.0) if comm.rank == 0 else None, memory)
            return memory.tolist()

        return program

    assert [[0.0, 1.0, -1.0], [2.0, 3.0, -1.0]] == on_nodes(scatter(3), 2)
    with pytest.raises(NodeFailed) as caught:
        on_nodes(scatter(1), 2)
    assert isinstance(caught.value.__cause__, MPI.Exception)
    assert caught.value.__cause__.Get_error_class() == MPI.ERR_TRUNCATE


def test_wrong_roots_are_told() -> None:
    """A root that isn't there is an error of its own class, whatever the memory."""
    comm = MPI.COMM_SELF
    for call in (
        lambda root: comm.Bcast(None, root),
        lambda root: comm.Gather(None, None, root),
        lambda root: comm.Scatterv(None, None, root),
        lambda root: comm.Reduce(None, None, MPI.SUM, root),
    ):
        for root in (-1, 1):
            with pytest.raises(MPI.Exception) as caught:
                call(root)
            assert caught.value.Get_error_class() == MPI.ERR_ROOT


def test_a_null_communicator_has_no_collectives() -> None:
    """They are errors of class ERR_COMM."""
    for call in (MPI.COMM_NULL.Barrier, MPI.COMM_NULL.Ibarrier, MPI.COMM_NULL.barrier):
        with pytest.raises(MPI.Exception) as caught:
            call()
        assert caught.value.Get_error_class() == MPI.ERR_COMM


@pytest.mark.parametrize("value", [[1, 2], np.arange(4.0)])
def test_an_object_where_memory_is_awaited(value: Any) -> None:
    """`bcast` at the root and `Bcast` elsewhere is an error that says so."""

    def program(comm: Any) -> None:
        comm.bcast(value) if comm.rank == 0 else comm.Bcast(np.zeros(4))

    with pytest.raises(NodeFailed) as caught:
        on_nodes(program, 2)
    assert isinstance(caught.value.__cause__, MPI.Exception)
    assert caught.value.__cause__.Get_error_class() == MPI.ERR_TYPE
