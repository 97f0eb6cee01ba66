"""distrcomp.mpi.packing and external32: packing in this machine's form and in MPI's own."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.mpi import MPI, external32
from distrcomp.mpi.datatypes import Datatype

COMM = MPI.COMM_SELF
TEN = np.arange(10, dtype="i")
EXTERNAL = "external32"


def test_packing_goes_on_where_it_was() -> None:
    """Positions follow the packed bytes, and unpacking walks the same way."""
    room = bytearray(100)
    position = MPI.INT.Pack(TEN, room, 0, COMM)
    end = MPI.DOUBLE.Pack(np.array([2.5]), room, position, COMM)
    assert (40, 48) == (position, end)
    numbers, number = np.zeros(10, "i"), np.zeros(1)
    position = MPI.INT.Unpack(room, 0, numbers, COMM)
    assert end == MPI.DOUBLE.Unpack(room, position, number, COMM)
    assert (TEN.tolist(), [2.5]) == (numbers.tolist(), number.tolist())


def test_as_many_items_as_fit_are_packed() -> None:
    """What doesn't fill an item is left alone; gaps are left out."""
    room = bytearray(100)
    column = MPI.INT.Create_vector(3, 1, 4).Commit()
    assert (4, 12, 0) == (
        MPI.INT.Pack(b"12345", room, 0, COMM),
        column.Pack(TEN, room, 0, COMM),
        MPI.INT.Pack(MPI.BOTTOM, room, 0, COMM),
    )
    assert (12, 24) == (MPI.INT.Pack_size(3, COMM), column.Pack_size(2, COMM))


@pytest.mark.parametrize(
    ("call", "error_class"),
    [
        (lambda: MPI.INT.Pack(TEN, bytearray(39), 0, COMM), MPI.ERR_TRUNCATE),
        (lambda: MPI.INT.Unpack(bytes(39), 0, TEN.copy(), COMM), MPI.ERR_TRUNCATE),
        (lambda: MPI.INT.Pack(TEN, bytearray(99), -1, COMM), MPI.ERR_ARG),
        (lambda: MPI.INT.Pack(TEN, bytearray(99), 100, COMM), MPI.ERR_ARG),
        (lambda: MPI.INT.Pack(TEN, bytearray(99), 0, MPI.COMM_NULL), MPI.ERR_COMM),
        (lambda: MPI.INT.Pack_size(1, MPI.COMM_NULL), MPI.ERR_COMM),
        (lambda: MPI.INT.Pack_size(-1, COMM), MPI.ERR_COUNT),
        (lambda: MPI.DATATYPE_NULL.Pack(TEN, bytearray(99), 0, COMM), MPI.ERR_TYPE),
        (lambda: MPI.INT.Create_contiguous(2).Pack(TEN, bytearray(99), 0, COMM), MPI.ERR_TYPE),
        (
            lambda: MPI.INT.Pack_external("native", TEN, bytearray(99), 0),
            MPI.ERR_UNSUPPORTED_DATAREP,
        ),
    ],
)
def test_what_does_not_fit_is_an_error_of_mpi(call: Any, error_class: int) -> None:
    """Nothing is written or read outside of a buffer."""
    with pytest.raises(MPI.Exception) as caught:
        call()
    assert error_class == caught.value.Get_error_class()


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: MPI.INT.Pack(TEN, bytes(99), 0, COMM), BufferError),
        (lambda: MPI.INT.Unpack(bytes(99), 0, b"abcd", COMM), BufferError),
        (lambda: MPI.INT.Pack([TEN, 3], bytearray(99), 0, COMM), TypeError),
        (lambda: MPI.INT.Pack(None, bytearray(99), 0, COMM), TypeError),
    ],
)
def test_what_is_no_room_is_an_error_of_python(call: Any, error: type[Exception]) -> None:
    """Buffers are buffers here, not lists; packing needs writable memory."""
    with pytest.raises(error):
        call()


FORMS = [
    ("INT", np.array([1, -2], "i"), "00000001fffffffe"),
    ("SHORT", np.array([258], "h"), "0102"),
    ("LONG", np.array([-2], "l"), "fffffffe"),
    ("UNSIGNED_LONG", np.array([2**32 - 1], "L"), "ffffffff"),
    ("LONG_LONG", np.array([-2], "q"), "fffffffffffffffe"),
    ("DOUBLE", np.array([1.5]), "3ff8000000000000"),
    ("C_DOUBLE_COMPLEX", np.array([1.5 + 2j]), "3ff80000000000004000000000000000"),
    ("LONG_DOUBLE", np.array([1.5], "g"), "3fff8000" + "00" * 12),
    ("LONG_DOUBLE", np.array([-1 / np.longdouble(3)], "g"), None),
    ("LONG_DOUBLE", np.array([0, np.inf, -0.0], "g"), None),
    ("C_LONG_DOUBLE_COMPLEX", np.array([1.5 - 2j], "G"), "3fff8000" + "00" * 12 + "c" + "0" * 31),
    ("C_BOOL", np.array([True, False]), "0100"),
    ("CHAR", np.array([b"a", b"b"]), "6162"),
    ("WCHAR", np.array(["é"]), "00e9"),
]


@pytest.mark.parametrize(("name", "array", "expected"), FORMS)
def test_external32_is_big_endian_of_the_standards_sizes(
    name: str, array: np.ndarray, expected: str | None
) -> None:
    """Each kind of number has its form, and comes back the same."""
    datatype: Datatype = getattr(MPI, name)
    room = bytearray(64)
    end = datatype.Pack_external(EXTERNAL, array, room, 0)
    assert datatype.Pack_external_size(EXTERNAL, array.size) == end
    if expected is not None:
        assert expected == bytes(room[:end]).hex()
    back = np.zeros_like(array)
    assert end == datatype.Unpack_external(EXTERNAL, room, 0, back)
    assert array.tolist() == back.tolist()


def test_external32_of_a_structure_has_its_elements_in_turn() -> None:
    """Nested types of several kinds: no gaps, each element in its own size."""
    inner = MPI.Datatype.Create_struct([1, 2], [0, 8], [MPI.DOUBLE, MPI.SHORT])
    outer = MPI.Datatype.Create_struct([2, 1], [0, 32], [inner, MPI.LONG]).Commit()
    dtype = np.dtype([("in", [("d", "f8"), ("s", "i2", 2)], 2), ("l", "i8")], align=True)
    items = np.zeros(3, dtype)
    items["in"]["d"], items["in"]["s"], items["l"] = 1.5, (1, -1), -7
    room = bytearray(84)
    assert (84, 84) == (
        outer.Pack_external_size(EXTERNAL, 3),
        outer.Pack_external(EXTERNAL, items.view("u1"), room, 0),
    )
    one = "3ff8000000000000" + "0001" + "ffff"
    assert (one + one + "fffffff9") * 3 == room.hex()
    back = np.zeros(3, dtype)
    outer.Unpack_external(EXTERNAL, room, 0, back.view("u1"))
    assert (items == back).all()


@pytest.mark.skipif(np.finfo(np.longdouble).nmant != 63, reason="long double is not x86's")
@given(st.lists(st.binary(min_size=10, max_size=10), min_size=1, max_size=5))
def test_long_doubles_survive_any_bits(numbers: list[bytes]) -> None:
    """80 bits go into a quadruple and back, if they are a number that the processor makes."""
    rows = np.frombuffer(b"".join(number + bytes(6) for number in numbers), "u1").reshape(-1, 16)
    rows = rows.copy()
    exponent = rows[:, 8].astype(int) | (rows[:, 9].astype(int) & 127) << 8
    rows[:, 7] = np.where(exponent == 0, rows[:, 7] & 127, rows[:, 7] | 128)
    signature = MPI.LONG_DOUBLE._known().signature
    packed = external32.encode(rows.tobytes(), signature)
    assert sys.byteorder == "little"
    assert rows.tobytes() == external32.decode(packed, signature)
