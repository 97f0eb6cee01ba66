"""One set of workers for all executors of a program: `python -m mpi4py.futures prog.py`.

The world is split into node 0, which runs the program, and the others, which serve it. Each
executor has a pool of its own whose manager takes workers when they are idle. Workers run the main
script once, before the first task. An initializer is called by all workers before the first task of
its executor; for that its manager collects all workers, one manager at a time.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from concurrent.futures import BrokenExecutor, Executor
from typing import Any

from . import MPI
from .futures_channels import SETUP, STOP, CommChannel
from .futures_managers import WorkerSet, dispatch, initialize, require_all, thread_manager
from .futures_queue import Backoff, Pool, ThreadQueues, join_threads
from .futures_worker import serve, setup_of_master

_TAGS = 1 << 15  # MPI promises tags up to 32767


def comm_split(comm: MPI.Intracomm, root: int) -> tuple[MPI.Intercomm, MPI.Intracomm]:
    """Parts `root` from the others, who become the workers.

    Returns:
        The intercommunicator between both, and the communicator of the workers, which is null at
        the root.
    """
    rank, size = comm.Get_rank(), comm.Get_size()
    is_root = rank == root
    inner = comm.Split(0 if is_root else 1, rank)
    remote_leader = (1 if root == 0 else 0) if is_root else root
    if size < 2:
        raise ValueError("comm_split: there are no nodes to be workers")
    intercomm = inner.Create_intercomm(0, comm, remote_leader, 0)
    if is_root:
        inner.Free()
    return intercomm, inner


class SharedPoolCtx:
    """The shared workers, while the program runs; entered by all nodes.

    Used as `with`: node 0 gets it, and the others serve inside `__enter__` and get None.
    """

    def __init__(self) -> None:
        self.on_root: bool | None = None
        self.counter = itertools.count()
        self.workers = WorkerSet()
        self.threads: ThreadQueues = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()
        self._is_set_up = False

    def __call__(self, executor: Executor) -> Pool:
        """A pool for an executor."""
        if MPI.COMM_WORLD.Get_size() == 1:
            pool = Pool(executor, thread_manager, 1)
        else:
            pool = Pool(executor, self._manage)
        self.threads[pool.thread] = pool.queue
        return pool

    def __enter__(self) -> SharedPoolCtx | None:
        comm = MPI.COMM_WORLD
        self.on_root = comm.Get_rank() == 0
        if comm.Get_size() > 1:
            self.comm, workers = comm_split(comm, 0)
            for worker in range(comm.Get_size() - 1):
                self.workers.add(worker)
            if not self.on_root:
                serve(self.comm, workers)
                workers.Free()
                self.comm.Free()
        return self if self.on_root else None

    def __exit__(self, kind: Any, *rest: Any) -> None:
        if self.on_root and kind is None:
            join_threads(self.threads)
            if MPI.COMM_WORLD.Get_size() > 1:
                channel = CommChannel(self.comm)
                for worker in range(channel.size):
                    channel.send(worker, STOP, None)
                self.comm.Free()

    def _manage(self, pool: Pool) -> None:
        channel = CommChannel(self.comm, 1 + next(self.counter) % (_TAGS - 1))
        has_initializer = pool.options.get("initializer") is not None
        with self._lock:
            if not self._is_set_up or has_initializer:
                self._make_ready(pool, channel)
        pool.setup(channel.size)
        dispatch(pool, channel, self.workers)

    def _make_ready(self, pool: Pool, channel: CommChannel) -> None:
        """Collects all workers, has them set up or initialized, and lets them go."""
        held: list[int] = []
        backoff = Backoff()
        while len(held) < channel.size:
            try:
                held.append(self.workers.pop())
            except LookupError:
                backoff.sleep()
        try:
            if not self._is_set_up:
                options = setup_of_master(pool.options, with_main=True)
                for worker in held:
                    channel.send(worker, SETUP, options)
                require_all(channel, "the workers could not be made ready")
                self._is_set_up = True
            initialize(pool, channel)
        except BrokenExecutor:
            pool.break_off("initializer failed")
            raise
        finally:
            for worker in held:
                self.workers.add(worker)
