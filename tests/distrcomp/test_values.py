"""Values between a notebook and its nodes."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.errors import ProtocolError, Unpicklable
from distrcomp.values import pack_plain, pickled, unpack_plain, unpickled

KEYS = st.integers() | st.text() | st.binary() | st.booleans() | st.tuples(st.integers())
VALUES = st.recursive(
    KEYS | st.none() | st.floats(allow_nan=False) | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner)
        | st.sets(KEYS)
        | st.frozensets(KEYS)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_plain_data_comes_back(value: object) -> None:
    """With the types that it had."""
    assert repr(value) == repr(unpack_plain(pack_plain(value))) or value == unpack_plain(
        pack_plain(value)
    )


@pytest.mark.parametrize(
    "array",
    [np.arange(6.0).reshape(2, 3), np.zeros((0, 2), np.int8), np.array("ab"), np.float32(1.5)],
)
def test_arrays_come_back(array: np.ndarray) -> None:  # type: ignore[type-arg]
    """Shape, type and content, and writable."""
    (back,) = unpack_plain(pack_plain([array]))
    assert (array.shape, array.dtype) == (back.shape, back.dtype)
    assert np.array_equal(array, back)
    assert back.flags.writeable


@pytest.mark.parametrize("value", [print, [object()], {"x": {1: len}}, np.array([None])])
def test_what_is_not_plain_is_named(value: object) -> None:
    """Nothing of it is sent."""
    with pytest.raises(Unpicklable, match=r"it holds a|no plain data"):
        pack_plain(value)


@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    """A value, or the one exception."""
    with contextlib.suppress(ProtocolError):
        unpack_plain(data)


def test_pickles_carry_functions() -> None:
    """By value."""
    assert 3 == unpickled(pickled(lambda x: x + 1))(2)
