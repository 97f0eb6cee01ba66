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
import warnings
from typing import Any

import distrcomp

from .abort import abort_at_exit
from .configuration import rc, setting
from .constants import (
    SUBVERSION,
    THREAD_FUNNELED,
    THREAD_MULTIPLE,
    THREAD_SERIALIZED,
    THREAD_SINGLE,
    VERSION,
)
from .errhandler import begin_with
from .errors import ERR_OTHER, MPIException
from .handles import constants
from .info import INFO_NULL, Info
from .unsupported import unsupported

_LEVELS = {
    "multiple": THREAD_MULTIPLE,
    "serialized": THREAD_SERIALIZED,
    "funneled": THREAD_FUNNELED,
    "single": THREAD_SINGLE,
}
_OPTIONS = (
    "initialize",
    "threads",
    "thread_level",
    "finalize",
    "fast_reduce",
    "recv_mprobe",
    "irecv_bufsz",
    "errors",
)


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
    _let_self_go()
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


def start() -> None:
    """What importing the MPI module does: initialises and arranges for the end, as `rc` says."""
    for name in _OPTIONS:
        setattr(rc, name, setting(name))
    initialize = _chosen("initialize", (True, False))
    level = _LEVELS[str(_chosen("thread_level", tuple(_LEVELS)))]
    threads = _chosen("threads", (True, False))
    if not begin_with(str(rc.errors)):
        _warn("errors")
    if initialize and not _State.is_initialized:
        Init_thread(level if threads else THREAD_SINGLE)
    finalize = _chosen("finalize", (None, True, False))
    if finalize or (finalize is None and initialize):
        atexit.register(_finish)


def _chosen(name: str, choices: tuple[object, ...]) -> object:
    """The value of an option; the first of the choices, with a warning, if it is none of them."""
    value = getattr(rc, name)
    if value in choices:
        found: object = value
        return found
    _warn(name)
    return choices[0]


def _warn(name: str) -> None:
    value = getattr(rc, name)
    warnings.warn(f"mpi4py.rc.{name}: unexpected value {value!r}", RuntimeWarning, stacklevel=4)


def _finish() -> None:
    """At exit: the run is left by distrcomp itself, which has registered for it too."""
    if _State.is_initialized and not _State.is_finalized:
        abort_at_exit()
        _let_self_go()
        _State.is_finalized = True


def _let_self_go() -> None:
    """Deletes the attributes of COMM_SELF: how libraries hear of the end (MPI-4.1, 11.4.1)."""
    comm_self = constants().get("COMM_SELF")
    if comm_self is not None:
        comm_self._delete_attributes()


def _need_initialized() -> None:
    if not _State.is_initialized:
        raise MPIException(ERR_OTHER, "MPI is not initialised")
