"""Windows on real nodes: what one node does in the memory of another."""

from __future__ import annotations

import numpy as np
import pytest

from distrcomp.mpi import MPI

pytestmark = pytest.mark.processes

WORLD = MPI.COMM_WORLD


def error_class(call: object, *arguments: object) -> int:
    """The class of the error that a call raises."""
    with pytest.raises(MPI.Exception) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.Get_error_class()


@pytest.mark.nodes(3)
def test_fence() -> None:
    """Between two fences each node puts into its neighbour, and sees it after the second."""
    rank, size = WORLD.Get_rank(), WORLD.Get_size()
    memory = np.full(4, -1.0)
    win = MPI.Win.Create(memory, memory.itemsize, comm=WORLD)
    win.Fence()
    win.Put(np.full(2, float(rank)), (rank + 1) % size, 1)
    win.Fence()
    source = (rank - 1) % size
    assert memory.tolist() == [-1.0, source, source, -1.0]
    got = np.zeros(4)
    win.Get(got, source)
    win.Fence()
    before = (source - 1) % size
    assert got.tolist() == [-1.0, before, before, -1.0]
    win.Free()
    assert win == MPI.WIN_NULL


@pytest.mark.nodes(3)
def test_accumulate_is_whole() -> None:
    """All nodes add to one element many times, with and without fetching; nothing gets lost."""
    rank, size = WORLD.Get_rank(), WORLD.Get_size()
    win = MPI.Win.Allocate(16 if rank == 0 else 0, 8, comm=WORLD)
    one, got = np.ones(1, np.int64), np.zeros(1, np.int64)
    fetched = []
    win.Lock_all()
    for _ in range(30):
        win.Fetch_and_op(one, got, 0, 0)
        win.Accumulate(one, 0, 1)
        win.Flush(0)
        fetched.append(int(got[0]))
    win.Unlock_all()
    assert fetched == sorted(fetched)
    everything = WORLD._core.allgather(fetched)
    if rank == 0:
        assert sorted(number for numbers in everything for number in numbers) == list(
            range(30 * size)
        )
        assert np.frombuffer(bytes(win.tomemory()), np.int64).tolist() == [30 * size] * 2
    win.Free()


@pytest.mark.nodes(3)
def test_exclusive_lock_excludes() -> None:
    """A read, a change and a write under an exclusive lock are never cut by another node's."""
    size = WORLD.Get_size()
    win = MPI.Win.Allocate(8, comm=WORLD)
    value = np.zeros(1, np.int64)
    for _ in range(20):
        win.Lock(0)
        win.Get(value, 0)
        win.Flush(0)
        value += 1
        win.Put(value, 0)
        win.Unlock(0)
    WORLD._core.barrier()
    if WORLD.Get_rank() == 0:
        assert np.frombuffer(bytes(win.tomemory()), np.int64).tolist() == [20 * size]
    win.Free()


@pytest.mark.nodes(3)
def test_post_start_complete_wait() -> None:
    """Node 0 opens its window to the others; it sees what they put when Wait returns."""
    rank, size = WORLD.Get_rank(), WORLD.Get_size()
    memory = np.zeros(size, np.int32)
    win = MPI.Win.Create(memory, 4, comm=WORLD)
    group = win.Get_group()
    for turn in range(1, 4):
        if rank == 0:
            win.Post(group.Excl([0]))
            win.Wait()
            assert memory.tolist() == [0, *(10 * turn + node for node in range(1, size))]
        else:
            win.Start(group.Incl([0]))
            win.Put(np.array([10 * turn + rank], np.int32), 0, rank)
            win.Complete()
    win.Free()


@pytest.mark.nodes(2)
def test_test_tells_when_all_are_done() -> None:
    """Test is false before Complete and true after it, once."""
    win = MPI.Win.Allocate(8, comm=WORLD)
    group = win.Get_group()
    if WORLD.Get_rank() == 0:
        win.Start(group.Incl([1]))
        WORLD._core.barrier()
        win.Complete()
        WORLD._core.barrier()
    else:
        win.Post(group.Incl([0]))
        assert not win.Test()
        WORLD._core.barrier()
        WORLD._core.barrier()
        assert win.Test()
        assert error_class(win.Test) == MPI.ERR_RMA_SYNC
    win.Free()


@pytest.mark.nodes(2)
def test_derived_types_at_both_ends() -> None:
    """A column goes into a row, and comes back from one."""
    matrix = np.arange(12, dtype=np.float64).reshape(3, 4)
    column = MPI.DOUBLE.Create_vector(3, 1, 4).Commit()
    win = MPI.Win.Allocate(12 * 8, 8, comm=WORLD)
    other = 1 - WORLD.Get_rank()
    win.Fence()
    win.Put([matrix, 1, column], other, (1, 3, MPI.DOUBLE))
    win.Accumulate([np.full(3, 100.0), 3, MPI.DOUBLE], other, (0, 1, column))
    win.Fence()
    got = np.frombuffer(bytes(win.tomemory()), np.float64)
    assert got.tolist() == [100.0, 0.0, 4.0, 8.0, 100.0, 0, 0, 0, 100.0, 0, 0, 0]
    back = np.zeros((3, 4))
    win.Get([back, 1, column], other, (1, 3, MPI.DOUBLE))
    win.Fence()
    assert back[:, 0].tolist() == [0.0, 4.0, 8.0]
    win.Free()
    column.Free()


def test_room_for_more() -> None:
    """The side that takes the data may have room for more; the rest stays as it was."""
    win = MPI.Win.Allocate(32, 8)
    every_second = MPI.DOUBLE.Create_vector(2, 1, 2).Commit()
    win.Fence()
    win.Put(np.ones(1), 0, (0, 1, every_second))
    win.Put(np.ones(1), 0, (3, 1))
    got = np.full(3, -1.0)
    win.Get(got, 0, (2, 2, MPI.DOUBLE))
    win.Fence()
    assert got.tolist() == [0.0, 1.0, -1.0]
    assert np.frombuffer(bytes(win.tomemory())).tolist() == [1.0, 0.0, 0.0, 1.0]
    every_second.Free()
    win.Free()


@pytest.mark.nodes(2)
def test_request_based_operations() -> None:
    """The request of an operation that fetches is done when the data is here."""
    win = MPI.Win.Allocate(32, 8, comm=WORLD)
    other = 1 - WORLD.Get_rank()
    data, got = np.arange(4.0), np.zeros(4)
    win.Lock(other)
    win.Rput(data, other).Wait()
    win.Raccumulate(data, other).Wait()
    request = win.Rget_accumulate(np.ones(4), got, other)
    request.Wait()
    assert got.tolist() == [0.0, 2.0, 4.0, 6.0]
    again = np.zeros(4)
    MPI.Request.Waitall([win.Rget(again, other)])
    assert again.tolist() == [1.0, 3.0, 5.0, 7.0]
    win.Unlock(other)
    win.Free()


@pytest.mark.nodes(2)
def test_compare_and_swap_elects_one() -> None:
    """Of all nodes that swap a 0 for their number one finds the 0."""
    win = MPI.Win.Allocate(4, 4, comm=WORLD)
    mine = np.array([WORLD.Get_rank() + 1], np.int32)
    found = np.full(1, -1, np.int32)
    win.Lock(0, MPI.LOCK_SHARED)
    win.Compare_and_swap(mine, np.zeros(1, np.int32), found, 0)
    win.Unlock(0)
    everything = sorted(WORLD._core.allgather(int(found[0])))
    assert everything[0] == 0
    assert everything[1] in (1, 2)
    win.Free()


@pytest.mark.nodes(2)
def test_pairs_take_the_least() -> None:
    """MINLOC on pairs keeps value and index together."""
    pair = np.dtype([("value", "f8"), ("index", "i4")], align=True)
    memory = np.array([(5.0, 9), (1.0, 9)], pair)
    win = MPI.Win.Create(memory, pair.itemsize, comm=WORLD)
    other = 1 - WORLD.Get_rank()
    win.Fence()
    given = np.array([(2.0, 3), (2.0, 3)], pair)
    win.Accumulate([given, 2, MPI.DOUBLE_INT], other, op=MPI.MINLOC)
    win.Fence()
    assert memory.tolist() == [(2.0, 3), (1.0, 9)]
    win.Free()


@pytest.mark.nodes(3)
def test_shared_memory() -> None:
    """Nodes of one machine write into each other's parts, which follow each other, directly."""
    rank, size = WORLD.Get_rank(), WORLD.Get_size()
    win = MPI.Win.Allocate_shared(rank + 1, comm=WORLD)
    whole, unit = win.Shared_query(MPI.PROC_NULL)
    assert unit == 1
    win.Fence()
    target = (rank + 1) % size
    part, _ = win.Shared_query(target)
    assert len(part) == target + 1
    part[:] = bytes([rank]) * len(part)
    win.Fence()
    assert bytes(win.tomemory()) == bytes([(rank - 1) % size]) * (rank + 1)
    everything = MPI.memory.fromaddress(whole.address, 6)
    assert bytes(everything) == bytes([2, 0, 0, 1, 1, 1])
    win.Free()


@pytest.mark.nodes(2)
def test_dynamic_windows() -> None:
    """Attached memory is reached by its address; what is not attached is refused, and told."""
    win = MPI.Win.Create_dynamic(comm=WORLD)
    memory = bytearray(8)
    win.Attach(memory)
    addresses = WORLD._core.allgather(MPI.Get_address(memory))
    other = 1 - WORLD.Get_rank()
    win.Fence()
    win.Put(b"abc", other, addresses[other] + 1)
    win.Fence()
    assert memory == b"\0abc\0\0\0\0"
    win.Lock(other)
    win.Put(b"abc", other, addresses[other] + 6)
    assert error_class(win.Flush, other) == MPI.ERR_RMA_RANGE
    win.Unlock(other)
    WORLD._core.barrier()
    assert memory == b"\0abc\0\0\0\0"
    assert error_class(win.Attach, memory) == MPI.ERR_RMA_ATTACH
    win.Detach(memory)
    assert error_class(win.Detach, memory) == MPI.ERR_RMA_ATTACH
    win.Free()


@pytest.mark.nodes(2)
def test_progress_in_other_calls() -> None:
    """A node that waits in a receive serves its window meanwhile."""
    win = MPI.Win.Allocate(8, 8, comm=WORLD)
    if WORLD.Get_rank() == 0:
        assert WORLD._core.recv(1) == "done"
        assert np.frombuffer(bytes(win.tomemory()), np.int64).tolist() == [7]
    else:
        win.Lock(0)
        win.Put(np.full(1, 7), 0)
        win.Unlock(0)
        WORLD._core.send(0, "done")
    win.Free()


@pytest.mark.nodes(2)
def test_large_data() -> None:
    """Some megabytes go and come in one operation."""
    n = 1 << 20
    win = MPI.Win.Allocate(8 * n, 8, comm=WORLD)
    other = 1 - WORLD.Get_rank()
    win.Fence()
    win.Put(np.arange(n), other)
    win.Fence()
    got = np.zeros(n, np.int64)
    win.Get(got, other)
    win.Fence()
    assert (got == np.arange(n)).all()
    win.Free()


def test_wrong_calls() -> None:
    """Each kind of mistake has its error class, and nothing is done."""
    win = MPI.Win.Allocate(8, 2)
    one = np.ones(1)
    assert error_class(win.Put, one, 0) == MPI.ERR_RMA_SYNC
    assert error_class(win.Unlock, 0) == MPI.ERR_RMA_SYNC
    assert error_class(win.Wait) == MPI.ERR_RMA_SYNC
    win.Lock(0)
    assert error_class(win.Lock, 0) == MPI.ERR_RMA_SYNC
    assert error_class(win.Free) == MPI.ERR_RMA_SYNC
    assert error_class(win.Put, one, 1) == MPI.ERR_RANK
    assert error_class(win.Put, one, 0, -1) == MPI.ERR_DISP
    assert error_class(win.Put, one, 0, 1) == MPI.ERR_RMA_RANGE
    assert error_class(win.Put, one, 0, (0, 4, MPI.BYTE)) == MPI.ERR_TRUNCATE
    assert error_class(win.Accumulate, one, 0, (0, 2, MPI.INT)) == MPI.ERR_TYPE
    assert error_class(win.Accumulate, one, 0, 0, MPI.BAND) == MPI.ERR_OP
    assert error_class(win.Fence, 1) == MPI.ERR_ASSERT
    assert error_class(win.Attach, one) == MPI.ERR_RMA_FLAVOR
    win.Unlock(0)
    assert error_class(win.Lock, 0, 7) == MPI.ERR_LOCKTYPE
    assert error_class(win.Lock, 3) == MPI.ERR_RANK
    assert not any(bytes(win.tomemory()))
    win.Free()
    assert error_class(win.Fence) == MPI.ERR_WIN
    assert error_class(MPI.Win.Allocate, -1) == MPI.ERR_SIZE
    assert error_class(MPI.Win.Allocate, 8, 0) == MPI.ERR_DISP


def test_own_operations_are_refused() -> None:
    """An operation of the program's own can't be done by another node."""
    win = MPI.Win.Allocate(8)
    op = MPI.Op.Create(print)
    win.Fence()
    assert error_class(win.Accumulate, np.ones(1), 0, 0, op) == MPI.ERR_OP
    op.Free()
    win.Free()


def test_attributes_and_handlers() -> None:
    """A window deletes its attributes when it is freed, and asks its handler about errors."""
    deleted = []
    key = MPI.Win.Create_keyval(delete_fn=lambda *given: deleted.append(given[2]))
    told = []
    handler = MPI.Win.Create_errhandler(lambda *given: told.append(given[1]))
    win = MPI.Win.Allocate(8)
    win.Set_attr(key, "mine")
    win.Set_errhandler(handler)
    assert error_class(win.Flush_all) == MPI.ERR_RMA_SYNC
    assert told == [MPI.ERR_RMA_SYNC]
    win.Free()
    assert deleted == ["mine"]
    handler.Free()
    MPI.Win.Free_keyval(key)


@pytest.mark.nodes(2)
def test_windows_left_open() -> None:
    """A node that has come to its end serves its window until the others have, too."""
    win = MPI.Win.Allocate(8, comm=WORLD)
    WORLD.Barrier()
    if WORLD.Get_rank() == 1:
        got = np.ones(1)
        for _ in range(20):
            win.Lock(0)
            win.Get(got, 0)
            win.Unlock(0)
        assert got.tolist() == [0.0]


@pytest.mark.nodes(2)
def test_one_wants_too_much() -> None:
    """All nodes hear that it can't have its window, and what is made next works."""
    size = 2**60 if WORLD.Get_rank() == 0 else 8
    assert error_class(lambda: MPI.Win.Allocate(size, comm=WORLD)) == MPI.ERR_NO_MEM
    MPI.Win.Allocate(8, comm=WORLD).Free()
