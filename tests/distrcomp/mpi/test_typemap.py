"""distrcomp.mpi.typemap: layouts against a reference that knows every byte."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.mpi import typemap
from distrcomp.mpi.typemap import Grid, Runs

from . import typemap_model
from .typemap_model import PAIRS, Pair

INT = typemap.basic(4)


@given(PAIRS)
def test_a_typemap_has_the_bytes_and_bounds_of_the_model(pair: Pair) -> None:
    """Whatever it was made of, a typemap holds the bytes in order, and its bounds."""
    made, model = pair
    assert model.bytes == typemap_model.bytes_of(made.layout)
    assert (len(model.bytes), model.lb, model.ub) == (made.size, made.lb, made.ub)
    true = (min(model.bytes), max(model.bytes) + 1) if model.bytes else (0, 0)
    assert true == (made.true_lb, made.true_ub)


@given(PAIRS)
def test_a_dense_typemap_is_one_run_however_often(pair: Pair) -> None:
    """Dense means that each item's bytes go on where those of the one before ended."""
    made, model = pair
    twice = [byte + i * model.extent for i in range(2) for byte in model.bytes]
    one_run = bool(twice) and twice == list(range(twice[0], twice[0] + len(twice)))
    assert made.is_dense == (one_run or (not twice and model.extent == 0))


@given(PAIRS)
def test_layouts_are_merged(pair: Pair) -> None:
    """No run of bytes goes on where another ended, and no run is empty."""
    runs = typemap.runs(pair[0].layout)
    if pair[0].size:
        assert (runs.lengths > 0).all()
        ends = runs.offsets[:-1] + runs.lengths[:-1]
        assert not isinstance(pair[0].layout, Runs) or (runs.offsets[1:] != ends).all()


def test_the_same_bytes_by_any_way_are_the_same_grid() -> None:
    """A column is one grid, made as a vector, by its blocks or one in the other."""
    expected = Grid(0, ((3, 20),), 4)
    ways = [
        typemap.repeated(INT, 3, 20),
        typemap.placed(INT, [(1, 0), (1, 20), (1, 40)]),
        typemap.spread(INT, [0, 20, 40]),
        typemap.contiguous(typemap.resized(INT, 0, 20), 3),
    ]
    assert [expected] * 4 == [way.layout for way in ways]


def test_irregular_runs_are_listed() -> None:
    """Runs at uneven distances have no grid."""
    layout = typemap.placed(INT, [(1, 0), (2, 12), (1, 20), (1, 40)]).layout
    assert isinstance(layout, Runs)
    assert [(0, 4), (12, 12), (40, 4)] == list(
        zip(layout.offsets.tolist(), layout.lengths.tolist(), strict=True)
    )


def test_a_huge_type_costs_nothing() -> None:
    """A grid of 2**60 bytes is a few numbers."""
    huge = typemap.repeated(typemap.contiguous(INT, 2**29), 2**29, 2**32)
    assert 2**60 == huge.size
    assert (2**29 - 1) * 2**32 + 2**31 == huge.extent


def test_a_structure_ends_as_in_c() -> None:
    """An int and a char take 8 bytes, so that the next int is aligned."""
    made = typemap.structure([(INT, 1, 0), (typemap.basic(1), 1, 4)])
    assert (5, 0, 8, 5) == (made.size, made.lb, made.extent, made.true_ub)


@given(st.integers(-9, 9), PAIRS)
def test_a_shifted_layout_has_the_same_bytes_elsewhere(offset: int, pair: Pair) -> None:
    """Shifting adds the offset to every byte."""
    moved = typemap.shift(pair[0].layout, offset)
    assert [b + offset for b in pair[1].bytes] == list(typemap_model.bytes_of(moved))


def test_runs_of_a_grid_are_in_packed_order() -> None:
    """The slowest dimension comes first."""
    runs = typemap.runs(Grid(1, ((2, 100), (3, 10)), 4))
    assert [1, 11, 21, 101, 111, 121] == runs.offsets.tolist()
    assert np.full(6, 4).tolist() == runs.lengths.tolist()
