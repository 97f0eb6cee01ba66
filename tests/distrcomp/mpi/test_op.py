"""Reduction operations on objects and on memory."""

from __future__ import annotations

import operator
import pickle
from typing import Any

import numpy as np
import pytest

from distrcomp.mpi import MPI

PAIR = np.dtype([("value", "f8"), ("index", "i4")], align=True)


def longest(a: Any, b: Any, datatype: Any) -> Any:
    """The longer of two objects, the first of equal ones; on memory the sum of ints."""
    if datatype is None:
        return a if len(a) >= len(b) else b
    inout = np.frombuffer(b, "i")
    inout += np.frombuffer(a, "i")
    return None


@pytest.mark.parametrize(
    ("op", "function"),
    [
        (MPI.SUM, operator.add),
        (MPI.PROD, operator.mul),
        (MPI.MAX, max),
        (MPI.MIN, min),
        (MPI.BAND, operator.and_),
        (MPI.BOR, operator.or_),
        (MPI.BXOR, operator.xor),
        (MPI.LAND, lambda x, y: bool(x) and bool(y)),
        (MPI.LOR, lambda x, y: bool(x) or bool(y)),
        (MPI.LXOR, lambda x, y: bool(x) != bool(y)),
    ],
)
def test_objects_and_memory_agree(op: MPI.Op, function: Any) -> None:
    """Each predefined operation gives the same of integers and of arrays of them."""
    xs, ys = [0, 1, 2, 3, 12], [3, 0, 2, 5, 10]
    wanted = [function(x, y) for x, y in zip(xs, ys, strict=True)]
    assert [op(x, y) for x, y in zip(xs, ys, strict=True)] == wanted
    for kind in "bhilqBHILQ":
        inout = np.array(ys, kind)
        op.Reduce_local(np.array(xs, kind), inout)
        assert inout.tolist() == wanted


def test_replacing_and_not() -> None:
    """On memory REPLACE puts the source there, and NO_OP leaves all as it is."""
    assert (MPI.REPLACE(2, 3), MPI.NO_OP(2, 3)) == (3, 2)
    inout = np.array([3, 4], "i")
    MPI.NO_OP.Reduce_local(np.array([1, 2], "i"), inout)
    assert inout.tolist() == [3, 4]
    MPI.REPLACE.Reduce_local(np.array([1, 2], "i"), inout)
    assert inout.tolist() == [1, 2]


def test_places_of_objects() -> None:
    """Of equal values the lower place wins; what comes out is a tuple."""
    assert MPI.MINLOC([1.5, 3], [2.5, 0]) == MPI.MINLOC([2.5, 0], [1.5, 3]) == (1.5, 3)
    assert MPI.MAXLOC((1.5, 3), (2.5, 0)) == (2.5, 0)
    assert MPI.MINLOC((1, 3), (1, 2)) == MPI.MAXLOC((1, 2), (1, 3)) == (1, 2)


def test_places_in_memory() -> None:
    """Pairs lie in memory as a C structure does."""
    one = np.array([(1, 3), (5, 4), (2, 2)], PAIR)
    for op, wanted in (
        (MPI.MINLOC, [(1, 3), (5, 1), (0, 9)]),
        (MPI.MAXLOC, [(2, 0), (5, 1), (2, 2)]),
    ):
        other = np.array([(2, 0), (5, 1), (0, 9)], PAIR)
        op.Reduce_local([one, 3, MPI.DOUBLE_INT], [other, 3, MPI.DOUBLE_INT])
        assert other.tolist() == wanted


def test_arrays_as_objects_are_taken_by_element() -> None:
    """Better than mpi4py, where the truth of an array is ambiguous."""
    found = MPI.MAX(np.array([1, 5]), np.array([2, 3]))
    assert found.tolist() == [2, 5]


@pytest.mark.parametrize(("op", "kind"), [(MPI.BAND, "d"), (MPI.MAXLOC, "d"), (MPI.BXOR, "F")])
def test_operations_without_meaning_are_errors(op: MPI.Op, kind: str) -> None:
    """Bits of a float, places of plain numbers."""
    with pytest.raises(MPI.Exception) as raised:
        op.Reduce_local(np.ones(2, kind), np.ones(2, kind))
    assert raised.value == MPI.ERR_OP


@pytest.mark.parametrize("kind", ["i4", "f8"])
def test_reduce_local_wants_equal_messages(kind: str) -> None:
    """Different types or counts are refused."""
    with pytest.raises(ValueError, match="inbuf"):
        MPI.SUM.Reduce_local(np.ones(3, "i4"), np.ones(2, kind))


def test_a_function_of_the_program() -> None:
    """It gets objects and None, or memory and the datatype; and it can be freed."""
    op = MPI.Op.Create(longest, commute=False)
    assert (op.is_commutative, op.is_predefined) == (False, False)
    assert op("ab", "xyz") == "xyz"
    inout = np.array([1, 2], "i")
    op.Reduce_local(np.array([3, 4], "i"), inout)
    assert inout.tolist() == [4, 6]
    op.Free()
    assert op == MPI.OP_NULL


def test_a_function_sees_the_gaps_of_a_datatype() -> None:
    """Items of a type with padding lie before the function as in the program's memory."""

    def add(a: Any, b: Any, _datatype: Any) -> None:
        one, inout = np.frombuffer(a, PAIR), np.frombuffer(b, PAIR)
        inout["value"] += one["value"]
        inout["index"] *= one["index"]

    op = MPI.Op.Create(add)
    whole = MPI.Datatype.Create_struct([1, 1], [0, 8], [MPI.DOUBLE, MPI.INT])
    item = whole.Create_resized(0, PAIR.itemsize).Commit()
    one, inout = np.array([(1, 2), (3, 4)], PAIR), np.array([(5, 6), (7, 8)], PAIR)
    op.Reduce_local([one, 2, item], [inout, 2, item])
    assert inout.tolist() == [(6, 12), (10, 32)]
    op.Free()


def test_operations_of_functions_pickle() -> None:
    """What comes out is another operation of the same function."""
    op = MPI.Op.Create(longest, commute=True)
    found = pickle.loads(pickle.dumps(op))
    assert found != op
    assert (found("a", "bc"), found.Is_commutative()) == ("bc", True)
    with pytest.raises(ValueError, match="from a number"):
        pickle.dumps(MPI.Op.fromhandle(op.handle))
    found.Free()
    op.Free()


def test_there_are_so_many_and_no_more() -> None:
    """The bound is mpi4py's; freeing makes room."""
    ops = [MPI.Op.Create(longest) for _ in range(32)]
    with pytest.raises(RuntimeError, match="at most 32"):
        MPI.Op.Create(longest)
    for op in ops:
        op.Free()
    MPI.Op.Create(longest).Free()


def test_predefined_operations_cannot_be_freed() -> None:
    """Nor can the null operation, which reduces nothing."""
    for op in (MPI.SUM, MPI.OP_NULL):
        with pytest.raises(MPI.Exception) as raised:
            op.Free()
        assert raised.value == MPI.ERR_OP
    with pytest.raises(ValueError, match="OP_NULL"):
        MPI.OP_NULL(1, 2)


def test_the_cores_collectives_take_what_python_takes() -> None:
    """Unlike arrays are added as Python adds them; other errors are the program's."""
    core = MPI.SUM._core_op
    assert core.combine(np.ones(2), 1).tolist() == [2, 2]
    assert core.combine(np.ones(2, "i4"), np.full(2, 0.5)).tolist() == [1.5, 1.5]
    assert core.combine("a", "b") == "ab"
    with pytest.raises(TypeError):
        core.combine("a", 1)
    assert MPI.MAXLOC._core_op.combine([1, 0], [1, 1]) == (1, 0)
