"""numpy, loaded once by a fork server, and found by `import numpy` in the nodes it forks.

Until a program imports it, numpy is not there: neither its modules nor a thread. What is remembered
is put in its place by a finder, which looks first whether the program's path leads to the same
files.
Only numpy as its wheels have it is loaded, with OpenBLAS beside it, because of two things that are
settled when numpy is loaded and have to be settled anew in each node: how many threads its algebra
has, which OpenBLAS can be told later, and the state of its old random generator. The server itself
lets it have one thread, which is none beside its own.
Where numpy can't be loaded, has started a thread all the same or has no call to set them, the
server ends by that exception, for what is half loaded can't be hidden from a program: nodes are
then started cold, and a later run tries it with a server of its own.
"""

from __future__ import annotations

import glob
import importlib
import importlib.machinery
import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

_THREADS = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")
_SET_THREADS = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_")


def preload() -> dict[str, ModuleType]:
    """Loads and hides it; none where there is none, or none with which that can be done.

    Raises:
        RuntimeError: it has started a thread all the same, or its threads can't be set: no process
            may be forked any more.
    """
    spec = importlib.util.find_spec("numpy")
    library = "" if spec is None or spec.origin is None else _openblas_of(spec.origin)
    if not library:
        return {}
    before = os.environ.get(_THREADS[0])
    os.environ[_THREADS[0]] = "1"
    try:
        with warnings.catch_warnings():
            known = list(warnings.filters)
            importlib.import_module("numpy")
            filters = [each for each in warnings.filters if each not in known]
    finally:
        del os.environ[_THREADS[0]]
        if before is not None:
            os.environ[_THREADS[0]] = before
    if len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("numpy has started a thread")
    import ctypes

    found = ctypes.CDLL(library)
    setters = [getattr(found, name) for name in _SET_THREADS if hasattr(found, name)]
    if not setters:
        raise RuntimeError("numpy's threads cannot be set")
    names = [name for name in sys.modules if name.partition(".")[0] == "numpy"]
    modules = {name: sys.modules.pop(name) for name in names}
    sys.meta_path.insert(0, _Finder(modules, setters[0], filters))
    return modules


def _openblas_of(origin: str) -> str:
    """The one that lies beside numpy, as in its wheels; "" where there is none."""
    folder = os.path.dirname(os.path.dirname(origin))
    return next(iter(glob.glob(os.path.join(glob.escape(folder), "numpy.libs", "*openblas*"))), "")


class _Finder:
    """Finds numpy once; an importer in the sense of importlib."""

    def __init__(
        self,
        modules: dict[str, ModuleType],
        set_threads: Callable[[int], object],
        filters: list[Any],
    ) -> None:
        self._modules = modules
        self._filters = filters
        self._set_threads = set_threads
        self._spec = modules["numpy"].__spec__

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "numpy" or self._spec is None:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path, target)
        if found is None or found.origin != self._spec.origin:
            return None  # the program has another one
        loader: Any = self
        return importlib.machinery.ModuleSpec(name, loader, origin=found.origin, is_package=True)

    def create_module(self, _spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return self._modules["numpy"]

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
        sys.meta_path.remove(self)
        sys.modules.update(self._modules)
        filters: Any = warnings.filters
        filters[:0] = self._filters  # numpy's own, which it has set when it was loaded
        with warnings.catch_warnings():
            pass  # its end makes what Python remembers of the filters void
        n_thread = threads_wanted(os.environ, len(os.sched_getaffinity(0)))
        if n_thread > 1:
            self._set_threads(n_thread)
        random = self._modules.get("numpy.random")
        if random is not None:
            random.seed()


def threads_wanted(environment: Any, n_core: int) -> int:
    """How many threads OpenBLAS takes when it is loaded.

    Example:
        >>> threads_wanted({"OMP_NUM_THREADS": "3"}, 4), threads_wanted({}, 4)
        (3, 4)
    """
    for name in _THREADS:
        text = environment.get(name, "").strip()
        if text.isascii() and text.isdigit() and int(text) > 0:
            return min(int(text), n_core)
    return n_core
