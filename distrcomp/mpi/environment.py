# ruff: noqa: N802
"""MPI's environment: initialisation, versions, the machine, the clock; and calls that can't be had.

Importing the face initialises it, unless `mpi4py.rc` says otherwise; the run itself is joined by
the first call that sends or receives, as in all of distrcomp, and left at exit.
"""

from __future__ import annotations

import atexit
import platform
import threading
import time
from typing import Any

import distrcomp

from .configuration import setting
from .constants import (
    SUBVERSION,
    THREAD_FUNNELED,
    THREAD_MULTIPLE,
    THREAD_SERIALIZED,
    THREAD_SINGLE,
    VERSION,
)
from .errhandler import ERRORS_ABORT, ERRORS_ARE_FATAL, ERRORS_RETURN, HasErrhandler
from .errors import ERR_OTHER, MPIException
from .info import INFO_NULL, Info
from .unsupported import unsupported

_LEVELS = {
    "single": THREAD_SINGLE,
    "funneled": THREAD_FUNNELED,
    "serialized": THREAD_SERIALIZED,
    "multiple": THREAD_MULTIPLE,
}
_HANDLERS = {
    "exception": ERRORS_RETURN,
    "default": ERRORS_ARE_FATAL,
    "fatal": ERRORS_ARE_FATAL,
    "abort": ERRORS_ABORT,
}


class _State:
    """Where in its life the face is."""

    is_initialized = False
    is_finalized = False
    thread_level = THREAD_SINGLE
    main_thread = 0


def Init() -> None:
    """Initialize the MPI execution environment."""
    Init_thread(THREAD_SINGLE)


def Init_thread(required: int = THREAD_MULTIPLE) -> int:
    """Initialize the MPI execution environment for this kind of threads; return what is had."""
    if _State.is_initialized:
        raise MPIException(ERR_OTHER, "MPI was initialised before")
    _State.is_initialized = True
    _State.thread_level = max(THREAD_SINGLE, min(required, THREAD_MULTIPLE))
    _State.main_thread = threading.get_ident()
    return _State.thread_level


def Finalize() -> None:
    """Terminate the MPI execution environment: nothing can be sent or received any more."""
    if not _State.is_initialized or _State.is_finalized:
        raise MPIException(ERR_OTHER, "MPI is not initialised, or finalised already")
    _State.is_finalized = True
    distrcomp.close_connection()


def Is_initialized() -> bool:
    """Tell whether Init has been called."""
    return _State.is_initialized


def Is_finalized() -> bool:
    """Tell whether Finalize has completed."""
    return _State.is_finalized


def Query_thread() -> int:
    """Return the level of thread support."""
    _need_initialized()
    return _State.thread_level


def Is_thread_main() -> bool:
    """Tell whether this thread called Init or Init_thread."""
    _need_initialized()
    return threading.get_ident() == _State.main_thread


def Get_version() -> tuple[int, int]:
    """Return the version of the MPI standard."""
    return (VERSION, SUBVERSION)


def Get_library_version() -> str:
    """Return the name and version of the library."""
    return f"distrcomp {distrcomp.__version__} (no MPI library)"


def get_vendor() -> tuple[str, tuple[int, int, int]]:
    """Return the name and version of the library, as mpi4py tells MPI implementations apart."""
    numbers = [int(part) for part in distrcomp.__version__.split(".")[:3]]
    return ("distrcomp", (numbers[0], numbers[1], numbers[2]))


def Get_abi_version() -> tuple[int, int]:
    """Return (-1, -1): there is no binary interface."""
    return (-1, -1)


def Get_abi_info() -> Info:
    """Return the sizes in bytes of the types for addresses, counts and offsets."""
    return Info.Create({f"mpi_{name}_size": "8" for name in ("aint", "count", "offset")})


def Get_abi_fortran_info() -> Info:
    """Return the null info: there is no Fortran interface."""
    return Info(INFO_NULL)


def Get_processor_name() -> str:
    """Return the name of this machine."""
    return platform.node()


def Get_hw_resource_info() -> Info:
    """Return what is known of where this process runs: of its hardware nothing beyond the host."""
    return Info.Create({"host://" + platform.node(): "true"})


def Wtime() -> float:
    """Return the seconds since a moment in the past."""
    return time.perf_counter()


def Wtick() -> float:
    """Return the resolution of Wtime in seconds."""
    return time.get_clock_info("perf_counter").resolution


def Pcontrol(level: int) -> None:
    """Control profiling; there is none here, so nothing happens."""


def Register_datarep(datarep: str, read_fn: Any, write_fn: Any, extent_fn: Any) -> None:  # noqa: ARG001
    """Not supported: files are written in the native representation only."""
    raise unsupported("Register_datarep")


def start(*communicators: HasErrhandler) -> None:
    """What importing the MPI module does: initialises and arranges for the end, as `rc` says.

    Args:
        communicators: what gets the error handler that `rc` says.
    """
    initialize = setting("initialize")
    if initialize and not _State.is_initialized:
        level = _LEVELS.get(str(setting("thread_level")), THREAD_MULTIPLE)
        Init_thread(level if setting("threads") else THREAD_SINGLE)
    handler = _HANDLERS.get(str(setting("errors")))
    if handler is None:
        raise ValueError(f"mpi4py.rc.errors is none of {', '.join(_HANDLERS)}")
    for communicator in communicators:
        communicator.Set_errhandler(handler)
    finalize = setting("finalize")
    if finalize or (finalize is None and initialize):
        atexit.register(_finish)


def _finish() -> None:
    """At exit: the run is left by distrcomp itself, which has registered for it too."""
    _State.is_finalized = True


def _need_initialized() -> None:
    if not _State.is_initialized:
        raise MPIException(ERR_OTHER, "MPI is not initialised")
