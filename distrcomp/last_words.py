"""What a node says of the exception that ends it, and to whom.

It is printed as Python prints it, without our own frames, and told to the agent if there is one;
one that is only the echo of another node's end takes one line, and so does Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import TracebackType

from . import limits, tracebacks
from .control import NoticeSocket
from .errors import CallError, Deadlock, LinkFailed, NodeLost
from .notices import Failed

_INTERRUPTED = 130

Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


def code_of(error: BaseException) -> int:
    """The exit code of a node that an exception has ended."""
    return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1


def summary(error: BaseException) -> str:
    """An exception in one line, if that is how it says what it is."""
    import traceback

    told = traceback.TracebackException(type(error), error, None)
    told.__notes__ = None
    return list(told.format_exception_only())[-1].strip()


def report(
    error: BaseException, folder: str, hook: Hook, notices: NoticeSocket | None = None
) -> None:
    """Tells of an exception that left the program, with paths as the user knows them.

    Args:
        error: the exception.
        folder: in which the program was started.
        hook: sys.excepthook, which may be the program's own.
        notices: the agent's ear, if an agent has started this node.
    """
    import traceback

    if isinstance(error, KeyboardInterrupt):
        say(f"distrcomp: interrupted {_place(error, folder)}{_doing(error)}")
        return
    tracebacks.cut(error)
    if notices is not None and _misses_mpi4py(error):
        error.add_note("run it with --mpi4py: no mpi4py has to be installed then")
    place = _place(error, folder)
    told_whole = isinstance(error, CallError)  # its sentence says what it was raised from
    text = "".join(traceback.format_exception(error, chain=not told_whole))
    text = text.replace(folder + os.sep, "")
    echo_of = error.node if isinstance(error, NodeLost | LinkFailed) else None
    if notices is not None and not isinstance(error, Deadlock):  # which the launcher told us of
        notices.send(Failed(_told(summary(error)), _told(text), echo_of))
    if isinstance(error, NodeLost | Deadlock):
        say(f"distrcomp: stopped {place}: {error}")
    elif hook is sys.__excepthook__:
        say(text.rstrip("\n"))
    else:
        hook(type(error), error, error.__traceback__)


def _misses_mpi4py(error: BaseException | None) -> bool:
    """Whether the program has ended because it found no mpi4py, and nothing stands in for it."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name == "mpi4py":
            return "distrcomp.mpi" not in sys.modules
        error = error.__cause__
    return False


def _told(text: str) -> str:
    """`text` as a notice can carry it: no lone surrogates, and not the whole of a huge message."""
    if len(text) > limits.TOLD_CHARS_MAX:
        half = limits.TOLD_CHARS_MAX // 2
        cut = f"\n[... {len(text) - 2 * half} characters left out ...]\n"
        text = text[:half] + cut + text[-half:]
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _place(error: BaseException, folder: str) -> str:
    """Where in the program it happened, as `at FILE:LINE`."""
    import traceback

    for entry in reversed(traceback.extract_tb(error.__traceback__)):
        if not tracebacks.is_ours(entry.filename):
            return f"at {entry.filename.removeprefix(folder + os.sep)}:{entry.lineno}"
    return "before its first line"


def _doing(error: KeyboardInterrupt) -> str:
    """What a call of ours that was interrupted waited for."""
    return "".join(f", {note}" for note in getattr(error, "__notes__", ()))


def say(text: str) -> None:
    """Prints a line of ours to the node's stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  stderr is the program's own
