"""Grids of ranks: coordinates, shifts, parts of grids, and the most even shape."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.mpi.cartesian import Cartesian, compute_dims
from distrcomp.mpi.constants import PROC_NULL
from distrcomp.mpi.errors import ERR_ARG, ERR_DIMS, ERR_RANK, MPIException

DIRECTIONS = st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=4)


@st.composite
def grids(draw: st.DrawFn) -> Cartesian:
    """Any small grid."""
    directions = draw(DIRECTIONS)
    return Cartesian(tuple(n for n, _ in directions), tuple(closed for _, closed in directions))


@given(grids())
def test_ranks_are_row_major(grid: Cartesian) -> None:
    """Ranks count the coordinates with the last one varying fastest, and back."""
    everywhere = [list(coords) for coords in product(*(range(n) for n in grid.dims))]
    assert everywhere == [grid.coords(rank) for rank in range(grid.size)]
    assert list(range(grid.size)) == [grid.rank(coords) for coords in everywhere]


@given(grids(), st.data())
def test_shifts_are_each_others_inverse(grid: Cartesian, data: st.DataObject) -> None:
    """Whom a node shifts data to gets it from that node."""
    for rank in range(grid.size):
        for direction in range(len(grid.dims)):
            disp = data.draw(st.integers(-5, 5))
            source, dest = grid.shift(rank, direction, disp)
            assert dest == PROC_NULL or grid.shift(dest, direction, disp)[0] == rank
            assert source == PROC_NULL or grid.shift(source, direction, disp)[1] == rank


@given(grids())
def test_neighbours_are_the_shifts_by_one(grid: Cartesian) -> None:
    """The neighbours are, direction by direction, those before and those behind."""
    for rank in range(grid.size):
        shifts = [grid.shift(rank, direction, 1) for direction in range(len(grid.dims))]
        assert [who for shift in shifts for who in shift] == grid.neighbours(rank)


@given(grids(), st.data())
def test_parts_of_a_grid_are_disjoint_grids(grid: Cartesian, data: st.DataObject) -> None:
    """Each part holds all ranks of the remaining directions once."""
    remain = [data.draw(st.booleans()) for _ in grid.dims]
    part = grid.sub(remain)
    n_part = grid.size // part.size
    places = [grid.sub_place(rank, remain) for rank in range(grid.size)]
    assert sorted(places) == [(i, rank) for i in range(n_part) for rank in range(part.size)]
    for rank, (_, inside) in enumerate(places):
        kept = [place for place, stays in zip(grid.coords(rank), remain, strict=True) if stays]
        assert kept == part.coords(inside)


def test_an_open_direction_ends() -> None:
    """Coordinates beyond an open end are an error, those of a closed direction wrap round."""
    grid = Cartesian((2, 3), (False, True))
    assert grid.rank([1, -1]) == 5
    with pytest.raises(MPIException) as caught:
        grid.rank([2, 0])
    assert caught.value.Get_error_class() == ERR_ARG
    with pytest.raises(MPIException) as caught:
        grid.coords(6)
    assert caught.value.Get_error_class() == ERR_RANK
    with pytest.raises(MPIException) as caught:
        grid.shift(0, 2, 1)
    assert caught.value.Get_error_class() == ERR_ARG


@given(st.integers(1, 3000), st.integers(1, 5))
def test_dims_fall_and_fill_the_grid(n_node: int, n_dim: int) -> None:
    """The lengths are in falling order and their product is the number of nodes."""
    dims = compute_dims(n_node, [0] * n_dim)
    assert prod(dims) == n_node
    assert dims == sorted(dims, reverse=True)


@pytest.mark.parametrize(
    ("n_node", "given_dims", "expected"),
    [
        (12, [0, 0], [4, 3]),
        (12, [0, 0, 0], [3, 2, 2]),
        (100, [0, 0, 0], [5, 5, 4]),
        (360, [0, 0, 0], [9, 8, 5]),
        (7, [0, 0], [7, 1]),
        (24, [0, 2, 0], [4, 2, 3]),
        (6, [2, 3], [2, 3]),
        (1, [], []),
    ],
)
def test_dims_are_even(n_node: int, given_dims: list[int], expected: list[int]) -> None:
    """What is not given becomes as even as it can be."""
    assert expected == compute_dims(n_node, given_dims)


@pytest.mark.parametrize(
    ("n_node", "dims", "error"),
    [
        (6, [4, 0], ERR_DIMS),
        (6, [2, 2], ERR_DIMS),
        (6, [], ERR_DIMS),
        (6, [-1, 0], ERR_DIMS),
        (0, [0], ERR_ARG),
        (-1, [0], ERR_ARG),
    ],
)
def test_dims_that_cannot_be_are_errors(n_node: int, dims: list[int], error: int) -> None:
    """A shape that the nodes don't fill is told."""
    with pytest.raises(MPIException) as caught:
        compute_dims(n_node, dims)
    assert error == caught.value.Get_error_class()
