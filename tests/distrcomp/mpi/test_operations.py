"""Operations: what waits for several at once, of any kind."""

from __future__ import annotations

import threading

import pytest

from distrcomp.mpi import MPI
from distrcomp.mpi.operations import (
    CoreOperation,
    Done,
    Operation,
    Parts,
    Renewed,
    Sent,
    are_all_done,
    is_one_done,
    wait_all,
    wait_one,
    wake,
)


class Flag(Operation):
    """Done when the test says so."""

    is_set = False

    def is_done(self) -> bool:
        """Whether the test has said so."""
        return self.is_set


def receiving(tag: int) -> CoreOperation:
    """A receive of the core."""
    return CoreOperation(MPI.COMM_SELF._core.irecv(tag=tag))


def test_one_and_all() -> None:
    """Looking moves messages, and tells whether one or all are done."""
    pair = [receiving(1), receiving(2)]
    assert not is_one_done(pair)
    MPI.COMM_SELF.send("x", 0, 1)
    assert is_one_done(pair)
    assert not are_all_done(pair)
    wait_one(pair)
    MPI.COMM_SELF.send("y", 0, 2)
    wait_all(pair)
    assert ["x", "y"] == [operation.result() for operation in pair]


def test_another_thread_ends_the_wait() -> None:
    """Who waits is woken by `wake`, and looks again."""
    flag = Flag()
    waiting = threading.Thread(target=flag.wait)
    waiting.start()
    flag.is_set = True
    wake()
    waiting.join(timeout=60.0)
    assert not waiting.is_alive()


def test_parts() -> None:
    """Done when all parts are; the status is that of the one that was named."""
    status = MPI.Status()
    flag, done = Flag(), Done(source=3)
    both = Parts((flag, done))
    assert not both.is_done()
    flag.is_set = True
    assert both.is_done()
    assert both.result() is None
    both.fill(status)
    assert 3 == status.source


def test_renewed() -> None:
    """Inactive at first and after each end; each start begins anew."""
    values = iter("ab")
    renewed = Renewed(lambda: Done(value=next(values)))
    assert not renewed.is_active
    for expected in "ab":
        renewed.start()
        assert renewed.is_active
        renewed.wait()
        assert expected == renewed.result()
        renewed.end()
        assert not renewed.is_active


def test_cancelled_operation() -> None:
    """A receive taken back is done and has no result; a matched one goes on."""
    operation = receiving(3)
    operation.cancel()
    assert operation.is_done()
    assert operation.result() is None
    operation = receiving(3)
    MPI.COMM_SELF.send("x", 0, 3)
    operation.cancel()
    assert not operation.is_cancelled
    assert "x" == operation.result() == operation.result()


def test_result_is_the_error() -> None:
    """What went wrong is raised as often as the result is asked for."""
    operation = CoreOperation(MPI.COMM_SELF._core.irecv_raw(0, 4, memoryview(bytearray(1))))
    MPI.COMM_SELF.Send(b"abc", 0, 4)
    operation.wait()
    for _ in range(2):
        with pytest.raises(ValueError, match="room for 1"):
            operation.result()


def test_sends_tell_no_status() -> None:
    """Their status stays as it was."""
    status = MPI.Status()
    status.source = 5
    Sent().fill(status)
    assert 5 == status.source
