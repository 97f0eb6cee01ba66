"""What a node says of the exception that ends it, and to whom.

It is printed as Python prints it, without our own frames, and told to the agent if there is one;
one that is only the echo of another node's end takes one line, and so does Ctrl-C.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable
from types import TracebackType

from . import limits
from .control import NoticeSocket
from .errors import CallError, DistrcompError, NodeLost
from .notices import Failed

_INTERRUPTED = 130

Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


def code_of(error: BaseException) -> int:
    """The exit code of a node that an exception has ended."""
    return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1


def summary(error: BaseException) -> str:
    """An exception in one line, if that is how it says what it is."""
    import traceback

    return traceback.format_exception_only(error)[-1].strip()


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
    _cut_own_frames(error)
    place = _place(error, folder)
    told_whole = isinstance(error, CallError)  # its sentence says what it was raised from
    text = "".join(traceback.format_exception(error, chain=not told_whole))
    text = text.replace(folder + os.sep, "")
    echo_of = error.node if isinstance(error, NodeLost) else None
    if notices is not None:
        notices.send(Failed(_told(summary(error)), _told(text), echo_of))
    if isinstance(error, NodeLost):
        say(f"distrcomp: stopped {place}: {error}")
    elif hook is sys.__excepthook__:
        say(text.rstrip("\n"))
    else:
        hook(type(error), error, error.__traceback__)


def _told(text: str) -> str:
    """`text` as a notice can carry it: no lone surrogates, and not the whole of a huge message."""
    if len(text) > limits.TOLD_CHARS_MAX:
        half = limits.TOLD_CHARS_MAX // 2
        cut = f"\n[... {len(text) - 2 * half} characters left out ...]\n"
        text = text[:half] + cut + text[-half:]
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _cut_own_frames(error: BaseException) -> None:
    """Keeps of the traceback what is the program's: neither how we started it nor, where the error
    is one of distrcomp's calls, what happened inside that call."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename in _STARTERS:
        frame = frame.tb_next
    error.__traceback__ = frame
    if frame is None:  # a program that cannot be found or compiled has no frame of its own
        return
    while isinstance(error, DistrcompError) and frame.tb_next is not None:
        if frame.tb_next.tb_frame.f_code.co_filename.startswith(_PACKAGE):
            frame.tb_next = None
            return
        frame = frame.tb_next


# Compiled code names its files as they were called where it was compiled.
_PACKAGE = (os.path.dirname(os.path.abspath(__file__)) + os.sep, "distrcomp/")
_STARTERS = {os.path.join(os.path.dirname(__file__), "node.py"), runpy.__file__, "<frozen runpy>"}


def _place(error: BaseException, folder: str) -> str:
    """Where in the program it happened, as `at FILE:LINE`."""
    import traceback

    for entry in reversed(traceback.extract_tb(error.__traceback__)):
        if not entry.filename.startswith(_PACKAGE) and entry.filename not in _STARTERS:
            return f"at {entry.filename.removeprefix(folder + os.sep)}:{entry.lineno}"
    return "before its first line"


def _doing(error: KeyboardInterrupt) -> str:
    """What a call of ours that was interrupted waited for."""
    return "".join(f", {note}" for note in getattr(error, "__notes__", ()))


def say(text: str) -> None:
    """Prints a line of ours to the node's stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  stderr is the program's own
