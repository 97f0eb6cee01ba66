"""Communicators with a topology."""

from __future__ import annotations

from typing import Any

import pytest

from distrcomp.mpi import MPI

from .simulated import on_nodes


def test_a_grid() -> None:
    """Lengths, coordinates, shifts and neighbours; who finds no place gets the null one."""

    def program(comm: Any) -> Any:
        grid = comm.Create_cart([2, 2], [False, True])
        if grid == MPI.COMM_NULL:
            assert type(grid) is MPI.Cartcomm
            return comm.Cart_map([2, 2]) == MPI.UNDEFINED
        assert grid.topo == ([2, 2], [0, 1], grid.coords)
        assert (grid.dim, grid.dims, grid.periods) == (2, [2, 2], [0, 1])
        assert (MPI.CART, True) == (grid.topology, grid.is_topo)
        assert [grid.Get_cart_rank(grid.Get_coords(i)) for i in range(4)] == list(range(4))
        return [grid.Shift(0, 1), grid.Shift(1, 1), grid.inedges, grid.degrees]

    null = MPI.PROC_NULL
    expected = [
        [(null, 2), (1, 1), [null, 2, 1, 1], (4, 4)],
        [(null, 3), (0, 0), [null, 3, 0, 0], (4, 4)],
        [(0, null), (3, 3), [0, null, 3, 3], (4, 4)],
        [(1, null), (2, 2), [1, null, 2, 2], (4, 4)],
        True,
    ]
    assert expected == on_nodes(program, 5)


def test_parts_and_duplicates_keep_the_topology() -> None:
    """Sub gives grids of the remaining directions; Dup and Intracomm know the topology."""

    def program(comm: Any) -> Any:
        grid = comm.Create_cart([2, 2], True)
        rows = grid.Sub([False, True])
        twin = grid.Dup()
        assert type(twin) is MPI.Cartcomm
        assert twin.topo == grid.topo
        assert MPI.Intracomm(grid).Get_topology() == MPI.CART
        assert comm.Get_topology() == MPI.UNDEFINED
        return [rows.topo, rows.allgather(comm.rank)]

    expected = [[([2], [1], [rank % 2]), [rank // 2 * 2, rank // 2 * 2 + 1]] for rank in range(4)]
    assert expected == on_nodes(program, 4)


def test_graphs() -> None:
    """A graph is known whole; of a distributed graph each node knows its edges, with weights."""

    def program(comm: Any) -> Any:
        n = comm.size
        graph = comm.Create_graph([1, 3, 4], [1, 0, 2, 1])
        assert graph.topo == ([1, 3, 4], [1, 0, 2, 1])
        assert graph.dims == (3, 4) == (graph.nnodes, graph.nedges)
        assert graph.Get_neighbors(1) == [0, 2]
        edges = [(comm.rank + 1) % n, (comm.rank + 2) % n]
        spread = comm.Create_dist_graph([comm.rank], [2], edges, [5, 6])
        assert spread.Get_dist_neighbors_count() == (2, 2, True)
        return [graph.neighbors, spread.Get_dist_neighbors()]

    found = on_nodes(program, 3)
    assert [[1], [0, 2], [1]] == [neighbors for neighbors, _ in found]
    assert ([1, 2], [1, 2], ([6, 5], [5, 6])) == found[0][1]


def test_adjacent_graphs() -> None:
    """Weights are given for both sides or for none; empty ones are weights, too."""
    comm = MPI.COMM_SELF
    empty = comm.Create_dist_graph_adjacent([], [], MPI.WEIGHTS_EMPTY, MPI.WEIGHTS_EMPTY)
    assert ([], [], ([], [])) == empty.Get_dist_neighbors()
    one = comm.Create_dist_graph_adjacent([0], None, MPI.UNWEIGHTED, None)
    assert ([0], [], None) == one.Get_dist_neighbors()
    with pytest.raises(MPI.Exception):
        comm.Create_dist_graph_adjacent([0], [0], [1], None)
    with pytest.raises(ValueError, match="expecting 1 items, got 0"):
        comm.Create_dist_graph_adjacent([0], [0], MPI.WEIGHTS_EMPTY, MPI.WEIGHTS_EMPTY)


def test_a_handle_takes_its_own_topology() -> None:
    """Wrapping a communicator by a class of another topology is an error."""
    grid = MPI.COMM_SELF.Create_cart([1])
    assert MPI.Cartcomm(grid) == grid == MPI.Topocomm(grid)
    for cls in (MPI.Graphcomm, MPI.Distgraphcomm):
        with pytest.raises(TypeError):
            cls(grid)
    with pytest.raises(TypeError):
        MPI.Topocomm(MPI.COMM_SELF)
    grid.Free()


def test_shapes_that_cannot_be() -> None:
    """A grid or graph that is too large, and truths of the wrong number."""
    comm = MPI.COMM_SELF
    for call in (
        lambda: comm.Create_cart([2]),
        lambda: comm.Cart_map([2]),
        lambda: comm.Create_graph([1, 1], [0]),
        lambda: comm.Create_dist_graph([0], [1], [1]),
    ):
        with pytest.raises(MPI.Exception) as caught:
            call()
        assert caught.value.Get_error_class() == MPI.ERR_ARG
    with pytest.raises(ValueError, match="expecting 1 items, got 2"):
        comm.Create_cart([1], [True, False])
    with pytest.raises(ValueError, match="expecting 1 items, got 2"):
        comm.Create_cart([1]).Get_cart_rank([0, 0])


def test_dims() -> None:
    """A number of directions, or lengths of which zeros are filled in."""
    assert [3, 2] == MPI.Compute_dims(6, 2)
    assert [2, 3] == MPI.Compute_dims(6, [2, 0])
