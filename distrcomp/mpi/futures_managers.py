"""The managers of pools: what a pool's thread does with its tasks, for each kind of workers.

`dispatch` is the common part: give tasks to idle workers and results to their futures. A pool over
an intercommunicator may share its workers with others; then who is idle is known to all of them,
and answers are told apart by the pool's own tag.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import BrokenExecutor, Future
from typing import Any

from . import MPI
from .futures_channels import INIT, SETUP, STOP, TASK, Channel, CommChannel
from .futures_queue import BACKOFF_S, Backoff, Item, Pool, TaskQueue
from .futures_tasks import outcome, pack
from .futures_worker import set_comm_workers, setup_of_master


class WorkerSet:
    """The workers that have nothing to do."""

    def __init__(self) -> None:
        self._idle: deque[int] = deque()

    def add(self, worker: int) -> None:
        """It has nothing to do any more."""
        self._idle.append(worker)

    def pop(self) -> int:
        """The one that is idle for longest; raises IndexError, a LookupError, if none is."""
        return self._idle.popleft()


def thread_manager(pool: Pool, n_thread: int) -> None:
    """Has the tasks done by threads of this process."""
    failures: list[BaseException] = []
    helpers = [
        threading.Thread(target=_thread_work, args=(pool, failures), daemon=True)
        for _ in range(n_thread)
    ]
    pool.size = n_thread
    for helper in helpers[1:]:
        helper.start()
    _thread_work(pool, failures)
    for helper in helpers[1:]:
        helper.join()
    if failures:
        raise BrokenExecutor(f"initializer failed: {failures[0]!r}")


def _thread_work(pool: Pool, failures: list[BaseException]) -> None:
    set_comm_workers(MPI.COMM_SELF)
    initializer = pool.options.get("initializer")
    if initializer is not None:
        try:
            initializer(*pool.options.get("initargs", ()))
        except BaseException as error:  # noqa: BLE001  it breaks the pool
            failures.append(error)
            pool.queue.put(None)
            return
    pool.setup(pool.size)
    while not failures and (item := pool.queue.take()) is not None:
        future, (function, arguments, keywords) = item
        if future.set_running_or_notify_cancel():
            try:
                result = function(*arguments, **keywords)
            except BaseException as error:  # noqa: BLE001  it is the task's
                future.set_exception(error)
            else:
                future.set_result(result)
        del item, future
    pool.queue.put(None)  # for the other threads


def comm_manager(pool: Pool, comm: MPI.Intercomm) -> None:
    """Has the tasks done by the other side of an intercommunicator, which is ours alone."""
    channel = CommChannel(comm)
    try:
        master(pool, channel)
    finally:
        for worker in range(channel.size):
            channel.send(worker, STOP, None)


def master(pool: Pool, channel: Channel, *, with_main: bool = False) -> None:
    """Makes workers that are all ours ready and then has all tasks done."""
    workers = WorkerSet()
    options = setup_of_master(pool.options, with_main=with_main)
    for worker in range(channel.size):
        channel.send(worker, SETUP, options)
    require_all(channel, "the workers could not be made ready")
    initialize(pool, channel)
    for worker in range(channel.size):
        workers.add(worker)
    pool.setup(channel.size)
    dispatch(pool, channel, workers)


def initialize(pool: Pool, channel: Channel) -> None:
    """Has the initializer called by all workers, all of which are ours now."""
    initializer = pool.options.get("initializer")
    if initializer is not None:
        packed = pack((initializer, tuple(pool.options.get("initargs", ()))), apart=False)
        for worker in range(channel.size):
            channel.send(worker, INIT, packed)
        require_all(channel, "initializer failed")


def require_all(channel: Channel, what: str) -> None:
    """Waits for the answers of all workers; raises BrokenExecutor if one has failed."""
    backoff, nothing = Backoff(), TaskQueue()
    failures = []
    for _ in range(channel.size):
        while (answer := channel.poll()) is None:
            channel.pause(nothing, backoff)
        if answer[1] is not None:
            failures.append(f"{what}: {answer[1]} at worker {answer[0]}")
    if failures:
        raise BrokenExecutor(failures[0])


def dispatch(pool: Pool, channel: Channel, workers: WorkerSet) -> None:
    """Has tasks done until the sign of the end comes and all is done.

    Raises:
        RuntimeError: a worker has ended; what it was at has failed.
    """
    queue, backoff = pool.queue, Backoff(pool.options.get("backoff", BACKOFF_S))
    apart = bool(pool.options.get("use_pkl5"))
    pending: dict[int, Future[Any]] = {}
    has_ended = False
    try:
        while pending or not has_ended:
            has_moved = _take_answers(channel, pending, workers)
            while queue and not has_ended and (worker := _idle(workers)) is not None:
                item = queue.pop()
                has_ended = item is None
                if item is None or not _begin(channel, worker, item, pending, apart=apart):
                    workers.add(worker)
                has_moved = True
                del item
            if has_moved:
                backoff.reset()
            elif not pending and not queue:
                queue.wait(None)
            else:
                channel.pause(queue, backoff)
    except BaseException as error:
        message = f"the pool of workers has failed: {error or type(error).__name__}"
        pool.break_off(message)
        for future in pending.values():
            future.set_exception(BrokenExecutor(message))
        raise


def _take_answers(channel: Channel, pending: dict[int, Future[Any]], workers: WorkerSet) -> bool:
    """Gives results that have arrived to their futures; whether there were any."""
    has_moved = False
    while pending and (answer := channel.poll()) is not None:
        worker, content = answer
        future = pending.pop(worker)
        workers.add(worker)
        result, error = outcome(content)
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
        has_moved = True
        del future, result, error
    return has_moved


def _idle(workers: WorkerSet) -> int | None:
    try:
        return workers.pop()
    except LookupError:
        return None


def _begin(
    channel: Channel, worker: int, item: Item, pending: dict[int, Future[Any]], *, apart: bool
) -> bool:
    """Sends a task to a worker, unless it is cancelled or can't be sent; whether it did."""
    future, task = item
    if not future.set_running_or_notify_cancel():
        return False
    try:
        packed = pack(task, apart=apart)
    except BaseException as error:  # noqa: BLE001  it is the task's
        future.set_exception(error)
        return False
    pending[worker] = future
    channel.send(worker, TASK, packed)
    return True
