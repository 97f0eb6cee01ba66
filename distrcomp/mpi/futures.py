"""`mpi4py.futures`: calls done by other nodes, after `concurrent.futures`."""

from __future__ import annotations

import importlib
from types import ModuleType

from .futures_base import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    InvalidStateError,
    TimeoutError,  # noqa: A004  concurrent.futures' name
    as_completed,
    wait,
)
from .futures_pool import (
    MPICommExecutor,
    MPIPoolExecutor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    get_comm_workers,
)
from .futures_util import collect, compose

__all__ = [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "BrokenExecutor",
    "CancelledError",
    "Executor",
    "Future",
    "InvalidStateError",
    "MPICommExecutor",
    "MPIPoolExecutor",
    "ProcessPoolExecutor",
    "ThreadPoolExecutor",
    "TimeoutError",
    "as_completed",
    "collect",
    "compose",
    "get_comm_workers",
    "wait",
]

__path__: list[str] = []  # a package to those who import its modules
__spec__.submodule_search_locations = __path__

_MODULES = {"_base": "base", "_core": "core"} | dict.fromkeys(("aplus", "pool", "server", "util"))


def __getattr__(name: str) -> ModuleType:
    """The modules, loaded when they are first asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return importlib.import_module(f"{__name__}_{_MODULES[name] or name}")
    except AttributeError as error:  # it would look as if there were no such module
        raise ImportError(f"{name} cannot be loaded") from error
