"""distrcomp.mpi.futures_queue: an executor's pool."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

import pytest

from distrcomp.mpi.futures_queue import Backoff, Item, Pool, TaskQueue


class Plain(Executor):
    """An executor that does nothing."""


def item() -> Item:
    return Future(), (abs, (-1,), {})


def counting(pool: Pool, done: list[int]) -> None:
    """A manager that does tasks in the pool's thread."""
    pool.setup(1)
    while (taken := pool.queue.take()) is not None:
        future, (function, arguments, keywords) = taken
        if future.set_running_or_notify_cancel():
            future.set_result(function(*arguments, **keywords))
            done.append(future.result())


def held(pool: Pool, go: threading.Event) -> None:
    """A manager that does nothing until it may."""
    pool.setup(1)
    go.wait()
    counting(pool, [])


def test_backoff_grows_to_its_bound() -> None:
    """The first pause is none, then they double up to the longest, until something is found."""
    backoff = Backoff(0.064)
    pauses = [backoff.next() for _ in range(9)]
    assert [0.0, 0.001, 0.002] == pauses[:3]
    assert 0.064 == max(pauses) == pauses[-1]
    backoff.reset()
    assert backoff.next() == 0.0
    assert [0.0, 0.0] == [Backoff(0).next(), Backoff(-1).next()]


def test_queue_is_first_in_first_out() -> None:
    """pop gives what came first, and an error when there is nothing."""
    queue = TaskQueue()
    items = [item(), item()]
    for each in items:
        queue.put(each)
    assert items == [queue.pop(), queue.take()]
    with pytest.raises(LookupError):
        queue.pop()


def test_drain_keeps_the_end() -> None:
    """Tasks are taken out, the sign that no more will come stays."""
    queue = TaskQueue()
    first = item()
    queue.put(first)
    queue.put(None)
    assert [first] == queue.drain()
    assert queue.pop() is None


def test_pool_does_what_came_before_the_end() -> None:
    """`done` ends the thread behind the tasks that wait."""
    executor, done = Plain(), list[int]()
    pool = Pool(executor, counting, done)
    items = [item() for _ in range(3)]
    for each in items:
        pool.push(each)
    pool.done()
    pool.done()
    pool.join()
    assert ([1, 1, 1], 1) == (done, pool.size)
    with pytest.raises(LookupError):
        pool.queue.pop()


def test_pool_of_a_lost_executor() -> None:
    """It ends when nobody has its executor any more."""
    executor = Plain()
    pool = Pool(executor, counting, [])
    del executor
    gc.collect()
    pool.join()
    assert pool.exref() is None


def test_cancel() -> None:
    """What has not begun is cancelled."""
    executor, go = Plain(), threading.Event()
    pool = Pool(executor, held, go)
    waiting = item()
    pool.push(waiting)
    pool.cancel()
    go.set()
    pool.done()
    pool.join()
    assert waiting[0].cancelled()


def test_broken_pool() -> None:
    """What waits fails, and so does what comes; whoever waits for the workers goes on."""

    def failing(pool: Pool, go: threading.Event) -> None:
        go.wait()
        raise ValueError("no workers")

    executor, go = Plain(), threading.Event()
    pool = Pool(executor, failing, go)
    waiting = item()
    pool.push(waiting)
    go.set()
    pool.wait()
    with pytest.raises(BrokenExecutor, match="no workers"):
        waiting[0].result(30)
    with pytest.raises(BrokenExecutor, match="no workers"):
        pool.push(item())
    pool.join()
    assert pool.size == 0


def test_end_of_the_program_waits() -> None:
    """join_threads lets all pools do what they have, and ends them."""
    import weakref

    from distrcomp.mpi.futures_queue import join_threads

    executor, done = Plain(), list[int]()
    pool = Pool(executor, counting, done)
    pool.push(item())
    queues: weakref.WeakKeyDictionary[threading.Thread, Any] = weakref.WeakKeyDictionary()
    queues[pool.thread] = pool.queue
    join_threads(queues)
    assert ([1], False) == (done, pool.thread.is_alive())
