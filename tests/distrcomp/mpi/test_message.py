"""Matched messages."""

from __future__ import annotations

import numpy as np
import pytest

from distrcomp.mpi import MPI

COMM = MPI.COMM_SELF


def test_taken_messages() -> None:
    """Only their handle receives them, once; others of their kind are still there."""
    status = MPI.Status()
    COMM.send("first", 0, 2)
    COMM.send("second", 0, 2)
    message = COMM.mprobe(0, 2, status)
    assert (0, 2) == (status.source, status.tag)
    assert message
    assert "second" == COMM.recv()
    assert "first" == message.recv(status)
    assert 2 == status.tag
    assert message == MPI.MESSAGE_NULL
    with pytest.raises(MPI.Exception) as raised:
        message.recv()
    assert MPI.ERR_REQUEST == raised.value.Get_error_class()


def test_memory() -> None:
    """Memory is filled as by Recv, now or by a request."""
    status = MPI.Status()
    for begin in (
        lambda message, memory: message.Recv(memory, status),
        lambda message, memory: message.Irecv(memory).Wait(status),
    ):
        COMM.Send(np.arange(2.0), 0)
        received = np.full(3, -1.0)
        begin(COMM.Mprobe(), received)
        assert [0.0, 1.0, -1.0] == received.tolist()
        assert 16 == status.count
    COMM.Send(np.arange(2.0), 0)
    with pytest.raises(MPI.Exception) as raised:
        COMM.Mprobe().Recv(np.zeros(1))
    assert MPI.ERR_TRUNCATE == raised.value.Get_error_class()


def test_nothing_there() -> None:
    """improbe returns None and an empty status."""
    status = MPI.Status()
    status.source = 9
    assert COMM.improbe(0, 5, status) is None
    assert MPI.ANY_SOURCE == status.source
    assert MPI.Message.Iprobe(COMM) is None
    COMM.send("x", 0)
    message = MPI.Message.iprobe(COMM)
    assert message is not None
    assert "x" == message.irecv().wait()


def test_no_proc() -> None:
    """PROC_NULL sends MESSAGE_NO_PROC, which can be received again and again."""
    status = MPI.Status()
    constant = MPI.MESSAGE_NO_PROC
    for _ in range(2):
        assert constant.recv(status) is None
        assert MPI.PROC_NULL == status.source
        constant.Recv(None)
        assert constant
    message = COMM.mprobe(MPI.PROC_NULL)
    assert message == constant
    message.recv()
    assert message == MPI.MESSAGE_NULL


def test_subclasses() -> None:
    """A class of the program's own probes for its own kind."""

    class Mine(MPI.Message):  # type: ignore[misc]
        pass

    COMM.send("x", 0)
    message = Mine.probe(COMM)
    assert type(message) is Mine
    assert "x" == message.recv()
