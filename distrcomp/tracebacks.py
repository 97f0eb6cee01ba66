"""Tracebacks as the author of a program needs them: its own lines, and not our insides.

They are cut when an exception has left the program, so no call pays for it, and what a program
catches is whole. An exception that arose inside distrcomp and was not raised there on purpose keeps
our lines, for it may be our bug; so do AssertionError and InternalError.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import sys
import threading
from collections.abc import Iterator
from types import TracebackType

from .errors import DistrcompError, InternalError

# Compiled code names its files as they were called where it was compiled.
_PACKAGE = (os.path.dirname(os.path.abspath(__file__)) + os.sep, "distrcomp/")
_STARTERS = {
    *(os.path.join(os.path.dirname(__file__), name) for name in ("node.py", "fork_server.py")),
    runpy.__file__,
    "<frozen runpy>",
}


def is_ours(filename: str) -> bool:
    """Whether a file is distrcomp's, or runs a program for us."""
    return filename.startswith(_PACKAGE) or filename in _STARTERS


def cut(error: BaseException) -> None:
    """Keeps of the tracebacks of an exception, and of those it came from, what is the program's."""
    begin = error.__traceback__
    while begin is not None and _file(begin) in _STARTERS:
        begin = begin.tb_next
    if not _may_be_our_bug(error):
        while begin is not None and is_ours(_file(begin)):
            begin = begin.tb_next
    error.__traceback__ = begin
    for each in _chain(error):
        if not _may_be_our_bug(each):
            each.__traceback__ = _linked(list(_of_program(each.__traceback__)))
            if each.__context__ is not None and not any(
                _of_program(each.__context__.__traceback__)
            ):
                each.__suppress_context__ = True


def cut_in_threads(folder: str) -> None:
    """Has exceptions that end a thread of the program told without our insides, too.

    A hook that the program sets itself takes the place of this one.

    Args:
        folder: the program's; what lies in it is named without it.
    """
    tell = threading.excepthook

    def tell_cut(told: threading.ExceptHookArgs) -> None:
        if told.exc_value is not None:
            cut(told.exc_value)
            trace = told.exc_value.__traceback__
            told = threading.ExceptHookArgs((told.exc_type, told.exc_value, trace, told.thread))
        if told.exc_value is None or told.exc_type is SystemExit or sys.stderr is None:
            tell(told)
            return
        import traceback

        name = "" if told.thread is None else f" {told.thread.name}"
        text = "".join(traceback.format_exception(told.exc_value)).replace(folder + os.sep, "")
        sys.stderr.write(f"Exception in thread{name}:\n{text}")

    threading.excepthook = tell_cut


def _may_be_our_bug(error: BaseException) -> bool:
    """Whether it arose in a file of ours and was not raised there to tell a caller of a mistake."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None or not is_ours(_file(last)) or _file(last) in _STARTERS:
        return False
    if isinstance(error, AssertionError | InternalError):
        return True
    if isinstance(error, DistrcompError | KeyboardInterrupt):
        return False  # the latter arises where a signal finds us
    from opcode import opmap

    instructions = last.tb_frame.f_code.co_code
    return instructions[last.tb_lasti : last.tb_lasti + 1] != bytes([opmap["RAISE_VARARGS"]])


def _of_program(trace: TracebackType | None) -> Iterator[TracebackType]:
    """The entries of a traceback that are not ours, nor of what stands between two of ours."""
    is_below_ours = False
    while trace is not None:
        name = _file(trace)
        if is_ours(name):
            is_below_ours = True
        elif not (is_below_ours and name == contextlib.__file__):
            is_below_ours = False
            yield trace
        trace = trace.tb_next


def _linked(entries: list[TracebackType]) -> TracebackType | None:
    """A traceback of these entries and no others."""
    below = None
    for entry in reversed(entries):
        entry.tb_next = below
        below = entry
    return below


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that it came from."""
    found = {id(error)}
    waiting = [error]
    while waiting:
        each = waiting.pop()
        yield each
        for source in (each.__cause__, each.__context__):
            if source is not None and id(source) not in found:
                found.add(id(source))
                waiting.append(source)


def _file(entry: TracebackType) -> str:
    return entry.tb_frame.f_code.co_filename
