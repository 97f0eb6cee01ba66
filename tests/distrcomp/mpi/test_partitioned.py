"""Partitioned messages."""

from __future__ import annotations

import numpy as np
import pytest

from distrcomp.mpi import MPI

COMM = MPI.COMM_SELF
WORLD = MPI.COMM_WORLD


def error_class(call: object, *arguments: object) -> int:
    """The class of the error that a call raises."""
    with pytest.raises(MPI.Exception) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.Get_error_class()


def arrived(request: MPI.Prequest, parts: int) -> list[bool]:
    """Which partitions are there."""
    return [request.Parrived(part) for part in range(parts)]


@pytest.mark.parametrize("sending", [1, 2, 3, 6])
@pytest.mark.parametrize("receiving", [1, 2, 3, 6])
def test_parts_arrive(sending: int, receiving: int) -> None:
    """A part has arrived when all that it overlaps were given free, into however many both cut."""
    sent, received = np.arange(6.0), np.zeros(6)
    send = COMM.Psend_init(sent, sending, 0, 1)
    receive = COMM.Precv_init(received, receiving, 0, 1)
    status = MPI.Status()
    for start in range(3):
        sent += 1
        receive.Start()
        send.Start()
        free: set[int] = set()
        assert not any(arrived(receive, receiving))
        for part in range(sending):
            send.Pready(part)
            free.update(range(part * 6 // sending, (part + 1) * 6 // sending))
            expected = [
                free.issuperset(range(each * 6 // receiving, (each + 1) * 6 // receiving))
                for each in range(receiving)
            ]
            assert expected == arrived(receive, receiving)
        assert send.Wait()
        assert receive.Wait(status)
        assert (0, 1, 48) == (status.source, status.tag, status.count)
        assert sent.tolist() == received.tolist(), start
    send.Free()
    receive.Free()


def test_order_of_making() -> None:
    """Sends and receives with one tag meet in the order in which they were made."""
    memories = [bytearray(1), bytearray(1)]
    sends = [COMM.Psend_init(text, 1, 0, 2) for text in (b"a", b"b")]
    receives = [COMM.Precv_init(memory, 1, 0, 2) for memory in memories]
    for request in (*sends[::-1], *receives):
        request.Start()
    sends[1].Pready_list([0])
    sends[0].Pready_range(0, 0)
    MPI.Request.Waitall([*sends, *receives])
    assert [b"a", b"b"] == memories
    for request in (*sends, *receives):
        request.Free()


def test_gaps() -> None:
    """Memory that doesn't lie in one piece is packed and unpacked."""
    column = MPI.DOUBLE.Create_vector(2, 1, 2).Commit()
    sent, received = np.arange(8.0), np.zeros(8)
    send = COMM.Psend_init([sent, 2, column], 2, 0)
    receive = COMM.Precv_init([received, 2, column], 2, 0, 0)
    receive.Start()
    send.Start()
    send.Pready_range(0, 1)
    MPI.Request.Waitall([send, receive])
    assert received.nonzero()[0].size in (2, 3)
    assert all(value in (0.0, index) for index, value in enumerate(received))
    send.Free()
    receive.Free()
    column.Free()


def test_proc_null() -> None:
    """Partitions go nowhere, and have always arrived."""
    send = COMM.Psend_init(None, 2, MPI.PROC_NULL)
    receive = COMM.Precv_init(None, 2, MPI.PROC_NULL)
    send.Start()
    receive.Start()
    send.Pready_range(0, 1)
    assert receive.Parrived(1)
    send.Wait()
    receive.Wait()


def test_wrong_use() -> None:
    """Wrong numbers, nodes and wildcards are errors, and so is giving a part free twice."""
    assert MPI.ERR_RANK == error_class(COMM.Psend_init, b"x", 1, 1)
    assert MPI.ERR_RANK == error_class(COMM.Precv_init, bytearray(1), 1)
    assert MPI.ERR_TAG == error_class(COMM.Precv_init, bytearray(1), 1, 0)
    assert MPI.ERR_ARG == error_class(COMM.Psend_init, b"x", 0, 0)
    with pytest.raises(ValueError, match="multiple"):
        COMM.Psend_init(b"abc", 2, 0)
    send = COMM.Psend_init(b"ab", 2, 0, 7)
    assert MPI.ERR_REQUEST == error_class(send.Pready, 0)
    send.Start()
    send.Pready(0)
    assert MPI.ERR_REQUEST == error_class(send.Pready, 0)
    assert MPI.ERR_ARG == error_class(send.Pready, 2)
    assert MPI.ERR_REQUEST == error_class(send.Parrived, 0)
    send.Pready(1)
    send.Wait()
    receive = COMM.Precv_init(bytearray(2), 1, 0, 7)
    receive.Start()
    assert MPI.ERR_REQUEST == error_class(receive.Pready, 0)
    receive.Wait()


@pytest.mark.processes
@pytest.mark.nodes(2)
def test_between_nodes() -> None:
    """What comes before its receive is made or started is kept for it."""
    count = 1 << 16
    if WORLD.rank == 0:
        sent = np.arange(float(count))
        request = WORLD.Psend_init(sent, 4, 1, 3)
        for _ in range(3):
            request.Start()
            request.Pready_list([3, 1, 0, 2])
            request.Wait()
        WORLD.barrier()
        return
    WORLD.barrier()
    received = np.zeros(count)
    request = WORLD.Precv_init(received, 2, 0, 3)
    for _ in range(3):
        received[:] = 0
        request.Start()
        request.Wait()
        assert np.array_equal(received, np.arange(float(count)))
