"""Memory between two nodes, through the face."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from distrcomp.mpi import MPI

WORLD = MPI.COMM_WORLD


def error_class(call: object, *arguments: object, **keywords: object) -> int:
    """The class of the error that a call raises."""
    with pytest.raises(MPI.Exception) as caught:
        call(*arguments, **keywords)  # type: ignore[operator]
    return caught.value.Get_error_class()


def test_to_oneself() -> None:
    """Every way of sending reaches every way of receiving."""
    comm = MPI.COMM_SELF
    sent = np.arange(5.0)
    ways: list[Callable[..., object]] = [
        comm.Send,
        comm.Rsend,
        lambda *to: comm.Isend(*to).Wait(),
        lambda *to: comm.Irsend(*to).Wait(),
    ]
    for send in ways:
        received = np.zeros(5)
        send(sent, 0, 3)
        comm.Recv(received, 0, 3)
        assert sent.tolist() == received.tolist()
    for synchronous in (comm.Ssend, lambda *to: comm.Issend(*to).Wait()):
        received = np.zeros(5)
        request = comm.Irecv(received)
        synchronous(sent, 0)
        assert request.Wait()
        assert sent.tolist() == received.tolist()


def test_shorter_messages() -> None:
    """They fill the beginning of the memory, and the status says how much."""
    comm, status = MPI.COMM_SELF, MPI.Status()
    received = np.full(4, -1.0)
    comm.Send(np.arange(2.0), 0, 9)
    comm.Recv(received, status=status)
    assert [0.0, 1.0, -1.0, -1.0] == received.tolist()
    assert (0, 9, 16) == (status.source, status.tag, status.count)
    assert 2 == status.Get_count(MPI.DOUBLE)


def test_longer_messages() -> None:
    """They are errors, and the memory is full."""
    comm, status = MPI.COMM_SELF, MPI.Status()
    for receive in (comm.Recv, lambda memory: comm.Irecv(memory).Wait(status)):
        received = np.zeros(2)
        comm.Send(np.arange(1.0, 4.0), 0)
        assert MPI.ERR_TRUNCATE == error_class(receive, received)
        assert [1.0, 2.0] == received.tolist()
    assert 16 == status.count
    assert not comm.Iprobe()


def test_gaps() -> None:
    """What doesn't lie in one piece is packed on the way out and unpacked on the way in."""
    comm = MPI.COMM_SELF
    column = MPI.DOUBLE.Create_vector(3, 1, 4).Commit()
    sent, received = np.arange(12.0).reshape(3, 4), np.zeros((3, 4))
    comm.Send([sent, 1, column], 0)
    comm.Recv([received, 1, column], 0)
    assert [0.0, 4.0, 8.0] == received[:, 0].tolist()
    assert 0.0 == received[:, 1:].max()
    comm.Send([sent, 1, column], 0)
    assert MPI.ERR_TRUNCATE == error_class(comm.Recv, [received, 2, MPI.DOUBLE], 0)
    column.Free()


def test_proc_null() -> None:
    """Nothing is sent to PROC_NULL, and what comes from there touches no memory."""
    comm, status = MPI.COMM_SELF, MPI.Status()
    for send in (comm.Send, comm.Ssend, comm.Bsend, comm.Rsend):
        send(None, MPI.PROC_NULL)
    for begin in (comm.Isend, comm.Issend, comm.Ibsend, comm.Irsend):
        begin(None, MPI.PROC_NULL).Wait()
    comm.Recv(None, MPI.PROC_NULL, status=status)
    assert (MPI.PROC_NULL, MPI.ANY_TAG, 0) == (status.source, status.tag, status.count)
    comm.Irecv(None, MPI.PROC_NULL).Wait()
    comm.Sendrecv(None, MPI.PROC_NULL, 0, None, MPI.PROC_NULL)
    comm.Sendrecv_replace(None, MPI.PROC_NULL, 0, MPI.PROC_NULL)


def test_wrong_arguments() -> None:
    """Each is an error of its class, and what was begun is taken back."""
    comm = MPI.COMM_SELF
    assert MPI.ERR_RANK == error_class(comm.Send, b"x", 1)
    assert MPI.ERR_TAG == error_class(comm.Isend, b"x", 0, -1)
    assert MPI.ERR_RANK == error_class(comm.Irecv, bytearray(1), 1)
    memory = bytearray(b"-")
    assert MPI.ERR_RANK == error_class(comm.Sendrecv, b"x", 1, 0, memory, 0)
    comm.Send(b"y", 0)
    assert b"-" == memory
    comm.Recv(memory)
    assert b"y" == memory
    with pytest.raises(BufferError):
        comm.Recv(b"read-only", 0)


def test_buffered() -> None:
    """Memory may be changed at once; a communicator's buffer comes before the process's."""
    comm = MPI.COMM_SELF.Dup()
    comm.Attach_buffer(bytearray(MPI.BSEND_OVERHEAD + 4))
    try:
        for request in (None, comm.Ibsend):
            sent = bytearray(b"text")
            comm.Bsend(sent, 0) if request is None else request(sent, 0).Wait()
            sent[:] = b"xxxx"
            received = bytearray(4)
            comm.Recv(received)
            assert b"text" == received
        assert MPI.ERR_BUFFER == error_class(comm.Bsend, b"12345", 0)
    finally:
        comm.Detach_buffer()
    assert MPI.ERR_BUFFER == error_class(comm.Bsend, b"1", 0)
    comm.Free()


@pytest.mark.processes
@pytest.mark.nodes(3)
def test_ring() -> None:
    """Memory goes round three nodes, by every call that sends and receives at once."""
    rank, size = WORLD.rank, WORLD.size
    right, left = (rank + 1) % size, (rank - 1) % size
    for count in (0, 3, 1 << 18):
        received = np.zeros(count, "i")
        status = MPI.Status()
        WORLD.Sendrecv(np.full(count, rank, "i"), right, 1, received, left, 1, status)
        assert (left, 1, 4 * count) == (status.source, status.tag, status.count)
        assert [left] * count == received.tolist()
        WORLD.Sendrecv_replace(received, right, 2, left, 2)
        assert [(left - 1) % size] * count == received.tolist()
        WORLD.Isendrecv(np.full(count, rank, "i"), right, 3, received, left, 3).Wait()
        assert [left] * count == received.tolist()
        WORLD.Isendrecv_replace(received, right, 4, left, 4).Wait(status)
        assert [(left - 1) % size] * count == received.tolist()
        assert 4 == status.tag


@pytest.mark.processes
@pytest.mark.nodes(2)
def test_order() -> None:
    """Messages of all sizes and modes with one tag keep their order."""
    counts = [1, 1 << 18, 3, 1 << 12, 2]
    if WORLD.rank == 0:
        requests = []
        for count in counts:
            WORLD.Send(np.full(count, count, "i"), 1)
            requests.append(WORLD.Isend(np.full(count, -count, "i"), 1))
        MPI.Request.Waitall(requests)
        return
    for count in counts:
        for value in (count, -count):
            received = np.zeros(count, "i")
            status = MPI.Status()
            WORLD.Recv(received, 0, status=status)
            assert count == status.Get_count(MPI.INT)
            assert value == received[0] == received[-1]
