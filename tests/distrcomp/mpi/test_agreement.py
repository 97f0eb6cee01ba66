"""Failed nodes, of which there are none, and agreements."""

from __future__ import annotations

import array

import pytest

from distrcomp.mpi import MPI

WORLD = MPI.COMM_WORLD


def test_nobody_has_failed() -> None:
    """As long as calls can be made."""
    comm = MPI.COMM_SELF
    assert not comm.Is_revoked()
    assert MPI.GROUP_EMPTY == comm.Get_failed()
    assert 0 == comm.Ack_failed() == comm.Ack_failed(1)
    shrunk, request = comm.Ishrink()
    request.Wait()
    assert MPI.CONGRUENT == MPI.Comm.Compare(comm, shrunk)
    shrunk.Free()
    with pytest.raises(NotImplementedError):
        comm.Revoke()


def test_flag_is_an_int() -> None:
    """Iagree takes memory of one C int."""
    with pytest.raises(TypeError):
        MPI.COMM_SELF.Iagree(0)
    with pytest.raises(ValueError, match="4 bytes"):
        MPI.COMM_SELF.Iagree(bytearray(8))


@pytest.mark.processes
@pytest.mark.nodes(3)
def test_agreement() -> None:
    """All get the bits that all have, though others are in a barrier meanwhile."""
    assert 4 == WORLD.Agree(4 | 1 << WORLD.rank)
    for late in range(3):
        flag = array.array("i", [0b1011 if WORLD.rank == late else 0b1101])
        if WORLD.rank == late:
            request = WORLD.Iagree(flag)
            assert not request.Test()
            WORLD.Barrier()
        else:
            WORLD.Barrier()
            request = WORLD.Iagree(flag)
        request.Wait()
        assert 0b1001 == flag[0]
