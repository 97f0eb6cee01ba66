"""How contributions are combined."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

from distrcomp import ops
from distrcomp.errors import CallError


@pytest.mark.parametrize(
    ("name", "one", "other", "expected"),
    [
        ("SUM", 2, 3, 5),
        ("SUM", "a", "b", "ab"),
        ("SUM", [1], [2], [1, 2]),
        ("PROD", 2, 3, 6),
        ("MIN", 2, 3, 2),
        ("MAX", 2, 3, 3),
        ("LAND", 1, 0, False),
        ("LOR", 1, 0, True),
        ("LXOR", 1, 2, False),
        ("BAND", 6, 3, 2),
        ("BOR", 6, 3, 7),
        ("BXOR", 6, 3, 5),
        ("MINLOC", (2, 5), (2, 3), (2, 3)),
        ("MINLOC", (1, 5), (2, 3), (1, 5)),
        ("MAXLOC", (1, 5), (2, 3), (2, 3)),
    ],
)
def test_objects(name: str, one: Any, other: Any, expected: Any) -> None:
    """Objects are combined by Python's operators."""
    assert expected == getattr(ops, name).combine(one, other)


@pytest.mark.parametrize("name", ["SUM", "PROD", "MIN", "MAX", "LAND", "LOR", "LXOR"])
@pytest.mark.parametrize("dtype", ["?", "i2", "f4"])
def test_arrays_keep_their_dtype(name: str, dtype: str) -> None:
    """Arrays are combined by element, without changing dtype or arguments."""
    one, other = np.array([0, 1, 1], dtype), np.array([0, 0, 1], dtype)
    op: ops.Op = getattr(ops, name)
    together = op.combine(one, other)
    assert together.dtype == np.dtype(dtype)
    by_element = [op.combine(a, b) for a, b in zip([0, 1, 1], [0, 0, 1], strict=True)]
    assert together.astype(bool).tolist() == list(map(bool, by_element))
    room = other.copy()
    assert op.combine(one, other, room) is room
    assert room.tolist() == together.tolist()
    assert one.tolist() == np.array([0, 1, 1], dtype).tolist()


def test_unlike_arrays() -> None:
    """Arrays that differ in shape or dtype, or meet something else, can't be combined."""
    for other in (np.zeros(4), np.zeros(3, "f4"), 1.0):
        with pytest.raises(ops.Unlike):
            ops.SUM.combine(np.zeros(3), other)


def test_as_op() -> None:
    """None is the sum, Python's own functions are known, others are not taken for commutative."""
    assert ops.as_op(None) is ops.SUM
    assert ops.as_op(operator.add) is ops.SUM
    assert ops.as_op(max) is ops.MAX
    assert ops.as_op(ops.MIN) is ops.MIN
    assert not ops.as_op(lambda a, b: a - b).commutative
    assert ops.Op(operator.sub, commutative=True).commutative
    with pytest.raises(CallError, match="is no operation"):
        ops.as_op("sum")


def test_no_dimensions() -> None:
    """Arrays without dimensions are combined to one such."""
    together = ops.SUM.combine(np.array(1.5), np.array(2.0))
    assert isinstance(together, np.ndarray)
    assert () == together.shape
    assert 3.5 == float(together)


def test_no_hash() -> None:
    """A function object that can't be hashed is an operation as any other."""

    class Join:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, one: Any, other: Any) -> Any:
            return one + other

    assert 3 == ops.as_op(Join()).combine(1, 2)
    with pytest.raises(CallError, match="is no operation"):
        ops.as_op([])


def test_order() -> None:
    """Where sequences may be joined the order matters."""
    assert not ops.SUM.is_orderless
    assert not ops.PROD.is_orderless
    assert ops.MAX.is_orderless
    assert ops.Op(operator.add, commutative=True).is_orderless
    assert not ops.Op(operator.add).is_orderless


def test_what_may_be_shared() -> None:
    """Only arrays of numbers are known to be kept apart from what they are combined to."""
    assert not ops.MIN.may_share(np.zeros(3))
    assert ops.MIN.may_share(np.array([None]))
    assert ops.MIN.may_share([1])
    assert ops.MAXLOC.may_share(np.zeros(3))
    assert ops.Op(operator.add).may_share(np.zeros(3))


def test_works_by_element() -> None:
    """Only arrays of numbers and operations that are known may be cut into parts."""
    assert not ops.SUM.works_by_element(np.ma.zeros(3))  # which have a mask
    assert ops.SUM.works_by_element(np.zeros(3))
    assert not ops.SUM.works_by_element([1])
    assert not ops.SUM.works_by_element(np.array([None]))
    assert not ops.MINLOC.works_by_element(np.zeros(3))
    assert not ops.Op(operator.add).works_by_element(np.zeros(3))


def test_repr() -> None:
    """An operation says its name."""
    assert repr(ops.SUM) == "dc.SUM"
    assert repr(ops.Op(operator.sub)) == "dc.Op(sub)"
    assert repr(ops.Op(max, commutative=True)) == "dc.Op(max, commutative=True)"
