"""distrcomp.mpi.predefined and below: the predefined types and how they are found."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from distrcomp.mpi import MPI, predefined
from distrcomp.mpi.datatypes import Datatype, _typealign, _typecode
from distrcomp.mpi.elements import ABSENT, CODES, CONSTANTS, ELEMENTS, PAIRS


@pytest.mark.parametrize("element", ELEMENTS, ids=lambda element: element.name)
def test_a_basic_type_is_as_large_as_numpy_has_it(element: object) -> None:
    """Size, extent and type string agree with numpy's type."""
    datatype = predefined.datatype_lookup.by_name[element.name.removeprefix("MPI_")]  # type: ignore[attr-defined]
    dtype = np.dtype(datatype.typestr)
    assert (dtype.itemsize, dtype.itemsize) == (datatype.size, datatype.extent)
    assert dtype.alignment == _typealign(datatype)


@pytest.mark.parametrize("code", CODES)
def test_a_code_finds_its_type(code: str) -> None:
    """fromcode gives the type that the table names, and its own code leads to the like of it."""
    found = Datatype.fromcode(code)
    assert f"MPI_{CODES[code]}" == found.name
    assert found.typestr == Datatype.fromcode(found.tocode()).typestr


@pytest.mark.parametrize("code", ["abc@xyz", "\0", "<i4", "", 3, None])
def test_no_code_is_a_mistake(code: object) -> None:
    """What is no code is ValueError."""
    with pytest.raises(ValueError, match="no datatype"):
        Datatype.fromcode(code)  # type: ignore[arg-type]


def test_second_names_are_the_same_types() -> None:
    """A second name is the very same object, so that it pickles as itself."""
    for name, meant in CONSTANTS.items():
        constant = getattr(MPI, name)
        assert constant.name == f"MPI_{meant}"
        assert pickle.loads(pickle.dumps(constant)) is constant


def test_absent_types_are_null() -> None:
    """Types of other machines are there, as null."""
    assert [MPI.DATATYPE_NULL] * len(ABSENT) == [getattr(MPI, name) for name in ABSENT]


def test_pairs_are_structures_of_c() -> None:
    """A pair has the extent of the structure, and the size of its two members."""
    assert (6, 8, 8) == (MPI.SHORT_INT.size, MPI.SHORT_INT.extent, MPI.SHORT_INT.true_extent)
    assert (12, 16, 12) == (
        MPI.DOUBLE_INT.size,
        MPI.DOUBLE_INT.extent,
        MPI.DOUBLE_INT.true_extent,
    )
    assert (20, 32) == (MPI.LONG_DOUBLE_INT.size, MPI.LONG_DOUBLE_INT.extent)


def test_a_value_and_an_index_find_their_pair() -> None:
    """Where there is no such pair the answer is null; null itself has no pairs."""
    for name, (value, index) in PAIRS.items():
        pair = Datatype.Get_value_index(getattr(MPI, value), getattr(MPI, index))
        assert f"MPI_{name}" == pair.name
    assert MPI.DATATYPE_NULL == Datatype.Get_value_index(MPI.FLOAT, MPI.LONG)
    with pytest.raises(MPI.Exception):
        Datatype.Get_value_index(MPI.DATATYPE_NULL, MPI.INT)


@pytest.mark.parametrize(
    ("typeclass", "size", "name"),
    [
        (MPI.TYPECLASS_INTEGER, 8, "MPI_INTEGER8"),
        (MPI.TYPECLASS_REAL, 4, "MPI_REAL4"),
        (MPI.TYPECLASS_COMPLEX, 16, "MPI_COMPLEX16"),
        (MPI.TYPECLASS_LOGICAL, 4, "MPI_LOGICAL"),
    ],
)
def test_match_size_finds_fortrans_types(typeclass: int, size: int, name: str) -> None:
    """The type of a class and size; an error where there is none."""
    assert name == Datatype.Match_size(typeclass, size).name
    with pytest.raises(MPI.Exception):
        Datatype.Match_size(typeclass, 3)


def test_f90_types_are_the_smallest_that_hold_the_range() -> None:
    """The kinds of gfortran; one handle for the same arguments; UNDEFINED asks for nothing."""
    integers = [Datatype.Create_f90_integer(r).size for r in (-1, 2, 3, 9, 18)]
    reals = [
        Datatype.Create_f90_real(*args).size
        for args in ((6, 30), (15, 300), (18, 4000), (MPI.UNDEFINED, 300), (7, MPI.UNDEFINED))
    ]
    assert ([1, 1, 2, 4, 8], [4, 8, 16, 8, 8]) == (integers, reals)
    assert 16 == Datatype.Create_f90_complex(15, 300).size
    assert Datatype.Create_f90_real(6, 30) == Datatype.Create_f90_real(6, 30)
    for make in (Datatype.Create_f90_integer, lambda r: Datatype.Create_f90_real(r, 9)):
        with pytest.raises(MPI.Exception):
            make(40)


def test_the_tables_of_codes_hold_datatypes() -> None:
    """_typedict and its like are what they are in mpi4py."""
    assert MPI.INT is predefined._typedict["i"]
    assert MPI.LOGICAL is predefined._typedict_f["l"]
    assert set(predefined._typedict_c) < set(predefined._typedict)
    assert "i4" == _typecode(MPI.INT32_T)
    assert _typecode(MPI.INT_INT) is None
