"""Sessions and their process sets."""

from __future__ import annotations

import pytest

from distrcomp.mpi import MPI


def test_a_session_opens_and_ends() -> None:
    """Ending makes the handle null; then every call is an error."""
    session = MPI.Session.Init()
    assert session == MPI.Session(session) != MPI.SESSION_NULL
    session.Finalize()
    assert session == MPI.SESSION_NULL
    for call in (session.Finalize, session.Get_info, session.Get_num_psets, session.Flush_buffer):
        with pytest.raises(MPI.Exception) as raised:
            call()
        assert raised.value == MPI.ERR_SESSION


def test_process_sets_are_the_world_and_this_process() -> None:
    """Groups and sizes by name."""
    session = MPI.Session.Init(errhandler=MPI.ERRORS_ABORT)
    assert session.Get_errhandler() == MPI.ERRORS_ABORT
    names = [session.Get_nth_pset(n) for n in range(session.Get_num_psets())]
    assert names == ["mpi://WORLD", "mpi://SELF"]
    for name in names:
        assert session.Get_pset_info(name).items() == [("mpi_size", "1")]
        assert session.Create_group(name).size == 1
        assert MPI.Group.Create_from_session_pset(session, name).rank == 0
    session.free()
    assert not session


@pytest.mark.parametrize("n", [-1, 2])
def test_there_are_no_other_sets(n: int) -> None:
    """Neither by number nor by name."""
    session = MPI.Session.Init()
    for call in (lambda: session.Get_nth_pset(n), lambda: session.Create_group("x")):
        with pytest.raises(MPI.Exception) as raised:
            call()
        assert raised.value == MPI.ERR_ARG
    session.Finalize()
