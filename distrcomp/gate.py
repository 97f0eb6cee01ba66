"""Who may touch the state of the engine: one thread at a time, at the price of two stores.

A lock costs `with` more time than all the rest of a small message. So the short way in `fast_path`
takes none. It looks at `taken`, and if nobody is inside it sets it and goes in:

    if gate.taken:
        ...the long way
    gate.taken = True
    try:
        ...
    finally:
        gate.taken = False

This is a test-and-set because CPython switches threads and runs signal handlers at calls and at
jumps backwards only, and between the look and the store there is neither. (The build without the
GIL is another matter: there `is_atomic` is False and nobody goes the short way.)

Every other way in takes the lock, and then waits until nobody is inside: that is a matter of
microseconds, or of the time to copy one large message, because who is inside on the short way never
sleeps. `Gate` is a lock that does both.

A signal handler may run while its thread is inside. If it makes a call itself, that would wait for
its own thread for ever, so a call that has waited long looks whether it stands on another one.

Under a trace function written in Python (a debugger) other threads may run between the look and the
store after all. So a process that is traced when it joins goes the long way.
"""

from __future__ import annotations

import os
import sys
import threading
from time import monotonic, sleep
from types import FrameType

from . import plain as cython
from .errors import NestedCall

if cython.compiled:
    import cython  # type: ignore[no-redef]

_WAIT_S = 1.0
_LOOK_AGAIN_S = 0.0005
_HERE = os.path.join(os.path.dirname(__file__), "")
CALL_FILES = {
    f"{_HERE}{name}.py"
    for name in (
        "gate",
        "linkage",
        "progress",
        "mpi_progress",
        "shortcuts",
        "goodbyes",
        "mesh",
        "telling",
        "receiving",
        "standing",
        "engine",
        "status",
        "requests",
        "request_kinds",
        "link_path",
        "array_path",
        "fast_path",
        "serving_path",
        "framed",
        "long_path",
        "raw_calls",
        "collective_path",
        "collective_requests",
        "collective_calls",
        "collective_end",
        "close_collectives",
        "meeting",
        "groups",
        "services",
        "communicator",
        "call_wrappers",
        "recording",
    )
}
"""The modules by whose functions a call goes in."""


def is_atomic() -> bool:
    """Whether the test-and-set above is one in this process."""
    return sys.gettrace() is None and bool(getattr(sys, "_is_gil_enabled", lambda: True)())


class Gate:
    """A lock that the short way goes round.

    Attributes:
        taken: whether somebody is inside.
        interrupted: whether a signal waits to be handled; here because every call looks.
    """

    __slots__ = ("_lock", "interrupted", "taken")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.taken = False
        self.interrupted = False

    def acquire(self) -> bool:
        """Waits until nobody is inside, and goes in.

        Raises:
            NestedCall: it would wait for the thread that calls.
        """
        if not self._lock.acquire(blocking=False):
            while not self._lock.acquire(timeout=_WAIT_S):
                _check_not_nested(sys._getframe())
        if self.taken:
            self._wait_until_free()
        self.taken = True
        return True

    def acquire_within(self, limit_s: float) -> bool:
        """Goes in if that is possible within some time; for a thread that is in no call."""
        until = monotonic() + limit_s
        if not self._lock.acquire(timeout=limit_s):
            return False
        while self.taken:
            if monotonic() >= until:
                self._lock.release()
                return False
            sleep(_LOOK_AGAIN_S)
        self.taken = True
        return True

    def _wait_until_free(self) -> None:
        try:
            until = monotonic() + _WAIT_S
            while self.taken:
                sleep(0)  # lets the thread run that is inside
                if monotonic() >= until:
                    _check_not_nested(sys._getframe())
        except BaseException:
            self._lock.release()
            raise

    def release(self) -> None:
        """Goes out."""
        self.taken = False
        self._lock.release()

    def hears_interrupt(self) -> bool:
        """What `interrupted` is after the handlers of signals that came while compiled code ran."""
        if cython.compiled:
            PyErr_CheckSignals()  # type: ignore[name-defined]  # noqa: F821  from gate.pxd
        return self.interrupted

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()

    def _is_owned(self) -> bool:  # threading.Condition asks
        return self.taken


def _check_not_nested(frame: FrameType | None) -> None:
    """Raises if the call that waits stands on another one: ours, then others' frames, then ours."""
    this_call = {*CALL_FILES, threading.__file__}  # a condition comes in again, too
    while frame is not None and frame.f_code.co_filename in this_call:
        frame = frame.f_back
    while frame is not None and frame.f_code.co_filename not in CALL_FILES:
        frame = frame.f_back
    if frame is not None:
        raise NestedCall(
            "a signal handler or finalizer has called distrcomp in the middle of another call of "
            "its thread: have it set a flag, and make the call from the program"
        )
