"""What windows accumulate, and how types and operations are numbered."""

from __future__ import annotations

import numpy as np
import pytest

from distrcomp.mpi import MPI
from distrcomp.mpi.window_combine import check, combine, element_of, op_number
from distrcomp.mpi.window_protocol import CannotCombine

EXPECTED = [
    (MPI.SUM, [5, 7, 9]),
    (MPI.PROD, [4, 10, 18]),
    (MPI.MAX, [4, 5, 6]),
    (MPI.MIN, [1, 2, 3]),
    (MPI.BAND, [0, 0, 2]),
    (MPI.BOR, [5, 7, 7]),
    (MPI.BXOR, [5, 7, 5]),
    (MPI.LAND, [1, 1, 1]),
    (MPI.LOR, [1, 1, 1]),
    (MPI.LXOR, [0, 0, 0]),
    (MPI.REPLACE, [4, 5, 6]),
]


@pytest.mark.parametrize(("op", "expected"), EXPECTED)
@pytest.mark.parametrize("datatype", [MPI.SHORT, MPI.INT64_T, MPI.UNSIGNED])
def test_numbers(op: MPI.Op, expected: list[int], datatype: MPI.Datatype) -> None:
    """Each operation does to a window's memory what it is called."""
    dtype = np.dtype(datatype.tocode())
    memory, data = np.array([1, 2, 3], dtype), np.array([4, 5, 6], dtype)
    into = memoryview(bytearray(memory.tobytes()))
    combine(op_number(op), element_of(datatype), into, memoryview(data.tobytes()))
    assert np.frombuffer(into, dtype).tolist() == expected


def test_pairs_without_gaps() -> None:
    """Packed pairs of a value and its place are compared by value."""
    pair = np.dtype([("value", "f8"), ("index", "i4")])
    memory = np.array([(5.0, 1), (1.0, 1), (2.0, 5)], pair)
    data = np.array([(2.0, 2), (2.0, 2), (2.0, 2)], pair)
    into = memoryview(bytearray(memory.tobytes()))
    element = element_of(MPI.DOUBLE_INT)
    combine(op_number(MPI.MINLOC), element, into, memoryview(data.tobytes()))
    assert np.frombuffer(into, pair).tolist() == [(2.0, 2), (1.0, 1), (2.0, 2)]


def test_elements_of_derived_types() -> None:
    """A type made of one basic type is as that; one of several is none."""
    vector = MPI.INT.Create_vector(2, 1, 3)
    struct = MPI.Datatype.Create_struct([1, 1], [0, 8], [MPI.INT, MPI.DOUBLE])
    pairs = MPI.FLOAT_INT.Create_contiguous(3)
    assert element_of(vector) == element_of(MPI.INT) > 0
    assert element_of(pairs) == element_of(MPI.FLOAT_INT) > 0
    assert element_of(struct) == 0
    assert element_of(MPI.INT) != element_of(MPI.DOUBLE)


def test_what_cannot_be_combined() -> None:
    """Operations of the program's own have no number, and some mean nothing for some types."""
    own = MPI.Op.Create(print)
    assert op_number(own) == 0
    own.Free()
    check(op_number(MPI.SUM), element_of(MPI.DOUBLE))
    for op, datatype in [(MPI.BAND, MPI.DOUBLE), (MPI.MINLOC, MPI.INT)]:
        with pytest.raises(CannotCombine):
            check(op_number(op), element_of(datatype))
