"""What stands behind `mpi4py.futures`: the pools, and the names that `mpi4py.futures._core` has."""

from __future__ import annotations

import functools
import os
import threading
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from . import MPI
from .futures_managers import WorkerSet, comm_manager, thread_manager
from .futures_queue import BACKOFF_S, Backoff, Pool, TaskQueue, join_threads
from .futures_shared import SharedPoolCtx, comm_split
from .futures_spawn import spawn_manager
from .futures_tasks import RemoteTraceback
from .futures_worker import MAIN_RUN_NAME, get_comm_workers, refuse_recursion

__all__ = [
    "BACKOFF",
    "MAIN_RUN_NAME",
    "Backoff",
    "Pool",
    "RemoteTraceback",
    "SharedPool",
    "SharedPoolCtx",
    "SpawnPool",
    "TaskQueue",
    "ThreadPool",
    "WorkerPool",
    "WorkerSet",
    "comm_split",
    "get_comm_workers",
    "get_max_workers",
    "join_threads",
    "serialized",
    "set_shared_pool",
    "setup_mpi_threads",
    "with_environment",
]

BACKOFF = BACKOFF_S
_YES = ("1", "y", "yes", "t", "true", "on")
_NO = ("0", "n", "no", "f", "false", "off")

# Makes pools that share the workers of `python -m mpi4py.futures`, in a program that runs under it.
SharedPool: Callable[[Executor], Pool] | None = None


def set_shared_pool(make: Callable[[Executor], Pool] | None) -> None:
    """From now on executors get their pools here; None: each has workers of its own."""
    global SharedPool
    SharedPool = make


def serialized(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that holds `serialized.lock` while it runs, where there is a lock.

    distrcomp's calls are safe from several threads, so there is none unless a program puts one.
    """

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        lock: threading.Lock | None = serialized.lock  # type: ignore[attr-defined]
        if lock is None:
            return function(*args, **kwargs)
        with lock:
            return function(*args, **kwargs)

    return wrapped


serialized.lock = None  # type: ignore[attr-defined]


def setup_mpi_threads() -> None:
    """Looks whether threads may call MPI; says so where the program asked for less."""
    if MPI.Is_initialized() and MPI.Query_thread() < MPI.THREAD_SERIALIZED:
        text = "mpi4py.futures uses threads; the level of thread support is too low for that"
        warnings.warn(text, RuntimeWarning, stacklevel=2)


def ThreadPool(executor: Executor) -> Pool:  # noqa: N802  mpi4py's name
    """A pool of threads of this process."""
    options: dict[str, Any] = getattr(executor, "_options", {})
    return Pool(executor, thread_manager, options.get("max_workers") or 1)


def SpawnPool(executor: Executor) -> Pool:  # noqa: N802  mpi4py's name
    """A pool of processes, started for it on this machine."""
    refuse_recursion()
    setup_mpi_threads()
    options: dict[str, Any] = getattr(executor, "_options", {})
    return Pool(executor, spawn_manager, options.get("max_workers") or get_max_workers())


def WorkerPool(executor: Executor, comm: MPI.Intercomm) -> Pool:  # noqa: N802  mpi4py's name
    """A pool of the nodes at the other side of an intercommunicator."""
    setup_mpi_threads()
    return Pool(executor, comm_manager, comm)


def get_max_workers() -> int:
    """How many workers an executor has that doesn't say: what MPI4PY_FUTURES_MAX_WORKERS says, or
    what is left of the MPI universe, or one."""
    text = os.environ.get("MPI4PY_FUTURES_MAX_WORKERS")
    if text is not None:
        return int(text)
    universe = MPI.COMM_WORLD.Get_attr(MPI.UNIVERSE_SIZE)
    return max(1, (universe or 1) - MPI.COMM_WORLD.Get_size())


def with_environment(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of an executor, those that are not given as the environment says."""
    result = dict(options)
    if result.get("use_pkl5") is None:
        result["use_pkl5"] = _yes_or_no("MPI4PY_FUTURES_USE_PKL5")
    if result.get("backoff") is None:
        result["backoff"] = float(os.environ.get("MPI4PY_FUTURES_BACKOFF", BACKOFF))
    return result


def _yes_or_no(variable: str) -> bool:
    text = os.environ.get(variable, "0").strip().lower()
    if text not in _YES and text not in _NO:
        warnings.warn(f"{variable}={text!r} is neither yes nor no", RuntimeWarning, stacklevel=4)
    return text in _YES
