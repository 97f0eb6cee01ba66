"""MPI's Abort: this node ends at once, and with it the run, which names the place of the call."""

from __future__ import annotations

import os
import sys
import traceback
from typing import NoReturn

from ..joining import join
from ..notices import Failed

_abort_status = 0
_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def _set_abort_status(status: object) -> None:
    """Have this process abort at exit with this code; 0 takes it back."""
    global _abort_status
    code = status.code if isinstance(status, SystemExit) else status
    _abort_status = code if isinstance(code, int) else 0 if code is None else 1


def abort_at_exit() -> None:
    """Aborts, if that was asked for."""
    if _abort_status:
        abort(_abort_status, "the program was said to have failed")


def abort(errorcode: int, why: str = "the program called Abort") -> NoReturn:
    """Ends this process with `errorcode`, and thereby the run; it never returns.

    The exit code is the lowest 8 bits, or 1 where they are 0: an aborted run has not succeeded.
    """
    place = _caller()
    text = f"Abort({errorcode}) {place}: {why}"
    notices = join().notices
    if notices is not None:
        notices.send(Failed(text, text + "\n", None))
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)  # noqa: T201  stderr is the program's own
    os._exit(errorcode & 0xFF or 1)


def _caller() -> str:
    """Where in the program it happened, as `at FILE:LINE`."""
    for frame in reversed(traceback.extract_stack()):
        if not frame.filename.startswith(_PACKAGE):
            return f"at {os.path.relpath(frame.filename)}:{frame.lineno}"
    return "in this program"
