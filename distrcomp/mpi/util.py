"""`mpi4py.util`: helpers on top of MPI. Its modules are `util_...` here."""

from __future__ import annotations

import importlib
from types import ModuleType

__path__: list[str] = []  # a package to those who import its modules
__spec__.submodule_search_locations = __path__

_MODULES = ("dtlib", "pkl5", "pool", "sync")


def __getattr__(name: str) -> ModuleType:
    """The modules, loaded when they are first asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return importlib.import_module(f"{__name__}_{name}")
    except AttributeError as error:  # it would look as if there were no such module
        raise ImportError(f"{name} cannot be loaded") from error
