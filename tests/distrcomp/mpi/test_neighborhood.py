"""Neighbourhood collectives: along edges, in their order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrcomp.mpi import MPI

from .simulated import on_nodes, result_of

few = settings(max_examples=15, deadline=None)


@few
@given(st.integers(1, 6), st.booleans())
def test_on_a_line_or_ring(n: int, is_closed: bool) -> None:
    """What goes on arrives as coming from behind, on a ring of one and two, too."""

    def program(comm: Any) -> Any:
        line = comm.Create_cart([n], [is_closed])
        objects = line.neighbor_alltoall([(comm.rank, "back"), (comm.rank, "on")])
        memory = np.full(2, -1)
        line.Neighbor_alltoall(np.array([2 * comm.rank, 2 * comm.rank + 1]), memory)
        return [objects, memory.tolist(), line.neighbor_allgather(comm.rank)]

    def expected(rank: int) -> Any:
        before, behind = rank - 1, rank + 1
        found: list[Any] = [[None, None], [-1, -1], [None, None]]
        if is_closed or before >= 0:
            source = before % n
            found[0][0], found[1][0], found[2][0] = (source, "on"), 2 * source + 1, source
        if is_closed or behind < n:
            source = behind % n
            found[0][1], found[1][1], found[2][1] = (source, "back"), 2 * source, source
        return found

    assert [expected(rank) for rank in range(n)] == on_nodes(program, n)


@st.composite
def edges(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    """Any distributed graph, with several edges between two nodes and loops."""
    n = draw(st.integers(1, 4))
    return n, draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=9))


@few
@given(edges(), st.booleans())
def test_along_any_edges(graph: tuple[int, list[tuple[int, int]]], is_begun: bool) -> None:
    """Of several edges between two nodes the first takes the first message."""
    n, pairs = graph

    def program(comm: Any) -> Any:
        froms = [i for i, (_, to) in enumerate(pairs) if to == comm.rank]
        to = [i for i, (source, _) in enumerate(pairs) if source == comm.rank]
        made = comm.Create_dist_graph_adjacent(
            [pairs[i][0] for i in froms], [pairs[i][1] for i in to]
        )
        memory = np.full(len(froms), -1)
        if is_begun:
            result_of(made.Ineighbor_alltoallv(np.array(to, int), memory))
        else:
            made.Neighbor_alltoallv(np.array(to, int), memory)
        assert memory.tolist() == froms
        return made.neighbor_alltoall(to) == froms

    assert [True] * n == on_nodes(program, n)


def test_in_blocks_of_any_kind() -> None:
    """Counts, displacements and datatypes are those of the neighbours."""

    def program(comm: Any) -> Any:
        ring = comm.Create_cart([comm.size], True)
        gathered = np.full(6, -1.0)
        ring.Neighbor_allgatherv(
            np.full(2, float(comm.rank)), [gathered, ([2, 2], [0, 4]), MPI.DOUBLE]
        )
        words = np.full(2, -1.0)
        types = [MPI.DOUBLE, MPI.DOUBLE]
        sent = np.array([comm.rank + 0.25, comm.rank + 0.75])
        ring.Neighbor_alltoallw([sent, ([1, 1], [0, 8]), types], [words, ([1, 1], [8, 0]), types])
        return [gathered.tolist(), words.tolist()]

    expected = [
        [[b, b, -1.0, -1.0, f, f], [f + 0.25, b + 0.75]]
        for b, f in ((2.0, 1.0), (0.0, 2.0), (1.0, 0.0))
    ]
    assert expected == on_nodes(program, 3)


def test_started_many_times() -> None:
    """Each start sends what the memory holds then."""

    def program(comm: Any) -> Any:
        ring = comm.Create_cart([comm.size], True)
        mine, memory = np.zeros(1), np.zeros(2)
        request = ring.Neighbor_allgather_init(mine, memory)
        found = []
        for turn in range(3):
            mine[0] = comm.rank * turn
            request.Start()
            result_of(request)
            found.append(memory.tolist())
        return found

    expected = [[[2.0 * turn, 1.0 * turn] for turn in range(3)]]
    assert expected == on_nodes(program, 3)[:1]


def test_one_object_for_each() -> None:
    """Another number of objects is an error."""
    ring = MPI.COMM_SELF.Create_cart([1])
    with pytest.raises(ValueError, match="expecting 2 items, got 1"):
        ring.neighbor_alltoall([1])
    ring.Free()
