"""Names of objects."""

from __future__ import annotations

import pytest

from distrcomp.mpi import MPI


def test_all_handles_share_the_name() -> None:
    """It belongs to what they denote."""
    datatype = MPI.INT.Dup()
    MPI.Datatype(datatype).Set_name("count of sheep")
    assert datatype.Get_name() == datatype.name == "count of sheep"
    datatype.name = "x"
    assert datatype.name == "x"
    assert MPI.INT.name == "MPI_INT"
    datatype.Free()


def test_names_are_cut_to_their_length() -> None:
    """By bytes, and never inside a character."""
    datatype = MPI.INT.Dup()
    datatype.name = "ä" * MPI.MAX_OBJECT_NAME
    assert datatype.name == "ä" * ((MPI.MAX_OBJECT_NAME - 1) // 2)
    datatype.Free()


def test_only_text_is_a_name() -> None:
    """And a null handle keeps the name that MPI gives it."""
    datatype = MPI.INT.Dup()
    with pytest.raises(TypeError):
        datatype.Set_name(7)  # type: ignore[arg-type]
    datatype.Free()
    assert datatype.Get_name() == "MPI_DATATYPE_NULL"
    with pytest.raises(MPI.Exception) as raised:
        datatype.Set_name("x")
    assert raised.value == MPI.ERR_TYPE
