"""Error handlers of objects, and of the program's own making."""

from __future__ import annotations

from typing import Any

import pytest

from distrcomp.mpi import MPI
from distrcomp.mpi.errhandler import HANDLERS_MAX


@pytest.fixture
def session() -> Any:
    """An object with an error handler."""
    return MPI.Session.Init()


def test_objects_return_errors_at_first(session: MPI.Session) -> None:
    """As in mpi4py, errors become exceptions and nothing else."""
    handler = session.Get_errhandler()
    assert handler == MPI.ERRORS_RETURN
    session.Call_errhandler(MPI.ERR_OTHER)
    handler.Free()
    assert handler == MPI.ERRHANDLER_NULL
    assert MPI.ERRORS_RETURN


def test_a_function_of_the_program_is_called(session: MPI.Session) -> None:
    """It gets the object and the error code, before the exception is raised."""
    calls: list[tuple[Any, int]] = []
    handler = MPI.Session.Create_errhandler(lambda owner, code: calls.append((owner, code)))
    session.Set_errhandler(handler)
    handler.Free()
    session.Call_errhandler(MPI.ERR_ARG)
    with pytest.raises(MPI.Exception, match="said so"):
        session._fail(MPI.ERR_RANK, "said so")
    assert calls == [(session, MPI.ERR_ARG), (session, MPI.ERR_RANK)]


def test_handlers_are_for_one_kind(session: MPI.Session) -> None:
    """A communicator's handler isn't for a session."""
    handler = MPI.Comm.Create_errhandler(lambda _owner, _code: None)
    for wrong in (handler, MPI.ERRHANDLER_NULL):
        with pytest.raises(MPI.Exception) as raised:
            session.Set_errhandler(wrong)
        assert raised.value == MPI.ERR_ERRHANDLER
    handler.Free()


def test_all_handles_of_an_object_share_its_handler(session: MPI.Session) -> None:
    """It belongs to what the handles denote."""
    MPI.Session(session).Set_errhandler(MPI.ERRORS_ABORT)
    assert session.Get_errhandler() == MPI.ERRORS_ABORT


def test_fatal_handlers_let_success_pass(session: MPI.Session) -> None:
    """No error ends nothing."""
    session.Set_errhandler(MPI.ERRORS_ARE_FATAL)
    session.Call_errhandler(MPI.SUCCESS)


def test_there_are_so_many_and_no_more() -> None:
    """The bound is mpi4py's, for each kind of object; freeing makes room."""
    made = [MPI.Win.Create_errhandler(lambda _w, _c: None) for _ in range(HANDLERS_MAX)]
    with pytest.raises(RuntimeError, match="at most"):
        MPI.Win.Create_errhandler(lambda _w, _c: None)
    for handler in made:
        handler.Free()
    with pytest.raises(MPI.Exception):
        MPI.ERRHANDLER_NULL.Free()


def test_null_handles_have_none() -> None:
    """The error is of the null handle's kind."""
    with pytest.raises(MPI.Exception) as raised:
        MPI.SESSION_NULL.Get_errhandler()
    assert raised.value == MPI.ERR_SESSION
