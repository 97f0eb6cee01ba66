"""Attributes of handles, seen on datatypes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from distrcomp.mpi import MPI


@pytest.fixture
def datatype() -> Iterator[MPI.Datatype]:
    """A datatype of the test's own."""
    made = MPI.INT.Dup()
    yield made
    made.free()


def test_values_are_kept_by_key(datatype: MPI.Datatype) -> None:
    """What was never set is None; what was set is the object itself."""
    key = MPI.Datatype.Create_keyval()
    assert datatype.Get_attr(key) is None
    value = [1]
    datatype.Set_attr(key, value)
    assert datatype.Get_attr(key) is MPI.Datatype(datatype).Get_attr(key) is value
    datatype.Delete_attr(key)
    assert datatype.Get_attr(key) is None
    assert MPI.Datatype.Free_keyval(key) == MPI.KEYVAL_INVALID


@pytest.mark.parametrize(
    ("copy_fn", "wanted"),
    [
        (None, None),
        (False, None),
        (True, "value"),
        (lambda _d, _k, v: v + "2", "value2"),
        (lambda _d, _k, _v: NotImplemented, None),
    ],
)
def test_copy_functions_say_what_duplicates_get(
    datatype: MPI.Datatype, copy_fn: Any, wanted: str | None
) -> None:
    """Nothing, the same, or what the function returns."""
    key = MPI.Datatype.Create_keyval(copy_fn)
    datatype.Set_attr(key, "value")
    assert datatype.Dup().Get_attr(key) == wanted


def test_delete_functions_see_each_end(datatype: MPI.Datatype) -> None:
    """Deleting, overwriting and freeing, the last one set first; a freed key goes on working."""
    gone: list[Any] = []
    keys = [
        MPI.Datatype.Create_keyval(delete_fn=lambda _d, _k, v: gone.append(v)) for _ in range(3)
    ]
    for key in keys:
        datatype.Set_attr(key, f"first of {keys.index(key)}")
    datatype.Set_attr(keys[0], "second")
    datatype.Delete_attr(keys[1])
    MPI.Datatype.Free_keyval(keys[2])
    datatype.Free()
    assert gone == ["first of 0", "first of 1", "second", "first of 2"]


def test_integers_for_who_says_nopython(datatype: MPI.Datatype) -> None:
    """A key without Python takes integers only."""
    key = MPI.Datatype.Create_keyval(nopython=True)
    datatype.Set_attr(key, 7)
    assert datatype.Get_attr(key) == 7
    with pytest.raises(TypeError):
        datatype.Set_attr(key, "seven")


@pytest.mark.parametrize("which", ["copy", "delete"])
def test_an_exception_in_a_function_is_told(
    datatype: MPI.Datatype, which: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is printed, and the call fails."""

    def fail(_d: Any, _k: int, _v: Any) -> None:
        raise ValueError("not today")

    key = MPI.Datatype.Create_keyval(**{f"{which}_fn": fail})  # type: ignore[arg-type]
    datatype.Set_attr(key, 1)
    call = datatype.Dup if which == "copy" else datatype.Free
    with pytest.raises(MPI.Exception) as raised:
        call()
    assert raised.value == MPI.ERR_OTHER
    assert "ValueError: not today" in capsys.readouterr().err


def test_keys_are_for_one_kind(datatype: MPI.Datatype) -> None:
    """A communicator's key, a freed one and an invented one are errors."""
    other = MPI.Comm.Create_keyval()
    freed = MPI.Datatype.Create_keyval()
    MPI.Datatype.Free_keyval(freed)
    for key in (other, freed, MPI.KEYVAL_INVALID):
        for call in (datatype.Get_attr, datatype.Delete_attr, MPI.Datatype.Free_keyval):
            with pytest.raises(MPI.Exception) as raised:
                call(key)
            assert raised.value == MPI.ERR_KEYVAL


def test_communicators_have_standing_attributes() -> None:
    """MPI's own are on every communicator, and can't be set."""
    comm = MPI.COMM_SELF
    assert comm.Get_attr(MPI.TAG_UB) == 2**31 - 1
    assert comm.Get_attr(MPI.IO) == MPI.ANY_SOURCE
    assert comm.Get_attr(MPI.UNIVERSE_SIZE) == 1
    with pytest.raises(MPI.Exception) as raised:
        comm.Set_attr(MPI.TAG_UB, 3)
    assert raised.value == MPI.ERR_KEYVAL


def test_null_handles_have_none() -> None:
    """The error is of the null handle's kind."""
    with pytest.raises(MPI.Exception) as raised:
        MPI.DATATYPE_NULL.Get_attr(MPI.Datatype.Create_keyval())
    assert raised.value == MPI.ERR_TYPE
