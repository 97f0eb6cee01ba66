"""Nodes on grids: coordinates, neighbours, parts, even shapes; and as communicators."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp import testing
from distrcomp.communicator import Communicator
from distrcomp.errors import CallError, NoSuchNode
from distrcomp.grids import Grid, even_shape, make_grid


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """Grids of up to four axes."""
    shape = draw(st.lists(st.integers(1, 4), max_size=4))
    closed = draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
    return Grid(tuple(shape), tuple(closed))


@given(grids())
def test_coords_are_in_row_major_order(grid: Grid) -> None:
    """Nodes lie as itertools.product counts, and each is found again by its coordinates."""
    expected = list(product(*map(range, grid.shape)))
    assert expected == [grid.coords(node) for node in range(grid.size)]
    assert list(range(grid.size)) == [grid.node_at(coords) for coords in expected]
    with pytest.raises(NoSuchNode):
        grid.coords(grid.size)


@given(grids(), st.data())
def test_shift(grid: Grid, data: st.DataObject) -> None:
    """To whom a node shifts receives from it; only at an open end there is nobody."""
    if not grid.shape:
        with pytest.raises(CallError, match="no axis 0"):
            grid.shift(0, 0)
        return
    axis = data.draw(st.integers(0, len(grid.shape) - 1))
    steps = data.draw(st.integers(-3, 3))
    for node in range(grid.size):
        _, dest = grid.shift(node, axis, steps)
        place = grid.coords(node)[axis] + steps
        is_beyond = not 0 <= place < grid.shape[axis]
        assert (dest is None) == (is_beyond and not grid.closed[axis])
        if dest is not None:
            assert node == grid.shift(dest, axis, steps)[0]
            assert grid.coords(dest)[axis] == place % grid.shape[axis]


@given(grids(), st.data())
def test_sub(grid: Grid, data: st.DataObject) -> None:
    """Nodes with the same other coordinates are in one part, ordered by the kept ones."""
    size = len(grid.shape)
    keep = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    parts: dict[int, list[int]] = {}
    for node in range(grid.size):
        which, where = grid.place_in_sub(node, keep)
        assert len(parts.setdefault(which, [])) == where
        parts[which].append(node)
    assert {grid.sub(keep).size} == set(map(len, parts.values()))


@given(st.integers(1, 200), st.integers(1, 4))
def test_even_shape(n_node: int, n_axis: int) -> None:
    """The shape holds all nodes, falls, and no other has a smaller largest length."""
    shape = even_shape(n_node, [0] * n_axis)
    assert n_node == prod(shape)
    assert sorted(shape, reverse=True) == shape
    lengths = [length for length in range(1, n_node + 1) if not n_node % length]
    others = (
        [other for other in product(lengths, repeat=n_axis) if prod(other) == n_node]
        if n_axis < 4
        else [tuple(shape)]
    )
    assert shape[0] == min(map(max, others))


def test_wrong_shapes() -> None:
    """What is no grid of so many nodes is told."""
    for shape, closed, text in (
        ([-1], False, "is no shape"),
        (["a"], False, "is no shape"),
        ([5], False, "needs 5 nodes; there are 4"),
        ([3, 0], False, "don't fill a grid"),
        ([2, 2], [True], "1 truths say which of 2 axes"),
    ):
        with pytest.raises(CallError, match=text):
            make_grid(4, shape, closed)
    grid = make_grid(4, [0, 0], [True, False])
    assert Grid((2, 2), (True, False)) == grid
    assert 2 == grid.node_at([-1, 0])
    for coords in ([0, 2], [0]):
        with pytest.raises(CallError):
            grid.node_at(coords)


def test_communicators_on_grids() -> None:
    """Who is left over gets none; a part and a copy have grids, too; shifts are sends."""

    def act(world: Communicator) -> object:
        grid = world.grid((2, 2), closed=(True, False))
        if grid is None:
            return None
        source, dest = grid.shift(axis=0)
        assert source is not None
        assert dest is not None
        came = grid.sendrecv(dest, grid.coords, source)
        row = grid.sub([1])
        copy = grid.dup()
        assert copy.coords == grid.coords
        return came, row.coords, row.allgather(grid.node_id), row.translate(1, world)

    expected = [
        ((1, 0), (0,), [0, 1], 1),
        ((1, 1), (1,), [0, 1], 1),
        ((0, 0), (0,), [2, 3], 3),
        ((0, 1), (1,), [2, 3], 3),
        None,
    ]
    assert expected == testing.run(act, n=5)
