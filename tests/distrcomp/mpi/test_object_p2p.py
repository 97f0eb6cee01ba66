"""Objects between two nodes, through the face."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator

import numpy as np
import pytest

from distrcomp.mpi import MPI

WORLD = MPI.COMM_WORLD
OBJECTS = [None, 7, -1.5, "text", [1, {"a": 2}], b"bytes", {1, 2}, 2**70]


@pytest.fixture
def changed_pickle() -> Iterator[None]:
    """MPI.pickle with functions of the program's own."""
    MPI.pickle.__init__(lambda obj: json.dumps(obj).encode(), lambda data: json.loads(bytes(data)))
    yield
    MPI.pickle.__init__()


def error_class(call: object, *arguments: object, **keywords: object) -> int:
    """The class of the error that a call raises."""
    with pytest.raises(MPI.Exception) as caught:
        call(*arguments, **keywords)  # type: ignore[operator]
    return caught.value.Get_error_class()


@pytest.mark.parametrize("obj", OBJECTS)
def test_to_oneself(obj: object) -> None:
    """Every way of sending reaches every way of receiving."""
    comm = MPI.COMM_SELF
    for send in (comm.send, lambda *to: comm.isend(*to).wait()):
        send(obj, 0, 3)
        assert obj == comm.recv(source=0, tag=3)
    request = comm.irecv()
    comm.ssend(obj, 0)
    assert obj == request.wait()
    request = comm.issend(obj, 0)
    assert (False, None) == request.test()
    assert obj == comm.recv()
    assert (True, None) == request.test()
    assert obj == comm.sendrecv(obj, 0, source=0)


def test_proc_null() -> None:
    """Nothing is sent to PROC_NULL, and from there comes nothing at once."""
    comm, status = MPI.COMM_SELF, MPI.Status()
    for send in (comm.send, comm.ssend, comm.bsend):
        send(lambda: 0, MPI.PROC_NULL)
    for begin in (comm.isend, comm.issend, comm.ibsend):
        assert begin("x", MPI.PROC_NULL).wait() is None
    assert comm.recv(source=MPI.PROC_NULL, status=status) is None
    assert (MPI.PROC_NULL, MPI.ANY_TAG, 0) == (status.source, status.tag, status.count)
    assert comm.irecv(source=MPI.PROC_NULL).wait() is None
    assert comm.probe(MPI.PROC_NULL)
    assert comm.iprobe(MPI.PROC_NULL)
    assert comm.sendrecv(1, MPI.PROC_NULL, source=MPI.PROC_NULL) is None


@pytest.mark.parametrize("obj", [*OBJECTS, np.arange(3), [np.zeros(70000)], b"x" * 200_000])
def test_status_tells_the_pickle(obj: object) -> None:
    """Source, tag, and the size that the object's pickle has, from receives and probes alike."""
    comm, status = MPI.COMM_SELF, MPI.Status()
    expected = (0, 5, len(pickle.dumps(obj, 5)))
    for look in (
        lambda: comm.probe(status=status),
        lambda: comm.iprobe(status=status),
        lambda: comm.recv(status=status),
        lambda: comm.irecv().wait(status),
        lambda: comm.mprobe(status=status).recv(),
    ):
        comm.send(obj, 0, 5)
        look()
        assert expected == (status.source, status.tag, status.count)
        if comm.iprobe():
            comm.recv()


def test_object_is_free_after_isend() -> None:
    """What isend has been given may be changed at once, however large it is."""
    comm = MPI.COMM_SELF
    array = np.zeros(1 << 20)
    request = comm.isend(array, 0)
    array += 1
    received = comm.recv()
    request.wait()
    assert 0.0 == received.max()


def test_pickle_of_the_program(changed_pickle: None) -> None:
    """Where MPI.pickle was given functions, objects travel as what these make of them."""
    comm = MPI.COMM_SELF
    comm.send({"a": [1]}, 0)
    assert comm.probe()
    received = bytearray(10)
    comm.Recv(received)
    assert received == b'{"a": [1]}'
    for receive in (comm.recv, lambda: comm.irecv().wait(), lambda: comm.mprobe().recv()):
        comm.isend([1, 2], 0).wait()
        assert [1, 2] == receive()
    comm.Send(b"", 0)
    assert comm.recv() is None


def test_memory_meets_objects() -> None:
    """A pickle sent as memory is received as its object, and the other way round."""
    comm = MPI.COMM_SELF
    comm.Send(pickle.dumps({"a": 1}), 0)
    assert {"a": 1} == comm.recv()
    comm.Send([None, 0, MPI.BYTE], 0)
    assert comm.recv() is None
    status = MPI.Status()
    comm.send({"a": 1}, 0)
    comm.probe(status=status)
    memory = bytearray(status.count)
    comm.Recv(memory)
    assert {"a": 1} == pickle.loads(memory)


def test_wrong_arguments() -> None:
    """Ranks and tags that are none are errors of their class; what is no integer is a TypeError."""
    comm = MPI.COMM_SELF
    assert MPI.ERR_RANK == error_class(comm.send, 1, 1)
    assert MPI.ERR_RANK == error_class(comm.isend, 1, -7)
    assert MPI.ERR_RANK == error_class(comm.recv, source=1)
    assert MPI.ERR_RANK == error_class(comm.irecv, source=1)
    assert MPI.ERR_RANK == error_class(comm.probe, 1)
    assert MPI.ERR_TAG == error_class(comm.send, 1, 0, -1)
    assert MPI.ERR_TAG == error_class(comm.iprobe, 0, -7)
    assert MPI.ERR_COMM == error_class(MPI.COMM_NULL.send, 1, 0)
    with pytest.raises(TypeError):
        comm.send(1, "zero")
    with pytest.raises(TypeError):
        comm.send((each for each in ()), 0)


def test_buf_of_recv_is_deprecated() -> None:
    """It warns, and does nothing else."""
    MPI.COMM_SELF.send("x", 0)
    with pytest.warns(UserWarning, match="deprecated"):
        assert MPI.COMM_SELF.recv(bytearray(3), 0) == "x"


def test_buffered() -> None:
    """bsend needs room in an attached buffer, which is free again afterwards."""
    comm = MPI.COMM_SELF
    assert MPI.ERR_BUFFER == error_class(comm.bsend, "x", 0)
    MPI.Attach_buffer(bytearray(MPI.BSEND_OVERHEAD + 100))
    try:
        for text in ("one", "two", "three"):
            comm.bsend(text, 0)
            comm.ibsend(text, 0).wait()
            assert [text, text] == [comm.recv(), comm.recv()]
        assert MPI.ERR_BUFFER == error_class(comm.bsend, "x" * 100, 0)
    finally:
        MPI.Detach_buffer()


@pytest.mark.processes
@pytest.mark.nodes(3)
def test_ring() -> None:
    """Objects go round three nodes, and statuses say where they came from."""
    rank, size = WORLD.rank, WORLD.size
    status = MPI.Status()
    right, left = (rank + 1) % size, (rank - 1) % size
    for obj in (rank, "x" * rank, np.full(1 << 18, rank)):
        WORLD.send(obj, right, tag=rank)
        received = WORLD.recv(source=MPI.ANY_SOURCE, status=status)
        assert (left, left) == (status.source, status.tag)
        assert type(obj) is type(received)
        WORLD.barrier()
        assert left == WORLD.sendrecv(rank, right, source=left)
        WORLD.barrier()


@pytest.mark.processes
@pytest.mark.nodes(3)
def test_work_is_handed_out() -> None:
    """A master answers whoever asks, by what the status says."""
    if WORLD.rank:
        sums = 0
        while True:
            WORLD.send(WORLD.rank, 0, tag=1)
            task = WORLD.recv(source=0)
            if task is None:
                break
            sums += task
        assert sums >= 0
        return
    status = MPI.Status()
    tasks = [*range(20), None, None]
    for task in tasks:
        asking = WORLD.recv(source=MPI.ANY_SOURCE, tag=1, status=status)
        assert asking == status.Get_source()
        WORLD.send(task, asking)
