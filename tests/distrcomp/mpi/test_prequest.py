"""Persistent requests."""

from __future__ import annotations

import pytest

from distrcomp.mpi import MPI

COMM = MPI.COMM_SELF


def test_started_many_times() -> None:
    """Each start sends or receives what the memory holds then; a wait ends that."""
    status = MPI.Status()
    sent, received = bytearray(1), bytearray(2)
    requests = [COMM.Send_init(sent, 0, 3), COMM.Recv_init(received, 0, 3)]
    for value in range(3):
        sent[0] = value
        MPI.Prequest.Startall(requests)
        assert MPI.Request.Waitall(requests)
        assert value == received[0]
        assert all(requests)
        assert requests[1].Wait(status)
        assert MPI.ANY_SOURCE == status.source
    for request in requests:
        request.Free()
        assert request == MPI.REQUEST_NULL


@pytest.mark.parametrize("make", ["Send_init", "Ssend_init", "Rsend_init", "Bsend_init"])
def test_modes(make: str) -> None:
    """There is one of each mode."""
    received = bytearray(4)
    request = getattr(COMM, make)(b"text", 0)
    MPI.Attach_buffer(bytearray(100 + MPI.BSEND_OVERHEAD))
    try:
        receiving = COMM.Irecv(received)
        request.Start()
        request.Wait()
        receiving.Wait()
    finally:
        MPI.Detach_buffer()
    assert b"text" == received
    request.Free()


def test_proc_null() -> None:
    """They are done as soon as they are started."""
    for request in (COMM.Send_init(None, MPI.PROC_NULL), COMM.Recv_init(None, MPI.PROC_NULL)):
        request.Start()
        assert request.Test()
        request.Free()


def test_wrong_use() -> None:
    """Starting twice and what is not persistent are errors; memory is looked at when it is made."""
    request = COMM.Recv_init(bytearray(1), 0)
    request.Start()
    with pytest.raises(MPI.Exception) as raised:
        request.Start()
    assert MPI.ERR_REQUEST == raised.value.Get_error_class()
    request.Cancel()
    request.Wait()
    for call in (lambda: request.Pready(0), lambda: request.Parrived(0)):
        with pytest.raises(MPI.Exception):
            call()
    request.Free()
    with pytest.raises(MPI.Exception):
        MPI.Prequest().Start()
    with pytest.raises(TypeError):
        MPI.Prequest(COMM.isend(1, MPI.PROC_NULL))
    with pytest.raises(TypeError):
        COMM.Send_init(3, 0)
