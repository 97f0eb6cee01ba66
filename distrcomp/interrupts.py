"""Ctrl-C, which must not cut a message in two.

While the main thread is inside a call the signal is noted, and raised as KeyboardInterrupt where
the state is whole: in a wait, or when the call ends. A receive that is interrupted leaves its
message unread, for the next one. A second Ctrl-C is raised at once where pickle runs the program's
own code, which holds no lock of ours: it ends a program whose objects never finish to be pickled or
unpickled.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from .gate import CALL_FILES, Gate

_PACKAGE = os.path.join(os.path.dirname(__file__), "")

# These call pickle.
_PICKLING = {f"{_PACKAGE}{module}.py" for module in ("codec", "fast_path", "framed")}


def on_interrupt(gate: Gate, wake: Callable[[], None], stack: FrameType | None) -> None:
    """What the handler of SIGINT does: raises KeyboardInterrupt, or notes that it has come.

    Args:
        gate: of this node.
        wake: ends a sleep of the main thread.
        stack: what was interrupted.
    """
    inside = stack
    while inside is not None and inside.f_code.co_filename not in CALL_FILES:
        inside = inside.f_back
    if inside is None or (gate.interrupted and _is_pickling(stack)):
        gate.interrupted = False
        signal.default_int_handler(signal.SIGINT, stack)
    else:
        gate.interrupted = True
        wake()


def check(gate: Gate) -> None:
    """Raises the KeyboardInterrupt that was noted, if this is the main thread."""
    if gate.interrupted and threading.current_thread() is threading.main_thread():
        gate.interrupted = False
        raise KeyboardInterrupt


def _is_pickling(stack: FrameType | None) -> bool:
    """Whether the innermost code is the program's own, called by pickle."""
    frame = stack
    while frame is not None and not frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame is not None and frame is not stack and frame.f_code.co_filename in _PICKLING
