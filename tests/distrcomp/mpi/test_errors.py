"""MPI's exception, and the error codes of a program."""

from __future__ import annotations

import pickle

import pytest

from distrcomp.mpi import MPI

CLASSES = {
    name: value
    for name, value in vars(MPI).items()
    if name.startswith("ERR_") and name != "ERR_LASTCODE"
}


def test_codes_are_distinct_classes_with_texts() -> None:
    """Each predefined code is its own class, below the last code, and its text names it."""
    assert len(set(CLASSES.values())) == len(CLASSES)
    for name, code in CLASSES.items():
        assert MPI.SUCCESS < MPI.Get_error_class(code) == code < MPI.ERR_LASTCODE
        assert MPI.Get_error_string(code).startswith(f"MPI_{name}: ")


def test_the_exception_is_like_its_code() -> None:
    """It compares, hashes and converts as the integer."""
    error = MPI.Exception(MPI.ERR_RANK)
    assert error == MPI.ERR_RANK == int(error) == error.Get_error_code()
    assert error != MPI.ERR_TAG
    assert hash(error) == hash(MPI.ERR_RANK)
    assert MPI.SUCCESS < error <= MPI.ERR_LASTCODE
    assert MPI.Exception(MPI.SUCCESS) < error
    assert error > MPI.SUCCESS
    assert error >= MPI.Exception(MPI.ERR_RANK)
    assert bool(error)
    assert not MPI.Exception()


def test_the_exception_says_what_happened() -> None:
    """Its text is that of the code, with what went wrong in this case."""
    error = MPI.Exception(MPI.ERR_RANK, "there is no rank 7")
    assert str(error) == "MPI_ERR_RANK: invalid rank: there is no rank 7"
    assert repr(error) == f"MPI.Exception({MPI.ERR_RANK})"
    found = pickle.loads(pickle.dumps(error))
    assert (found, str(found)) == (error, str(error))


def test_a_negative_code_is_unknown() -> None:
    """No code lies below SUCCESS."""
    assert MPI.Exception(-1) == MPI.ERR_UNKNOWN
    assert MPI.Exception(MPI.ERR_LASTCODE + 1000).error_class == MPI.ERR_UNKNOWN


def test_a_program_adds_classes_codes_and_texts() -> None:
    """They are used as the predefined ones, and can be removed from the leaves up."""
    group = MPI.Add_error_class()
    code = MPI.Add_error_code(group)
    assert MPI.COMM_WORLD.Get_attr(MPI.LASTUSEDCODE) == code
    MPI.Add_error_string(code, "engine on fire")
    error = MPI.Exception(code)
    assert (error.error_class, error.error_string) == (group, "engine on fire")
    for too_early in (MPI.Remove_error_code, MPI.Remove_error_class):
        with pytest.raises(MPI.Exception):
            too_early(code if too_early is MPI.Remove_error_code else group)
    MPI.Remove_error_string(code)
    MPI.Remove_error_code(code)
    MPI.Remove_error_class(group)
    assert MPI.Get_error_class(code) == MPI.ERR_UNKNOWN


@pytest.mark.parametrize(
    "remove", [MPI.Remove_error_class, MPI.Remove_error_code, MPI.Remove_error_string]
)
def test_predefined_codes_stay(remove: object) -> None:
    """What MPI defines can't be removed."""
    with pytest.raises(MPI.Exception):
        remove(MPI.ERR_RANK)  # type: ignore[operator]


def test_what_is_not_supported_names_the_call() -> None:
    """It is a NotImplementedError that says which call and why."""
    from distrcomp.mpi.unsupported import UNSUPPORTED, unsupported

    for call, reason in UNSUPPORTED.items():
        error = unsupported(call)
        assert isinstance(error, NotImplementedError)
        assert str(error) == f"MPI.{call}: {reason}"
