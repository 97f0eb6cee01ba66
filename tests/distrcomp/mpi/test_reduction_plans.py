"""Reductions of memory against a fold in the order of the nodes."""

from __future__ import annotations

from functools import reduce as fold
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrcomp.mpi import MPI

from .simulated import on_nodes

NODES = st.integers(1, 6)
SIZES = st.sampled_from([0, 1, 4, 6000])
few = settings(max_examples=15, deadline=None)
OPERATIONS = {
    "SUM": np.add,
    "PROD": np.multiply,
    "MAX": np.maximum,
    "BXOR": np.bitwise_xor,
}


def own(rank: int, size: int) -> Any:
    """What a node contributes."""
    return (np.arange(size, dtype=np.int64) * 7 + 3 * rank) % 11 + 1


@few
@given(NODES, SIZES, st.sampled_from(sorted(OPERATIONS)), st.booleans(), st.data())
def test_reduce_and_allreduce(
    n: int, size: int, name: str, is_in_place: bool, data: st.DataObject
) -> None:
    """The root, or all, have what all contribute together."""
    root = data.draw(st.integers(0, n - 1))

    def program(comm: Any) -> Any:
        mine, op = own(comm.rank, size), getattr(MPI, name)
        result, everywhere = mine.copy(), mine.copy()
        keeps = is_in_place and comm.rank == root
        comm.Reduce(MPI.IN_PLACE if keeps else mine, result, op, root)
        comm.Allreduce(MPI.IN_PLACE if is_in_place else mine, everywhere, op)
        return [result.tolist(), everywhere.tolist()]

    expected = fold(OPERATIONS[name], [own(i, size) for i in range(n)]).tolist()
    results = on_nodes(program, n)
    assert [expected, expected] == results[root]
    assert all([own(i, size).tolist(), expected] == results[i] for i in range(n) if i != root)


@few
@given(NODES, SIZES, st.booleans())
def test_scan_and_exscan(n: int, size: int, is_in_place: bool) -> None:
    """Each has what the nodes up to it, or before it, contribute; node 0 keeps what it has."""

    def program(comm: Any) -> Any:
        mine = own(comm.rank, size)
        upto, before = mine.copy(), mine.copy()
        comm.Scan(MPI.IN_PLACE if is_in_place else mine, upto)
        comm.Exscan(MPI.IN_PLACE if is_in_place else mine, before)
        return [upto.tolist(), before.tolist()]

    sums = [sum(own(i, size) for i in range(rank + 1)).tolist() for rank in range(n)]
    assert [[sums[i], sums[max(i - 1, 0)]] for i in range(n)] == on_nodes(program, n)


@few
@given(NODES, st.data())
def test_reduce_scatter(n: int, data: st.DataObject) -> None:
    """Each has its part of what all contribute together, counts given or not."""
    counts = [data.draw(SIZES) for _ in range(n)]
    total, ends = sum(counts), [sum(counts[: i + 1]) for i in range(n)]
    everything = sum(own(i, total) for i in range(n))

    def program(comm: Any) -> Any:
        mine = own(comm.rank, total)
        results = [np.zeros(counts[comm.rank], np.int64) for _ in range(2)]
        comm.Reduce_scatter(mine, results[0], counts)
        comm.Reduce_scatter(mine, results[1])
        comm.Reduce_scatter(MPI.IN_PLACE, mine, counts)
        return [result.tolist() for result in (*results, mine[: counts[comm.rank]])]

    expected = [everything[ends[i] - counts[i] : ends[i]].tolist() for i in range(n)]
    assert [[each] * 3 for each in expected] == on_nodes(program, n)


@few
@given(NODES, SIZES)
def test_reduce_scatter_block(n: int, size: int) -> None:
    """Each has an equal part of what all contribute together."""
    everything = sum(own(i, n * size) for i in range(n)).reshape(n, size)

    def program(comm: Any) -> Any:
        mine, result = own(comm.rank, n * size), np.zeros(size, np.int64)
        comm.Reduce_scatter_block(mine, result)
        comm.Reduce_scatter_block(MPI.IN_PLACE, mine)
        return [result.tolist(), mine[:size].tolist()]

    assert [[each.tolist()] * 2 for each in everything] == on_nodes(program, n)


def times(one: Any, other: Any, datatype: Any) -> None:
    """Products of matrices, whose order matters."""
    a, b = (np.frombuffer(memory).reshape(-1, 2, 2) for memory in (one, other))
    b[:] = [x @ y for x, y in zip(a, b, strict=True)]


@few
@given(NODES)
def test_the_order_is_that_of_the_nodes(n: int) -> None:
    """An operation of the program's own that doesn't commute is applied in the order of ranks."""
    matrix = MPI.DOUBLE.Create_contiguous(4).Commit()
    op = MPI.Op.Create(times, commute=False)
    matrices = [np.array([[1.0, i], [i % 2, 1.0]]) for i in range(n)]

    def program(comm: Any) -> Any:
        results = [np.zeros((2, 2)) for _ in range(3)]
        mine = matrices[comm.rank]
        comm.Allreduce([mine, 1, matrix], [results[0], 1, matrix], op)
        comm.Reduce([mine, 1, matrix], [results[1], 1, matrix], op, n - 1)
        comm.Scan([mine, 1, matrix], [results[2], 1, matrix], op)
        return [result.tolist() for result in results]

    product = fold(np.matmul, matrices).tolist()
    results = on_nodes(program, n)
    op.Free()
    assert [product] * n == [each[0] for each in results]
    assert [product] * 2 == results[-1][1:]


def test_places_of_extremes() -> None:
    """Pairs of value and place, in a layout with gaps; among equals the lower place."""
    pair = np.dtype([("v", "d"), ("i", "i")], align=True)

    def program(comm: Any) -> Any:
        mine = np.array([(comm.rank % 2, comm.rank), (7.0, comm.rank)], pair)
        least, greatest = np.zeros(2, pair), np.zeros(2, pair)
        comm.Allreduce([mine, 2, MPI.DOUBLE_INT], [least, 2, MPI.DOUBLE_INT], MPI.MINLOC)
        comm.Allreduce([mine, 2, MPI.DOUBLE_INT], [greatest, 2, MPI.DOUBLE_INT], MPI.MAXLOC)
        return [least.tolist(), greatest.tolist()]

    assert [[[(0.0, 0), (7.0, 0)], [(1.0, 1), (7.0, 0)]]] * 4 == on_nodes(program, 4)


@pytest.mark.parametrize(
    ("dtype", "names"),
    [
        ("d", ["BAND", "LAND", "MINLOC", "REPLACE", "NO_OP"]),
        ("D", ["MAX", "MIN", "LOR"]),
        ("?", ["SUM", "MAX", "BOR"]),
    ],
)
def test_what_is_not_defined_is_an_error(dtype: str, names: list[str]) -> None:
    """An operation that MPI doesn't define for the elements is told before anything is sent."""
    memory = np.zeros(2, dtype)
    for name in names:
        with pytest.raises(MPI.Exception) as caught:
            MPI.COMM_SELF.Allreduce(memory, memory.copy(), getattr(MPI, name))
        assert caught.value.Get_error_class() == MPI.ERR_OP


def test_unlike_buffers_are_told() -> None:
    """What is sent and received has to be as long and of the same type."""
    comm = MPI.COMM_SELF
    with pytest.raises(ValueError, match="mismatch in send count 2 and receive count 3"):
        comm.Allreduce(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="mismatch in send and receive MPI datatypes"):
        comm.Reduce(np.zeros(2), np.zeros(2, "i"))
    with pytest.raises(ValueError, match="expecting 1 items, got 2"):
        comm.Reduce_scatter(np.zeros(2), np.zeros(1), [1, 1])
    with pytest.raises(ValueError, match=r"mismatch in send count 2 and sum\(counts\) 1"):
        comm.Reduce_scatter(np.zeros(2), np.zeros(1), [1])
