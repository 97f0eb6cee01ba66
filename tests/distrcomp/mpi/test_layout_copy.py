"""distrcomp.mpi.layout_copy: what is packed and unpacked again is the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.mpi import layout_copy, typemap
from distrcomp.mpi.typemap import Typemap

from .typemap_model import PAIRS, Pair


def _memory(nbytes: int) -> np.ndarray:
    return np.random.default_rng(nbytes).integers(0, 256, nbytes, np.uint8)


def _at_home(made: Typemap, count: int) -> typemap.Layout:
    """The layout of some items, moved to where the memory begins."""
    layout = layout_copy.of_items(made, count, 0)
    return typemap.shift(layout, -layout_copy.bounds(layout)[0])


@given(PAIRS.filter(lambda pair: bool(pair[1].bytes)), st.integers(1, 3))
def test_packing_takes_the_bytes_in_order(pair: Pair, count: int) -> None:
    """Packed bytes are those that the model names, one after the other."""
    made, model = pair
    layout = _at_home(made, count)
    places = [byte + i * model.extent for i in range(count) for byte in model.bytes]
    memory = _memory(layout_copy.bounds(layout)[1])
    expected = memory[np.array(places) - min(places)]
    assert expected.tobytes() == layout_copy.pack(memory, layout).tobytes()


@given(PAIRS.filter(lambda pair: bool(pair[1].bytes)), st.data())
def test_unpacking_puts_any_beginning_back(pair: Pair, data: st.DataObject) -> None:
    """The first bytes of a packed form go to their places; no other byte is touched."""
    made, model = pair
    layout = _at_home(made, 1)
    places = np.array(model.bytes) - min(model.bytes)
    if len(set(model.bytes)) < len(model.bytes):
        return  # what overlaps may not be received into
    nbytes = data.draw(st.integers(0, made.size))
    packed = _memory(made.size).tobytes()[:nbytes]
    memory = np.zeros(layout_copy.bounds(layout)[1] + 3, np.uint8)
    expected = memory.copy()
    expected[places[:nbytes]] = np.frombuffer(packed, np.uint8)
    layout_copy.unpack(memory, layout, packed)
    assert expected.tolist() == memory.tolist()


@pytest.mark.parametrize("mean", [8, 5000])
def test_long_and_short_runs_are_the_same_to_the_caller(mean: int) -> None:
    """Runs copied by index and runs copied by slices give the same bytes."""
    offsets = np.array([0, 2, 5]) * mean
    layout = typemap.Runs(offsets, np.array([mean, mean, 2 * mean]))
    memory = _memory(7 * mean)
    packed = layout_copy.pack(memory, layout)
    assert b"".join(bytes(memory[o : o + n]) for o, n in zip(*layout, strict=True)) == packed
    back = np.zeros_like(memory)
    layout_copy.unpack(back, layout, packed)
    assert packed == layout_copy.pack(back, layout)


def test_unaligned_memory_is_packed_as_well() -> None:
    """Memory that begins at an odd address loses nothing but speed."""
    layout = typemap.Runs(np.array([0, 16, 24]), np.array([8, 8, 16]))
    memory = _memory(41)[1:]
    expected = memory[np.r_[0:8, 16:24, 24:40]].tobytes()
    assert expected == layout_copy.pack(memory, layout)


def test_columns_are_packed_in_one_go() -> None:
    """The columns of a matrix as a resized vector: a grid of two dimensions."""
    matrix = np.arange(12, dtype=np.float64).reshape(3, 4)
    column = typemap.resized(typemap.repeated(typemap.basic(8), 3, 32), 0, 8)
    packed = layout_copy.pack(memoryview(matrix).cast("B"), layout_copy.of_items(column, 4, 0))
    assert matrix.T.tolist() == np.frombuffer(packed).reshape(4, 3).tolist()
