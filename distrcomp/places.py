"""Where a program has called us; no I/O."""

from __future__ import annotations

import os
from types import FrameType

from . import limits

_PACKAGE = os.path.join(os.path.dirname(__file__), "")


def called(frame: FrameType | None) -> tuple[str, FrameType | None]:
    """The outermost of our functions that a thread is in, and the program's frame that called it.

    Args:
        frame: the innermost of the thread, or one of ours.
    """
    name = ""
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        name = frame.f_code.co_name
        frame = frame.f_back
    return name, frame


def place_of(frame: FrameType | None, folder: str) -> str:
    """A frame's place as FILE:LINE, cut to a bound; empty where there is none.

    Args:
        folder: the program's, with a slash at its end; what lies in it is named without it.
    """
    if frame is None:
        return ""
    place = f"{frame.f_code.co_filename.removeprefix(folder)}:{frame.f_lineno}"
    return place[-limits.PLACE_CHARS_MAX :]
