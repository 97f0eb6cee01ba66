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
GIL is another matter: there `IS_ATOMIC` is False and nobody goes the short way.)

Every other way in takes the lock, and then waits until nobody is inside: that is a matter of
microseconds, because who is inside on the short way never sleeps. `Gate` is a lock that does both.
"""

from __future__ import annotations

import sys
import threading
from time import sleep

from . import plain as cython

if cython.compiled:
    import cython  # type: ignore[no-redef]

IS_ATOMIC = getattr(sys, "_is_gil_enabled", lambda: True)()


class Gate:
    """A lock that the short way goes round.

    Attributes:
        taken: whether somebody is inside.
        interrupted: whether Ctrl-C was noted and not raised yet; here because every call looks.
    """

    __slots__ = ("_lock", "interrupted", "taken")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.taken = False
        self.interrupted = False

    def acquire(self) -> bool:
        """Waits until nobody is inside, and goes in."""
        self._lock.acquire()
        while self.taken:
            sleep(0)  # lets the thread run that is inside
        self.taken = True
        return True

    def release(self) -> None:
        """Goes out."""
        self.taken = False
        self._lock.release()

    def hear_signals(self) -> None:
        """In the compiled copy: runs the handlers of signals that came while it ran."""
        if cython.compiled:
            PyErr_CheckSignals()  # type: ignore[name-defined]  # noqa: F821  from gate.pxd

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()

    def _is_owned(self) -> bool:  # threading.Condition asks
        return self.taken
