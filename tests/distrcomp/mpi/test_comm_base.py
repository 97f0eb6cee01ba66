"""What every communicator stands on: its state, and the errors of its calls."""

from __future__ import annotations

import traceback

import pytest

from distrcomp.errors import BadTag, NoSuchNode, Truncated, Unpicklable, WorldClosed
from distrcomp.mpi import MPI
from distrcomp.mpi.comm_base import CommState
from distrcomp.mpi.errhandler import error_code


def test_handles_share_a_state() -> None:
    """Names, attributes and handlers are of the communicator, not of the handle."""
    comm = MPI.COMM_SELF.Dup()
    copy = MPI.Comm(comm)
    copy.Set_name("mine")
    copy.Set_errhandler(MPI.ERRORS_RETURN)
    assert "mine" == comm.name
    assert copy == comm
    comm.Free()
    assert comm == MPI.COMM_NULL
    with pytest.raises(MPI.Exception) as raised:
        copy.send(1, 0)
    assert MPI.ERR_COMM == raised.value.Get_error_class()


def test_core_is_made_once() -> None:
    """When it is first needed."""
    made: list[object] = []

    def open_core() -> object:
        made.append(1)
        return MPI.COMM_SELF._core

    state = CommState(open_core)  # type: ignore[arg-type]
    assert [] == made
    assert state.core is state.core
    assert [1] == made


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NoSuchNode(9, 2), MPI.ERR_RANK),
        (BadTag("no tag"), MPI.ERR_TAG),
        (Truncated(0, 0, 9, 3), MPI.ERR_TRUNCATE),
        (WorldClosed("over"), MPI.ERR_OTHER),
        (KeyError("something else"), None),
    ],
)
def test_errors_of_the_core(error: Exception, code: int | None) -> None:
    """Each has a class of MPI, or passes as it is."""
    assert code == error_code(error)


def test_error_handler_is_asked() -> None:
    """Before the error is raised."""
    asked: list[int] = []
    comm = MPI.COMM_SELF.Dup()
    handler = MPI.Comm.Create_errhandler(lambda _, code: asked.append(code))
    comm.Set_errhandler(handler)
    with pytest.raises(MPI.Exception):
        comm.send(1, 5)
    assert [MPI.ERR_RANK] == asked
    comm.Free()
    handler.Free()


def test_errors_of_pickling_pass() -> None:
    """They are raised as pickle has raised them."""
    with pytest.raises(TypeError, match="generator") as raised:
        MPI.COMM_SELF.send((each for each in ()), 0)
    assert not isinstance(raised.value, Unpicklable)


class Proud:
    """Refuses to be pickled, for a reason of its own."""

    def __reduce__(self) -> str:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise LookupError("second") from error


def test_what_pickle_raises_passes_as_it_was() -> None:
    """With the program's own reason, without ours, and with none of our lines behind its own."""
    with pytest.raises(LookupError, match="second") as caught:
        MPI.COMM_SELF.send(Proud(), 0)
    assert isinstance(caught.value.__cause__, KeyError)
    assert isinstance(caught.value.__context__, KeyError)
    names = [entry.name for entry in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-2:] == ["_raise_as_it_was", "__reduce__"]
