"""What a worker does: makes itself ready as its master says, then one task after the other.

Workers run the master's main script too, under the name `__worker__`, so that what is defined there
can be found when it is unpickled. `get_comm_workers` gives a task the communicator of all workers
of its pool; the thread that works holds it.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from . import MPI
from .futures_channels import INIT, SETUP, STOP
from .futures_tasks import Packed, perform, unpack

MAIN_RUN_NAME = "__worker__"


class _Place(threading.local):
    """What the thread is a worker of."""

    comm: MPI.Intracomm | None = None


_place = _Place()
_is_importing_main = False


def get_comm_workers() -> MPI.Intracomm:
    """The communicator of all workers of the pool, for a task that all of them do together.

    Raises:
        RuntimeError: outside a worker.
    """
    if _place.comm is None:
        raise RuntimeError("get_comm_workers: this is not a worker of a pool")
    return _place.comm


def set_comm_workers(comm: MPI.Intracomm | None) -> None:
    """From now on this thread is a worker with this communicator; None: it is none any more."""
    _place.comm = comm


def refuse_recursion() -> None:
    """Raises RuntimeError in a worker that is still running the main script."""
    if _is_importing_main:
        raise RuntimeError(
            "the main script makes a pool of workers while a worker runs it, which would do so "
            "without end: put what only the master shall do under `if __name__ == '__main__':`"
        )


def main_of_master() -> tuple[str, str] | None:
    """How workers find the main script: ("module", name) or ("path", path)."""
    main = sys.modules["__main__"]
    sys.modules.setdefault(MAIN_RUN_NAME, main)
    spec = getattr(main, "__spec__", None)
    path = getattr(main, "__file__", None)
    if spec is not None and spec.name != "__main__":
        return "module", spec.name
    if path is None:
        return None
    path = os.path.abspath(path)
    return "path", path if spec is None else os.path.dirname(path)  # a folder or an archive


def setup_of_master(options: Mapping[str, Any], *, with_main: bool) -> dict[str, Any]:
    """What is told to the workers before their first task, of the options of an executor."""
    return {
        "main": main_of_master() if with_main and options.get("main", True) else None,
        "globals": _pairs(options.get("globals")),
        "path": [os.fspath(path) for path in options.get("path") or ()],
        "folders": [os.fspath(options[key]) for key in ("folder", "wdir") if options.get(key)],
        "env": _pairs(options.get("env")),
        "sys.path": list(sys.path),
    }


def handle(kind: str, content: Any) -> object:
    """Does what a message to a worker asks for; the answer."""
    if kind == SETUP:
        return _attempt(lambda: _set_up(content))
    if kind == INIT:
        return _attempt(lambda: _initialize(content))
    return perform(content)


def serve(comm: MPI.Intercomm, workers: MPI.Intracomm) -> None:
    """Serves the master at the other side of `comm` until it says STOP."""
    status = MPI.Status()
    before = _place.comm
    set_comm_workers(workers)
    try:
        while True:
            kind, content = comm.recv(source=0, tag=MPI.ANY_TAG, status=status)
            if kind == STOP:
                return
            comm.send(handle(kind, content), dest=0, tag=status.Get_tag())
    finally:
        set_comm_workers(before)


def _attempt(act: Any) -> str | None:
    """None if it went well, else what went wrong."""
    try:
        act()
    except BaseException as error:  # noqa: BLE001  the master is told
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return None


def _initialize(packed: Packed) -> None:
    initializer, arguments = unpack(packed)
    initializer(*arguments)


def _set_up(options: Mapping[str, Any]) -> None:
    known = set(options["sys.path"])
    sys.path[:] = [*options["sys.path"], *(path for path in sys.path if path not in known)]
    sys.path.extend(options["path"])
    os.environ.update(options["env"])
    for folder in options["folders"]:
        os.chdir(folder)
    if options["main"] is not None:
        kind, where = options["main"]
        _import_main(kind, where, options["globals"])
    else:
        sys.modules.setdefault(MAIN_RUN_NAME, sys.modules["__main__"])
        vars(sys.modules["__main__"]).update(options["globals"])


def _import_main(kind: str, where: str, init_globals: dict[str, Any]) -> None:
    """Runs the main script as `__worker__`, which is then also this process's `__main__`."""
    global _is_importing_main
    module = ModuleType(MAIN_RUN_NAME)
    sys.modules["__main__"] = sys.modules[MAIN_RUN_NAME] = module
    _is_importing_main = True
    try:
        if kind == "module":
            found = runpy.run_module(where, init_globals, MAIN_RUN_NAME, alter_sys=True)
        else:
            found = runpy.run_path(where, init_globals, MAIN_RUN_NAME)
    finally:
        _is_importing_main = False
    vars(module).update(found)


def _pairs(given: Mapping[str, Any] | Iterable[tuple[str, Any]] | None) -> dict[str, Any]:
    return dict(given or {})
