"""Requests: waited for and tested alone, and several at once."""

from __future__ import annotations

import numpy as np
import pytest

from distrcomp.mpi import MPI
from distrcomp.mpi.request import Request

COMM = MPI.COMM_SELF


def receives(*tags: int) -> list[Request]:
    """Receives of objects under way."""
    return [COMM.irecv(tag=tag) for tag in tags]


def test_null_request_is_done() -> None:
    """Every way of waiting returns at once, with an empty status."""
    null, status = MPI.Request(), MPI.Status()
    status.source = 7
    assert null == MPI.REQUEST_NULL
    assert not null
    assert (None, (True, None)) == (null.wait(status), null.test())
    assert (MPI.ANY_SOURCE, MPI.ANY_TAG, 0) == (status.source, status.tag, status.count)
    assert [True] * 3 == [null.Wait(), null.Test(), null.Get_status()]
    assert (MPI.UNDEFINED, None) == MPI.Request.waitany([null])
    assert (MPI.UNDEFINED, True, None) == MPI.Request.testany([null, null])
    assert (MPI.UNDEFINED, True) == MPI.Request.Get_status_any([])
    assert [None, None] == MPI.Request.waitall([null, null])
    assert (None, None) == MPI.Request.waitsome([null])
    assert MPI.Request.Testsome([null]) is None
    assert MPI.Request.Get_status_some([]) is None
    for call in (null.Cancel, null.Free):
        with pytest.raises(MPI.Exception) as raised:
            call()
        assert MPI.ERR_REQUEST == raised.value.Get_error_class()


def test_request_ends() -> None:
    """Once waited for a request is null; until then Get_status tells as often as it is asked."""
    request, status = COMM.irecv(tag=1), MPI.Status()
    assert not request.Get_status()
    assert (False, None) == request.test()
    assert request
    COMM.send("x", 0, 1)
    for _ in range(2):
        assert request.get_status(status)
        assert (0, 1) == (status.source, status.tag)
    assert (True, "x") == request.test(status)
    assert request == MPI.REQUEST_NULL


def test_any() -> None:
    """The first that is done is told by its index, the others stay."""
    requests, status = receives(1, 2, 3), MPI.Status()
    assert (MPI.UNDEFINED, False, None) == MPI.Request.testany(requests)
    COMM.send("two", 0, 2)
    assert (1, True) == MPI.Request.Get_status_any(requests, status)
    assert (1, "two") == MPI.Request.waitany(requests, status)
    assert 2 == status.tag
    COMM.send("three", 0, 3)
    assert (2, True, "three") == MPI.Request.testany(requests)
    COMM.send("one", 0, 1)
    assert 0 == MPI.Request.Waitany(requests)
    assert not any(requests)


def test_all() -> None:
    """Objects in order, statuses in a list that grows; nothing before all are done."""
    requests = [*receives(1, 2), COMM.isend("x", 0, 9), MPI.REQUEST_NULL]
    assert (False, None) == MPI.Request.testall(requests)
    COMM.send("two", 0, 2)
    assert not MPI.Request.Testall(requests)
    COMM.send("one", 0, 1)
    assert MPI.Request.Get_status_all(requests)
    statuses: list[MPI.Status] = []
    assert ["one", "two", None, None] == MPI.Request.waitall(requests, statuses)
    assert [1, 2] == [status.tag for status in statuses[:2]]
    assert 4 == len(statuses)
    assert "x" == COMM.recv(tag=9)
    with pytest.raises(TypeError):
        MPI.Request.Waitall([None])
    with pytest.raises(TypeError):
        MPI.Request.Waitall([MPI.REQUEST_NULL], [1])


def test_some() -> None:
    """All that are done are told, and no others."""
    requests = receives(1, 2, 3)
    assert ([], []) == MPI.Request.testsome(requests)
    COMM.send("three", 0, 3)
    COMM.send("one", 0, 1)
    statuses: list[MPI.Status] = []
    assert [0, 2] == MPI.Request.Get_status_some(requests)
    assert ([0, 2], ["one", "three"]) == MPI.Request.waitsome(requests, statuses)
    assert [1, 3] == [status.tag for status in statuses]
    COMM.send("two", 0, 2)
    assert [1] == MPI.Request.Waitsome(requests)
    assert MPI.Request.Testsome(requests) is None


def test_cancelled_receive() -> None:
    """It is done, says so, and takes no message any more; a send goes on."""
    status = MPI.Status()
    for begin in (lambda: COMM.irecv(tag=4), lambda: COMM.Irecv(bytearray(1), 0, 4)):
        request = begin()
        request.Cancel()
        COMM.send("x", 0, 4)
        assert request.Wait(status) is True
        assert status.Is_cancelled()
        assert not request
        assert COMM.recv(tag=4) == "x"
    request = COMM.issend("y", 0, 4)
    request.Cancel()
    assert not request.Test()
    assert "y" == COMM.recv(tag=4)
    request.Wait(status)


def test_freed_request_goes_on() -> None:
    """Its message arrives all the same."""
    request = COMM.isend("x", 0)
    request.Free()
    assert not request
    assert "x" == COMM.recv()


def test_error_in_one_of_several() -> None:
    """All are waited for; the statuses say which has failed, and the error that one has."""
    fits, short = np.zeros(3), np.zeros(1)
    requests = [COMM.Irecv(fits, 0, 1), COMM.Irecv(short, 0, 2)]
    statuses: list[MPI.Status] = []
    COMM.Send(np.ones(3), 0, 1)
    COMM.Send(np.ones(3), 0, 2)
    with pytest.raises(MPI.Exception) as raised:
        MPI.Request.Waitall(requests, statuses)
    assert MPI.ERR_IN_STATUS == raised.value.Get_error_class()
    assert [MPI.SUCCESS, MPI.ERR_TRUNCATE] == [status.error for status in statuses]
    assert not any(requests)
    assert 1.0 == fits.min()


def test_handles() -> None:
    """A request is a handle: copies are equal, subclasses keep their class, none can be pickled."""

    class Mine(MPI.Request):  # type: ignore[misc]
        pass

    request = COMM.irecv()
    copy = Mine(request)
    assert copy == request
    assert type(copy) is Mine
    with pytest.raises(ValueError, match="pickle"):
        request.__reduce__()
    COMM.send("x", 0)
    assert "x" == copy.wait()


def test_a_freed_receive_goes_on() -> None:
    """What comes after its request was freed is put into the memory (MPI-4.1, 3.7.3)."""
    for begin in (
        lambda memory: COMM.Irecv(memory, 0, 5),
        lambda memory: COMM.Isendrecv(b"", 0, 6, memory, 0, 5),
    ):
        memory = np.zeros(3)
        begin(memory).Free()
        COMM.Send(np.arange(3.0), 0, 5)
        assert not COMM.Iprobe(0, 5)
        assert [0, 1, 2] == memory.tolist()
    COMM.Recv(bytearray(), 0, 6)


def test_a_message_that_came_before_its_request_was_freed() -> None:
    """It is in the memory at once; one that is too long fills it."""
    memory = np.zeros(2)
    COMM.Send(np.arange(3.0), 0, 5)
    COMM.Irecv(memory, 0, 5).Free()
    assert [0, 1] == memory.tolist()
