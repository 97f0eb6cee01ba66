"""distrcomp.mpi.specs but for vectors: what programs may pass as a message, as mpi4py has it."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.mpi import MPI, specs
from distrcomp.mpi.specs import MessageSpec, message, target

TEN = np.arange(10, dtype="i")
INT = MPI.INT
COLUMN = MPI.INT.Create_vector(3, 1, 4).Commit()


def _ints(spec: MessageSpec) -> list[int]:
    found: list[int] = np.frombuffer(spec.to_bytes(), "i").tolist() if spec.nbytes else []
    return found


SIMPLE: dict[str, tuple[Any, list[int]]] = {
    "array": (TEN, list(range(10))),
    "array again": (TEN, list(range(10))),
    "type": ([TEN, INT], list(range(10))),
    "code": ([TEN, "i"], list(range(10))),
    "other code": ([TEN, "B"], list(range(10))),
    "no type": ([TEN, None], list(range(10))),
    "tuple": ((TEN, 3, INT), [0, 1, 2]),
    "count": ([TEN, 3], [0, 1, 2]),
    "count of numpy": ([TEN, np.int64(2)], [0, 1]),
    "count in 0-d": ([TEN, np.array(2)], [0, 1]),
    "count and type": ([TEN, 3, INT], [0, 1, 2]),
    "nothing given": ([TEN, None, None], list(range(10))),
    "bytes of it": ([TEN, 8, MPI.BYTE], [0, 1]),
    "pair": ([TEN, (2, 3)], [3, 4]),
    "list as pair": ([TEN, [2, 3]], [3, 4]),
    "count alone in pair": ([TEN, (2, None)], [0, 1]),
    "displacement alone": ([TEN, (None, 7)], [7, 8, 9]),
    "pair and type": ([TEN, (2, 3), INT], [3, 4]),
    "displacement at the end": ([TEN, (0, 10)], []),
    "four": ([TEN, 2, 3, INT], [3, 4]),
    "four without": ([TEN, None, 8, "i"], [8, 9]),
    "nothing": ([None, INT], []),
    "nothing of a count": ([None, 0, INT], []),
    "bottom": ([MPI.BOTTOM, 0, INT], []),
    "bottom without count": ([MPI.BOTTOM, INT], []),
    "column": ([TEN, 1, COLUMN], [0, 4, 8]),
    "column in a part": ([TEN[1:], 1, COLUMN], [1, 5, 9]),
    "buffer": (MPI.buffer(TEN), list(range(10))),
    "Fortran": (np.asfortranarray(TEN.reshape(2, 5)), [0, 5, 1, 6, 2, 7, 3, 8, 4, 9]),
    "empty": (TEN[:0], []),
}


@pytest.mark.parametrize("name", SIMPLE)
def test_a_message_holds_what_its_spec_says(name: str) -> None:
    """Every form of one datatype, with what may be left out left out."""
    spec, expected = SIMPLE[name]
    assert expected == _ints(message(spec))


KINDS = [
    (b"abc", "MPI_UNSIGNED_CHAR", 3),
    (bytearray(4), "MPI_UNSIGNED_CHAR", 4),
    (np.zeros(3), "MPI_DOUBLE", 3),
    (np.zeros(3, "e"), "MPI_C_FLOAT16", 3),
    (np.zeros(3, "D"), "MPI_C_DOUBLE_COMPLEX", 3),
    (np.zeros(3, "?"), "MPI_C_BOOL", 3),
    (np.array([b"a", b"d"]), "MPI_CHAR", 2),
    (np.array(["2020-01-01"], "M8[s]"), "MPI_LONG_LONG_INT", 1),
    (np.float64(3), "MPI_DOUBLE", 1),
    (mmap.mmap(-1, 20), "MPI_UNSIGNED_CHAR", 20),
    (MPI.buffer(np.zeros(3)), "MPI_UNSIGNED_CHAR", 24),
]


@pytest.mark.parametrize(("buf", "name", "count"), KINDS)
def test_the_type_of_an_automatic_message_is_its_items(buf: Any, name: str, count: int) -> None:
    """The same the first time and when the type was met before."""
    for _ in range(2):
        spec = message(buf)
        assert (name, count) == (spec.datatype.name, spec.count)


WRONG: dict[str, tuple[Any, type[BaseException]]] = {
    "five": ([TEN, 0, 0, "i", None], ValueError),
    "one": ([TEN], ValueError),
    "none": ([], ValueError),
    "unknown code": ([TEN, 0, "\0"], KeyError),
    "numpy type": ([TEN, 2, np.dtype("i")], KeyError),
    "types swapped": ([TEN, INT, 2], KeyError),
    "negative count": ([TEN, -1, "i"], ValueError),
    "negative displacement": ([TEN, 0, -1, "i"], ValueError),
    "displacement outside": ([TEN, (0, 11)], ValueError),
    "nothing with a count": ([None, 1, 0, "i"], ValueError),
    "nothing without type": ([None, 0], KeyError),
    "no whole number": ([bytearray(5), None, 0, "i"], ValueError),
    "short pair": ([TEN, (1,)], ValueError),
    "long pair": ([TEN, (1, 2, 3)], ValueError),
    "float": ([TEN, 2.0, INT], TypeError),
    "null": ([TEN, 0, 1, MPI.DATATYPE_NULL], ValueError),
    "list of numbers": ([[1, 2, 3, 4], 4, 0, "i"], TypeError),
    "dict": ([{1: 2}, 4, 0, "i"], TypeError),
    "class": (object, TypeError),
    "None": (None, TypeError),
    "str": ("abc", TypeError),
    "bare bottom": (MPI.BOTTOM, KeyError),
    "gaps": (np.zeros((4, 4))[:, 0], BufferError),
    "record": (np.zeros(3, [("a", "i4"), ("b", "f8")]), KeyError),
    "objects": (np.array([None, 1]), KeyError),
    "other byte order": (TEN.astype(TEN.dtype.newbyteorder()), BufferError),
    "negative extent": ([TEN, INT.Create_resized(0, -4).Commit()], ValueError),
    "negative extent moved": ([TEN, 0, 1, INT.Create_resized(0, -4).Commit()], ValueError),
    "no extent": ([TEN, INT.Create_contiguous(0).Commit()], ValueError),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_specs_raise_what_mpi4py_raises(name: str) -> None:
    """The kind of error tells what was wrong, for sending and for receiving."""
    spec, error = WRONG[name]
    for writable in (False, True):
        with pytest.raises(error):
            message(spec, writable)


@pytest.mark.parametrize(
    ("spec", "error_class"),
    [
        ([TEN, 1, MPI.INT.Create_contiguous(1)], MPI.ERR_TYPE),
        ([TEN, 3, MPI.DATATYPE_NULL], MPI.ERR_TYPE),
    ],
)
def test_types_that_cannot_be_sent_are_errors_of_mpi(spec: Any, error_class: int) -> None:
    """Uncommitted and null types."""
    with pytest.raises(MPI.Exception) as caught:
        message(spec)
    assert error_class == caught.value.Get_error_class()


@pytest.mark.parametrize("count", [11, 1000])
def test_a_message_does_not_leave_its_memory(count: int) -> None:
    """Where MPI would send whatever lies behind the array there is an error."""
    with pytest.raises(MPI.Exception) as caught:
        message([TEN.copy(), count, INT]).to_bytes()
    assert MPI.ERR_BUFFER == caught.value.Get_error_class()
    with pytest.raises(MPI.Exception):
        message([TEN[:5].copy(), 1, COLUMN]).to_bytes()


@pytest.mark.parametrize(
    "buf", [b"abcd", memoryview(b"abcd"), MPI.buffer(b"abcd"), np.frombuffer(b"abcd", "i")]
)
@pytest.mark.parametrize(
    "form", [lambda buf: buf, lambda buf: [buf, "B"], lambda buf: [buf, 1, "i"]]
)
def test_read_only_memory_is_not_received_into(buf: Any, form: Callable[[Any], Any]) -> None:
    """BufferError in every form; sending is allowed."""
    assert message(form(buf)).nbytes == 4
    with pytest.raises(BufferError):
        message(form(buf), True)


def test_contiguous_messages_are_the_programs_own_memory() -> None:
    """Nothing is copied to send, and what is received lands where it belongs."""
    for form in (lambda a: a, lambda a: [a, INT], lambda a: [a, (3, 1), INT]):
        numbers = np.zeros(4, "i")
        room = message(form(numbers), True).writable()
        assert room is not None
        room[-4:] = (7).to_bytes(4, "little")
        assert [0, 0, 0, 7] == numbers.tolist()
        assert bytes(message(form(numbers)).to_bytes()) == bytes(room)


def test_a_message_with_gaps_is_filled_by_what_came() -> None:
    """Less than the room is received into its beginning; the gaps stay."""
    numbers = np.zeros(10, "i")
    spec = message([numbers, 1, COLUMN], True)
    assert spec.writable() is None
    spec.from_bytes(np.array([1, 2], "i").tobytes())
    assert [1, 0, 0, 0, 2, 0, 0, 0, 0, 0] == numbers.tolist()
    spec.from_bytes(b"")
    with pytest.raises(ValueError, match="don't fit"):
        spec.from_bytes(bytes(16))


def test_from_bytes_takes_less_into_one_run_too() -> None:
    """A short message fills the beginning of a contiguous buffer."""
    numbers = np.zeros(3, "i")
    message(numbers, True).from_bytes(np.array([5], "i").tobytes())
    assert [5, 0, 0] == numbers.tolist()


def test_bottom_takes_addresses_from_the_type() -> None:
    """Displacements from BOTTOM are addresses, to send from and to receive into."""
    numbers = np.arange(4, dtype="i")
    address = MPI.Get_address(numbers)
    for datatype in (
        MPI.Datatype.Create_struct([2], [address + 4], [INT]).Commit(),
        INT.Create_hindexed([1, 1], [address + 4, address + 8]).Commit(),
    ):
        spec = message([MPI.BOTTOM, 1, datatype], True)
        assert [1, 2] == _ints(spec)
    INT.Create_hindexed_block(1, [address, address + 12])
    apart = INT.Create_hindexed_block(1, [address, address + 12]).Commit()
    spec = message([MPI.BOTTOM, 1, apart], True)
    assert [0, 3] == _ints(spec)
    spec.from_bytes(np.array([8, 9], "i").tobytes())
    assert [8, 1, 2, 9] == numbers.tolist()


def test_negative_displacements_reach_back_in_the_array() -> None:
    """A part of an array may send what lies before it in the same array."""
    before = INT.Create_hindexed([1], [-4]).Commit()
    assert [2] == _ints(message([TEN[3:], 1, before]))


def test_blocks_share_the_buffer_unless_a_count_is_given() -> None:
    """A count is that of one block."""
    spec = message(TEN, blocks=5)
    assert (2, [4, 5], list(range(10))) == (spec.count, _ints(spec.block(2)), _ints(spec.whole()))
    spec = message([TEN, 3, INT], blocks=2)
    assert ([3, 4, 5], [0, 1, 2]) == (_ints(spec.block(1)), _ints(spec))
    assert [4, 5] == _ints(spec.part(4, 2))
    with pytest.raises(ValueError, match="blocks 3"):
        message(TEN, blocks=3)


def test_columns_are_blocks_with_a_resized_type() -> None:
    """Scattering the columns of a matrix: each block begins one item further."""
    column = COLUMN.Create_resized(0, 4).Commit()
    matrix = np.arange(12, dtype="i").reshape(3, 4)
    spec = message([matrix, 1, column], blocks=4)
    assert matrix.T.tolist() == [_ints(spec.block(i)) for i in range(4)]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (None, (0, 10, "MPI_INT")),
        (3, (3, 10, "MPI_INT")),
        (np.int64(3), (3, 10, "MPI_INT")),
        ((), (0, 10, "MPI_INT")),
        ([3], (3, 10, "MPI_INT")),
        ((3, 4), (3, 4, "MPI_INT")),
        ((3, 4, "d"), (3, 4, "MPI_DOUBLE")),
        ([3, 4, MPI.BYTE], (3, 4, "MPI_BYTE")),
    ],
)
def test_a_target_takes_from_the_origin_what_it_leaves_out(spec: Any, expected: Any) -> None:
    """Displacement, count and type in this order."""
    made = target(spec, message(TEN))
    assert expected == (made.displ, made.count, made.datatype.name)


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ((0, 0, INT, None), ValueError),
        ({1: 2}, ValueError),
        ((-1,), ValueError),
        ((0, -1), ValueError),
        ((0, 1, "\0"), KeyError),
        ((0, 1.5), TypeError),
    ],
)
def test_wrong_targets_are_refused(spec: Any, error: type[BaseException]) -> None:
    """As messages are."""
    with pytest.raises(error):
        target(spec, message(TEN))


def test_in_place_is_said_in_two_ways() -> None:
    """IN_PLACE and None; nothing else."""
    assert [True, True, False, False] == [
        specs.is_in_place(buf) for buf in (MPI.IN_PLACE, None, TEN, MPI.BOTTOM)
    ]


@given(st.integers(0, 3), st.integers(0, 3), st.integers(1, 4), st.integers(1, 3))
def test_what_was_sent_comes_back(count: int, displ: int, block: int, times: int) -> None:
    """A message received with the spec it was sent by is the same, in any layout."""
    datatype = INT.Create_vector(times, block, block + 1).Commit()
    items = (count + displ) * datatype.extent // 4
    source, copy = np.arange(items, dtype="i"), np.zeros(items, "i")
    sent = message([source, count, displ * 0, datatype])
    assert count * block * times * 4 == sent.nbytes == len(sent.to_bytes())
    message([copy, count, 0, datatype], True).from_bytes(sent.to_bytes())
    assert _ints(sent) == _ints(message([copy, count, 0, datatype]))


def test_packed_items_are_arrays_of_their_elements() -> None:
    """Numbers as such, pairs as records, whatever was made of them."""
    spec = message([TEN, 1, COLUMN])
    assert [0, 4, 8] == spec.as_array(spec.to_bytes()).tolist()
    pairs = np.zeros(2, np.dtype([("v", "d"), ("i", "i4")], align=True))
    pairs["v"], pairs["i"] = [1.5, 2.5], [3, 4]
    for datatype in (MPI.DOUBLE_INT, MPI.DOUBLE_INT.Create_contiguous(2).Commit()):
        spec = message([pairs, 32 // datatype.extent, datatype])
        found = spec.as_array(spec.to_bytes())
        assert ([1.5, 2.5], [3, 4]) == (found["value"].tolist(), found["index"].tolist())
    mixed = MPI.Datatype.Create_struct([1, 1], [0, 4], [MPI.INT, MPI.FLOAT]).Commit()
    with pytest.raises(TypeError, match="several kinds"):
        message([TEN, 1, mixed]).as_array(b"12345678")
