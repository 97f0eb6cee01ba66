"""distrcomp.mpi.vector_specs: messages in blocks, as mpi4py has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from distrcomp.mpi import MPI
from distrcomp.mpi.specs import MessageSpec, vector, vector_w

TEN = np.arange(10, dtype="i")
INT = MPI.INT
COLUMN = MPI.INT.Create_vector(3, 1, 4).Commit()


def _ints(spec: MessageSpec) -> list[int]:
    found: list[int] = np.frombuffer(spec.to_bytes(), "i").tolist() if spec.nbytes else []
    return found


VECTORS: dict[str, tuple[Any, list[list[int]]]] = {
    "array": (TEN[:6], [[0, 1, 2], [3, 4, 5]]),
    "uneven": (TEN[:5], [[0, 1, 2], [3, 4]]),
    "type": ([TEN[:6], INT], [[0, 1, 2], [3, 4, 5]]),
    "one count": ([TEN, 2, INT], [[0, 1], [2, 3]]),
    "one count without type": ([TEN, 2], [[0, 1], [2, 3]]),
    "counts": ([TEN, [1, 3]], [[0], [1, 2, 3]]),
    "counts and type": ([TEN, [1, 3], INT], [[0], [1, 2, 3]]),
    "counts of numpy": ([TEN, np.array([1, 3])], [[0], [1, 2, 3]]),
    "stride": ([TEN, (2, 4), INT], [[0, 1], [4, 5]]),
    "displacements": ([TEN, (2, [4, 0]), INT], [[4, 5], [0, 1]]),
    "lists": ([TEN, ([1, 2], [5, 0])], [[5], [0, 1]]),
    "tuples": ([TEN, ((1, 2), (5, 0)), INT], [[5], [0, 1]]),
    "four": ([TEN, [1, 2], [5, 0], INT], [[5], [0, 1]]),
    "counts left out": ([TEN[:4], None, [2, 0], INT], [[2, 3], [0, 1]]),
    "nothing": ([None, (0, None), INT], [[], []]),
    "nothing at all": ([None, INT], [[], []]),
    "bottom": ([MPI.BOTTOM, 0, [0, 0], INT], [[], []]),
}


@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_holds_what_its_spec_says(name: str) -> None:
    """Every form of two blocks with counts and displacements."""
    spec, expected = VECTORS[name]
    made = vector(spec, 2)
    assert expected == [_ints(made.block(i)) for i in range(2)]
    assert (2, 4 * sum(map(len, expected))) == (made.blocks, made.nbytes)


WRONG_VECTORS: dict[str, tuple[Any, type[BaseException]]] = {
    "five": ([TEN, 0, [0], "i", None], ValueError),
    "code": ([TEN, 0, [0], "\0"], KeyError),
    "too many counts": ([TEN, [2, 2, 2], INT], ValueError),
    "too few displacements": ([TEN, [2, 2], [1], INT], ValueError),
    "floats": ([TEN, np.array([1.5, 2.5])], TypeError),
    "float": ([TEN, np.float64(1)], TypeError),
    "no whole number": ([bytearray(5), None, [0, 0], "i"], ValueError),
    "null": ([TEN, None, [0, 0], MPI.DATATYPE_NULL], ValueError),
    "list of numbers": ([[1, 2, 3, 4], 0, 0, "i"], TypeError),
    "class": (object, TypeError),
}


@pytest.mark.parametrize("name", WRONG_VECTORS)
def test_wrong_vectors_raise_what_mpi4py_raises(name: str) -> None:
    """The kind of error tells what was wrong."""
    spec, error = WRONG_VECTORS[name]
    with pytest.raises(error):
        vector(spec, 2)


def test_null_and_uncommitted_vectors_are_errors_of_mpi() -> None:
    """As in messages of one block."""
    for datatype in (MPI.DATATYPE_NULL, INT.Create_contiguous(1)):
        with pytest.raises(MPI.Exception):
            vector([TEN, [1, 1], datatype], 2)


def test_datatypes_per_block_have_displacements_in_bytes() -> None:
    """Together or apart, and one item per block if nothing is said."""
    types = [INT, COLUMN]
    for spec in ([TEN, [2, 1], [8, 4], types], [TEN, ([2, 1], [8, 4]), types]):
        made = vector_w(spec, 2)
        assert [[2, 3], [1, 5, 9]] == [_ints(made.block(i)) for i in range(2)]
    for spec in ([TEN, types], [TEN, None, None, types]):
        assert [[0], [0, 4, 8]] == [_ints(vector_w(spec, 2).block(i)) for i in range(2)]


def test_blocks_of_bottom_lie_at_addresses() -> None:
    """Displacements are addresses then, and must be given."""
    numbers = np.arange(4, dtype="i")
    places = [MPI.Get_address(numbers[i:]) for i in (3, 1)]
    made = vector_w([MPI.BOTTOM, [1, 2], places, [INT, INT]], 2)
    assert [[3], [1, 2]] == [_ints(made.block(i)) for i in range(2)]
    for spec in ([MPI.BOTTOM, None, [0], [INT]], [MPI.BOTTOM, [0], None, [INT]]):
        with pytest.raises(ValueError, match="BOTTOM needs"):
            vector_w(spec, 1)


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ([TEN], ValueError),
        ([TEN, [0], [0], [INT], None], ValueError),
        ([TEN, [INT, INT]], ValueError),
        ([TEN, ["i"]], TypeError),
        (TEN, TypeError),
    ],
)
def test_wrong_datatypes_per_block_are_refused(spec: Any, error: type[BaseException]) -> None:
    """There is a datatype for each block, and no automatic form."""
    with pytest.raises(error):
        vector_w(spec, 1)
