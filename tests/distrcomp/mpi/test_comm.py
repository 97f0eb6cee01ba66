"""What can be asked of a communicator."""

from __future__ import annotations

import pickle
import threading

import pytest

from distrcomp.mpi import MPI

COMM = MPI.COMM_SELF


def test_properties() -> None:
    """They are what the calls say."""
    assert (0, 1) == (COMM.rank, COMM.size) == (COMM.Get_rank(), COMM.Get_size())
    assert (True, False) == (COMM.is_intra, COMM.is_inter)
    assert (MPI.UNDEFINED, False) == (COMM.topology, COMM.is_topo)
    assert 1 == COMM.group.size
    assert MPI.COMM_NULL == MPI.Comm.Get_parent()
    assert isinstance(MPI.Comm.Get_parent(), MPI.Intercomm)


def test_null() -> None:
    """It has a name and equals every null handle; each call on it is an error."""
    null = MPI.COMM_NULL
    assert null == MPI.Comm() == MPI.Intracomm() == MPI.Intercomm()
    assert "MPI_COMM_NULL" == null.name
    for call in (
        null.Get_rank,
        null.Get_group,
        null.Is_inter,
        null.Get_topology,
        null.Get_info,
        lambda: null.Compare(COMM),
        lambda: COMM.Compare(null),
    ):
        with pytest.raises(MPI.Exception) as raised:
            call()
        assert MPI.ERR_COMM == raised.value.Get_error_class()


def test_compare() -> None:
    """The same, a duplicate, or others."""
    copy = COMM.Dup()
    assert MPI.IDENT == MPI.Comm.Compare(COMM, MPI.Comm(COMM))
    assert MPI.CONGRUENT == COMM.Compare(copy)
    copy.Free()


def test_pickle() -> None:
    """Constants travel, and are themselves where they arrive; others don't."""
    for constant in (MPI.COMM_NULL, MPI.COMM_SELF, MPI.COMM_WORLD):
        assert pickle.loads(pickle.dumps(constant)) is constant
    copy = COMM.Dup()
    with pytest.raises(ValueError, match=r"pickle|serialize"):
        pickle.dumps(copy)
    copy.Free()


def test_info() -> None:
    """Hints are kept, and given back as a copy."""
    comm = COMM.Dup()
    comm.Set_info(MPI.Info.Create({"a": "b"}))
    info = comm.info
    info["a"] = "c"
    assert {"a": "b"} == dict(comm.Get_info().items())
    comm.info = info
    assert "c" == comm.info["a"]
    comm.Free()


def test_locks() -> None:
    """Once the table was asked for, collectives of objects take the lock of their name."""
    comm = COMM.Dup()
    table = MPI._comm_lock_table(comm)
    assert "bcast" not in table
    assert "x" == comm.bcast("x")
    assert isinstance(table["bcast"], type(threading.Lock()))
    assert MPI._comm_lock(comm, "bcast") is table["bcast"]
    comm.Free()
