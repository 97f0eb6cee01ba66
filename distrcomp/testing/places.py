"""Where a thread stands in its program, in words."""

from __future__ import annotations

import os
import sys
from types import FrameType

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def place(thread: int | None, starter: str) -> tuple[str, str]:
    """Which call of distrcomp the program of a thread is in ("" for none), and where.

    Args:
        thread: its identifier.
        starter: the name of our function that has called the program.
    """
    frame = sys._current_frames().get(thread or 0)
    stack: list[FrameType] = []
    while frame is not None and not (_is_ours(frame) and frame.f_code.co_name == starter):
        stack.append(frame)
        frame = frame.f_back
    program: FrameType | None = None
    for each in reversed(stack):
        if _is_ours(each):
            return each.f_code.co_name, _where(program)
        program = each
    return "", _where(program)


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_PACKAGE)


def _where(frame: FrameType | None) -> str:
    if frame is None:
        return "outside its program"
    name = frame.f_code.co_filename
    shown = os.path.relpath(name) if name.startswith(os.getcwd() + os.sep) else name
    return f"at {shown}:{frame.f_lineno}"
