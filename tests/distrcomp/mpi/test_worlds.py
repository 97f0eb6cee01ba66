"""The communicators that are there from the start."""

from __future__ import annotations

from distrcomp.mpi import MPI
from tests.distrcomp.mpi.alone import output_of


def test_world_and_self() -> None:
    """They are intracommunicators with names and message spaces of their own."""
    assert (MPI.Intracomm, MPI.Intracomm) == (type(MPI.COMM_WORLD), type(MPI.COMM_SELF))
    assert ("MPI_COMM_WORLD", "MPI_COMM_SELF") == (MPI.COMM_WORLD.name, MPI.COMM_SELF.name)
    MPI.COMM_SELF.send("x", 0)
    assert not MPI.COMM_WORLD.iprobe()
    assert "x" == MPI.COMM_SELF.recv()


def test_run_is_joined_when_needed() -> None:
    """The modules can be imported before that."""
    code = "from distrcomp.mpi import worlds; import distrcomp.joining as j; print(j._world)"
    assert "None\n" == output_of(code)
