"""distrcomp.mpi.util_dtlib: NumPy's data types and MPI's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.mpi import MPI
from distrcomp.mpi.util_dtlib import from_numpy_dtype, to_numpy_dtype

SCALARS = st.sampled_from(list("?bhilqBHILQfdFD"))


def there_and_back(dtype: np.dtype[Any]) -> np.dtype[Any]:
    datatype = from_numpy_dtype(dtype)
    try:
        assert (0, dtype.itemsize) == datatype.Get_extent()
        return to_numpy_dtype(datatype)  # type: ignore[no-any-return]
    finally:
        datatype.Free()


@given(SCALARS, st.lists(st.integers(1, 4), max_size=3))
def test_scalars_and_arrays(code: str, shape: list[int]) -> None:
    """Each comes back as it was, an array with its shape."""
    dtype = np.dtype((code, tuple(shape)))
    assert there_and_back(dtype) == dtype


@given(st.lists(SCALARS, min_size=1, max_size=5), st.booleans())
def test_structures(codes: list[str], align: bool) -> None:
    """A structure comes back with its offsets and its size."""
    dtype = np.dtype(",".join(codes), align=align)
    assert there_and_back(dtype) == dtype


def test_nested_structure() -> None:
    """Structures in arrays in structures."""
    inner = np.dtype([("f0", "i1"), ("f1", "f8", (2, 3))], align=True)
    dtype = np.dtype([("f0", inner, (4,)), ("f1", "i2")])
    assert there_and_back(dtype) == dtype


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: MPI.INT.Create_contiguous(3), np.dtype(("i4", (3,)))),
        (lambda: MPI.INT.Dup(), np.dtype("i4")),
        (
            lambda: MPI.INT.Create_vector(2, 2, 3),
            np.dtype({"names": ["f0", "f1"], "formats": ["(2,)i4"] * 2, "offsets": [0, 12]}),
        ),
        (
            lambda: MPI.INT.Create_indexed([1, 2], [0, 2]),
            np.dtype({"names": ["f0", "f1"], "formats": ["(1,)i4", "(2,)i4"], "offsets": [0, 8]}),
        ),
        (
            lambda: MPI.INT.Create_subarray([2, 3], [2, 3], [0, 0], MPI.ORDER_FORTRAN),
            np.dtype(("i4", (3, 2))),
        ),
        (lambda: MPI.DOUBLE_INT.Dup(), np.dtype("f8,i4", align=True)),
    ],
)
def test_derived_datatypes(make: Any, expected: np.dtype[Any]) -> None:
    """Layouts of MPI become structures and arrays of NumPy."""
    datatype = make()
    assert to_numpy_dtype(datatype) == expected
    datatype.Free()


@pytest.mark.parametrize("dtype", [">i4", "O", "V8", [("a", ">f8")], [("a", "O")]])
def test_what_mpi_has_not(dtype: Any) -> None:
    """Foreign byte order, objects and raw memory are refused."""
    with pytest.raises(ValueError, match="dtype"):
        from_numpy_dtype(dtype)


@pytest.mark.parametrize(
    "make",
    [
        lambda: MPI.DATATYPE_NULL,
        lambda: MPI.INT.Create_resized(0, 32),
        lambda: MPI.INT.Create_subarray([2], [1], [0]),
    ],
)
def test_what_numpy_has_not(make: Any) -> None:
    """The null datatype, gaps around a number and parts of arrays are refused."""
    with pytest.raises(ValueError, match=r"NumPy|null"):
        to_numpy_dtype(make())
