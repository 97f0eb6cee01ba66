"""Memory attached for buffered sends."""

from __future__ import annotations

import pytest

from distrcomp.mpi import MPI
from distrcomp.mpi.buffering import Pool
from distrcomp.mpi.operations import Operation


class Sending(Operation):
    """A message under way until the test says otherwise."""

    is_over = False

    def is_done(self) -> bool:
        """Whether it has gone."""
        return self.is_over

    def wait(self) -> None:
        """Waiting makes it go."""
        self.is_over = True


def test_messages_take_room_until_they_have_gone() -> None:
    """With their overhead; one that doesn't fit is an error."""
    pool = Pool()
    pool.attach(bytearray(2 * MPI.BSEND_OVERHEAD + 100))
    sending = Sending()
    pool.take(60)
    pool.hold(60, sending)
    pool.take(40)
    with pytest.raises(MPI.Exception) as raised:
        pool.take(41)
    assert raised.value == MPI.ERR_BUFFER
    sending.is_over = True
    pool.take(100 + MPI.BSEND_OVERHEAD)


def test_nothing_attached_is_no_room() -> None:
    """A buffered send without a buffer is an error."""
    with pytest.raises(MPI.Exception) as raised:
        Pool().take(0)
    assert raised.value == MPI.ERR_BUFFER


def test_detaching_gives_back_the_memory() -> None:
    """The same memory, once; another can be attached only then."""
    pool, memory = Pool(), MPI.Alloc_mem(1000)
    pool.attach(memory)
    with pytest.raises(MPI.Exception):
        pool.attach(memory)
    assert pool.detach().address == memory.address
    assert pool.detach() is None
    assert not pool.is_attached


@pytest.mark.parametrize("memory", [None, MPI.BUFFER_AUTOMATIC])
def test_automatic_buffers_are_never_full(memory: object) -> None:
    """distrcomp buffers by itself."""
    pool = Pool()
    pool.attach(memory)
    pool.take(1 << 40)
    assert pool.detach() == MPI.BUFFER_AUTOMATIC


def test_read_only_memory_is_refused() -> None:
    """A buffer is written to, in other MPIs."""
    with pytest.raises(BufferError):
        MPI.Attach_buffer(b"abc")


def test_the_nodes_own_and_a_communicators_are_apart() -> None:
    """Each object has its memory, and flushing waits for its messages."""
    comm = MPI.COMM_SELF.Dup()
    mine, its = MPI.Alloc_mem(1000), MPI.Alloc_mem(2000)
    MPI.Attach_buffer(mine)
    comm.Attach_buffer(its)
    comm.bsend("x", dest=0)
    MPI.COMM_SELF.bsend("y", dest=0)
    assert (comm.recv(), MPI.COMM_SELF.recv()) == ("x", "y")
    comm.Flush_buffer()
    MPI.Flush_buffer()
    comm.Iflush_buffer().Wait()
    MPI.Iflush_buffer().Wait()
    assert comm.Detach_buffer().nbytes == 2000
    assert MPI.Detach_buffer().nbytes == 1000
    comm.Free()
