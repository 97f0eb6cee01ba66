"""What objects are combined with in lower-case reductions."""

from __future__ import annotations

import operator

import numpy as np
import pytest

from distrcomp.mpi import MPI
from distrcomp.mpi.object_operations import operation


def test_arrays_that_are_alike_are_combined_in_place() -> None:
    """The room that is offered takes the sum."""
    one, other = np.arange(3.0), np.ones(3)
    assert operation(MPI.SUM).combine(one, other, one) is one
    assert [1.0, 2.0, 3.0] == one.tolist()


def test_others_are_combined_as_python_does() -> None:
    """Shapes are broadcast, dtypes promoted, and numbers added to arrays."""
    add = operation(MPI.SUM)
    assert [2.0, 3.0] == add.combine(np.array([1, 2]), np.array([1.0, 1.0])).tolist()
    assert [[1, 2], [1, 2]] == add.combine(np.zeros((2, 1), int), np.array([1, 2])).tolist()
    assert [5, 6] == add.combine(4, np.array([1, 2])).tolist()
    assert [1, 2, 3] == add.combine([1], [2, 3])
    assert not add.works_by_element(np.zeros(9))


def test_order_matters_where_it_may() -> None:
    """MPI's operations commute, own ones where they say so, plain functions don't."""
    own = MPI.Op.Create(lambda a, b, _: a + b, commute=True)
    flags = [operation(op).commutative for op in (MPI.SUM, MPI.REPLACE, own, operator.add)]
    assert [True, False, True, False] == flags
    own.Free()


def test_null_combines_nothing() -> None:
    """OP_NULL is an error."""
    with pytest.raises(ValueError, match="OP_NULL"):
        operation(MPI.OP_NULL)
