"""The executors: `MPIPoolExecutor` and its kin, and `MPICommExecutor`.

Where the workers of an `MPIPoolExecutor` come from: under `python -m mpi4py.futures` they are the
nodes of the run but the first, shared by all executors; otherwise processes that are started for it
on this machine. `MPICommExecutor` makes workers of the nodes that enter it with the master.
"""

from __future__ import annotations

import operator
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, as_completed
from concurrent.futures import Future as _Future
from functools import partial
from itertools import islice
from typing import Any, ClassVar, Self

from . import MPI, futures_core
from .futures_core import Pool, SpawnPool, ThreadPool, WorkerPool, comm_split
from .futures_worker import get_comm_workers, serve

__all__ = [
    "MPICommExecutor",
    "MPIPoolExecutor",
    "ProcessPoolExecutor",
    "ThreadPoolExecutor",
    "get_comm_workers",
]


class MPIPoolExecutor(Executor):
    """Has calls done by a pool of workers, asynchronously.

    Args:
        max_workers: how many workers; by default what MPI4PY_FUTURES_MAX_WORKERS says, else one.
        initializer: called by each worker before its first task, with `initargs`.
        kwargs: `python_exe` and `python_args` of the workers' interpreters; `globals` for their
            main module; `main=False` to run no main script there; `path` to append to `sys.path`;
            `wdir` to work in; `env` to update the environment; `use_pkl5` to keep buffers out of
            pickles; `backoff` in seconds between looks for results. `mpi_info` is accepted.

    Example:
        >>> with MPIPoolExecutor(2) as executor:  # doctest: +SKIP
        ...     list(executor.map(pow, [2, 3], [10, 10]))
        [1024, 59049]
    """

    Future: ClassVar[type[_Future[Any]]] = _Future

    def __init__(
        self,
        max_workers: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        **kwargs: Any,
    ) -> None:
        if max_workers is not None and operator.index(max_workers) <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        if kwargs.get("service") is not None:
            raise NotImplementedError("MPIPoolExecutor(service=...): there are no pool servers")
        self._options = futures_core.with_environment(kwargs)
        self._options.update(
            max_workers=max_workers, initializer=initializer, initargs=tuple(initargs)
        )
        self._shutdown = False
        self._broken: str | None = None
        self._lock = threading.Lock()
        self._pool: Pool | None = None

    def _make_pool(self) -> Pool:
        make = futures_core.SharedPool or SpawnPool
        return make(self)

    @property
    def num_workers(self) -> int:
        """How many workers there are; starts them."""
        with self._lock:
            if self._shutdown or self._broken is not None:
                return 0
            pool = self._start()
        pool.wait()
        return pool.size

    @property
    def _max_workers(self) -> int:
        return self.num_workers

    def bootup(self, wait: bool = True) -> Self:
        """Starts the workers now, and waits until they are ready unless told not to."""
        with self._lock:
            if self._shutdown:
                raise RuntimeError("cannot boot up after shutdown")
            pool = self._start()
        if wait:
            pool.wait()
        return self

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> _Future[Any]:
        """Has `fn(*args, **kwargs)` called by a worker."""
        with self._lock:
            if self._broken is not None:
                raise BrokenExecutor(self._broken)
            if self._shutdown:
                raise RuntimeError("cannot submit after shutdown")
            future = self.Future()
            self._start().push((future, (fn, args, kwargs)))
        return future

    def map(
        self,
        fn: Callable[..., Any],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
        unordered: bool = False,
    ) -> Iterator[Any]:
        """The results of `map(fn, *iterables)`, computed by the workers.

        Args:
            timeout: seconds from this call on, after which waiting for a result raises.
            chunksize: so many calls make one task.
            buffersize: so many tasks at most whose results have not been taken; without it all
                are submitted at once.
            unordered: give results as they come.
        """
        arguments = zip(*iterables, strict=False)
        return self.starmap(fn, arguments, timeout, chunksize, buffersize, unordered)

    def starmap(
        self,
        fn: Callable[..., Any],
        iterable: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
        unordered: bool = False,
    ) -> Iterator[Any]:
        """The same as `map` for arguments that are tuples already."""
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1")
        if buffersize is not None:
            if not isinstance(buffersize, int):
                raise TypeError("buffersize must be an integer or None")
            if buffersize < 1:
                raise ValueError("buffersize must be >= 1 or None")
            if unordered:
                raise ValueError("buffersize goes with ordered results only")
        deadline = None if timeout is None else time.monotonic() + timeout
        chunks = _chunks(iter(iterable), chunksize)
        tasks = (partial(self.submit, _do_chunk, fn, chunk) for chunk in chunks)
        begun = deque(submit() for submit in islice(tasks, buffersize))
        if unordered:
            return _unordered_results(begun, deadline)
        return _ordered_results(begun, tasks, deadline)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """No more tasks; the workers are let go when all is done.

        Args:
            wait: return only then.
            cancel_futures: cancel what has not begun.
        """
        with self._lock:
            pool = self._pool
            if not self._shutdown:
                self._shutdown = True
                if pool is not None:
                    pool.done()
            if cancel_futures and pool is not None:
                pool.cancel()
        if wait and pool is not None:
            pool.join()
            self._pool = None

    def _start(self) -> Pool:
        """The pool, made if it is not there yet; the lock is held."""
        if self._pool is None:
            self._pool = self._make_pool()
        return self._pool


class ThreadPoolExecutor(MPIPoolExecutor):
    """The same with threads of this process as workers."""

    def _make_pool(self) -> Pool:
        return ThreadPool(self)


class ProcessPoolExecutor(MPIPoolExecutor):
    """The same with processes started for it, under `python -m mpi4py.futures`, too."""

    def _make_pool(self) -> Pool:
        return SpawnPool(self)


class _WorkersExecutor(MPIPoolExecutor):
    """The executor that `MPICommExecutor` gives its master."""

    _comm: MPI.Intercomm | None = None

    def _make_pool(self) -> Pool:
        return ThreadPool(self) if self._comm is None else WorkerPool(self, self._comm)


class MPICommExecutor:
    """Makes one node the master and the others its workers, inside a `with` block.

    All nodes of the communicator enter. At the root `with` gives an executor; the others serve it
    and get None when it is done. Alone, the root has its tasks done by a thread.

    Args:
        comm: an intracommunicator; the world by default.
        root: the master's rank.
        kwargs: options of `MPIPoolExecutor`; the root's count.
    """

    def __init__(self, comm: MPI.Intracomm | None = None, root: int = 0, **kwargs: Any) -> None:
        comm = MPI.COMM_WORLD if comm is None else comm
        if comm.Is_inter():
            raise ValueError("MPICommExecutor: expecting an intracommunicator")
        if root < 0 or root >= comm.Get_size():
            raise ValueError("MPICommExecutor: expecting root in range(comm.size)")
        self._comm = comm
        self._root = root
        self._options = kwargs
        self._executor: MPIPoolExecutor | None = None
        self._intercomm: MPI.Intercomm | None = None

    def __enter__(self) -> MPIPoolExecutor | None:
        if self._executor is not None:
            raise RuntimeError("MPICommExecutor: it has been entered already")
        options = {name: value for name, value in self._options.items() if name != "max_workers"}
        is_alone = self._comm.Get_size() == 1
        if futures_core.SharedPool is not None and self._root == 0 and not is_alone:
            self._executor = MPIPoolExecutor(**options)
            return self._executor
        if is_alone:
            self._executor = _WorkersExecutor(**options)
            return self._executor
        intercomm, workers = comm_split(self._comm, self._root)
        if self._comm.Get_rank() != self._root:
            serve(intercomm, workers)
            workers.Free()
            intercomm.Free()
            return None
        executor = _WorkersExecutor(**options)
        executor._comm = self._intercomm = intercomm
        executor.bootup(wait=False)
        self._executor = executor
        return executor

    def __exit__(self, *args: object) -> None:
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=True)
        if self._intercomm is not None:
            self._intercomm.Free()
            self._intercomm = None


def _do_chunk(fn: Callable[..., Any], chunk: list[tuple[Any, ...]]) -> list[Any]:
    """The task of a chunk, at a worker."""
    return [fn(*arguments) for arguments in chunk]


def _chunks(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while chunk := list(islice(items, size)):
        yield chunk


def _remaining(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _ordered_results(
    begun: deque[_Future[Any]], tasks: Iterator[Callable[[], _Future[Any]]], deadline: float | None
) -> Iterator[Any]:
    try:
        while begun:
            future = begun.popleft()
            try:
                results = future.result(_remaining(deadline))
            except BaseException:
                future.cancel()
                raise
            begun.extend(submit() for submit in islice(tasks, 1))
            yield from results
    finally:
        for future in begun:
            future.cancel()


def _unordered_results(begun: deque[_Future[Any]], deadline: float | None) -> Iterator[Any]:
    try:
        for future in as_completed(begun, _remaining(deadline)):
            yield from future.result()
    finally:
        for future in begun:
            future.cancel()
