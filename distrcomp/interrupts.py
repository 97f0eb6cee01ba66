"""Signals, whose handlers must not cut a message in two.

Python runs a handler between any two instructions of the main thread, and what it raises comes out
there: half way through a message, or between taking a lock and noting it. So while the main thread
is inside a call of ours a handler is put off until the state is whole: to a wait, or the end of the
call. That holds for Ctrl-C and for every handler that the program sets by the `signal` module, in
which two functions are replaced for it. What a handler raises ends the call: a receive leaves its
message unread, for the next one. Of several signals of one kind that come meanwhile one is handled,
as by the kernel.

The second of a kind is handled at once where pickle runs the program's own code, which holds no
lock of ours: Ctrl-C twice ends a program whose objects never finish to be pickled or unpickled.

Refused: to leave the program's handlers alone. A time limit by SIGALRM wrecked the node sooner or
later, and its next call waited for ever.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from .gate import CALL_FILES, Gate

_PACKAGE = os.path.join(os.path.dirname(__file__), "")

# These call pickle.
_PICKLING = {f"{_PACKAGE}{module}.py" for module in ("codec", "fast_path", "framed")}

Handler = Callable[[int, FrameType | None], Any]


class Signals:
    """The signals of one node that wait for a moment when they may be handled.

    Args:
        gate: of this node; `interrupted` tells its calls that there are any.
        wake: ends a sleep of the main thread.
    """

    def __init__(self, gate: Gate, wake: Callable[[], None]) -> None:
        self._gate = gate
        self._wake = wake
        self._waiting: deque[tuple[int, Handler]] = deque()
        self._has_heard = False
        self._is_ours = False

    def arrive(self, handle: Handler, number: int, stack: FrameType | None) -> None:
        """A signal has come: handles it, or puts it off.

        Args:
            handle: the program's handler.
            number: of the signal.
            stack: what was interrupted.
        """
        if number == signal.SIGINT and self._is_ours:
            self._is_ours = False
            handle = self._unless_heard(handle)
        inside = stack
        while inside is not None and inside.f_code.co_filename not in CALL_FILES:
            inside = inside.f_back
        # Another signal may come at any moment here: so a copy is looked through.
        waiting = [each for each in list(self._waiting) if each[0] == number]
        if inside is None or (waiting and _is_pickling(stack)):
            for each in waiting:
                with suppress(ValueError):
                    self._waiting.remove(each)
            self._gate.interrupted = bool(self._waiting)
            handle(number, stack)
            return
        if not waiting:
            self._waiting.append((number, handle))
        self._gate.interrupted = True
        self._wake()

    def check(self) -> None:
        """Handles what waits, if this is the main thread; a handler may raise anything."""
        gate = self._gate
        if not gate.interrupted or threading.current_thread() is not threading.main_thread():
            return
        gate.interrupted = False
        try:
            while self._waiting:
                number, handle = self._waiting.popleft()
                handle(number, sys._getframe(1))
        finally:
            if self._waiting:
                gate.interrupted = True

    def hear(self) -> None:
        """The calling thread is about to be told that the run has ended."""
        if threading.current_thread() is threading.main_thread():
            self._has_heard = True

    def interrupt_unheard(self) -> None:
        """Ends what the main thread computes, as Ctrl-C does, if no call has told it of the end.

        For another thread. The program may have taken SIGINT away, and then it is left alone.
        """
        main = threading.main_thread().ident
        if self._has_heard or main is None or not isinstance(_get_handler(signal.SIGINT), _PutOff):
            return
        self._is_ours = True
        signal.pthread_kill(main, signal.SIGINT)

    def _unless_heard(self, handle: Handler) -> Handler:
        """A handler for the signal above: who deals with an exception already goes on with that."""

        def handle_unheard(number: int, stack: FrameType | None) -> Any:
            if not self._has_heard and sys.exc_info()[1] is None:
                return handle(number, stack)
            return None

        return handle_unheard

    def forget(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()
        self._gate.interrupted = False


def _is_pickling(stack: FrameType | None) -> bool:
    """Whether the innermost code is the program's own, called by pickle."""
    frame = stack
    while frame is not None and not frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame is not None and frame is not stack and frame.f_code.co_filename in _PICKLING


# --- the program's handlers -----------------------------------------------------------------------

_set_handler, _get_handler = signal.signal, signal.getsignal
_arrive: Callable[[Handler, int, FrameType | None], None] | None = None


class _PutOff:
    """Stands for a handler of the program's."""

    def __init__(self, handle: Handler) -> None:
        self.handle = handle

    def __call__(self, number: int, stack: FrameType | None) -> None:
        if _arrive is None:
            self.handle(number, stack)
        else:
            _arrive(self.handle, number, stack)


def put_off_handlers(arrive: Callable[[Handler, int, FrameType | None], None]) -> None:
    """Has `arrive` called for the program's handlers, those that are set and those to come.

    Only the main thread can set handlers; called by another one this does nothing.
    """
    global _arrive
    if threading.current_thread() is threading.main_thread():
        _arrive = arrive
        replace_handlers()


def replace_handlers() -> None:
    """Makes it possible to put them off; once, in the main thread."""
    if signal.signal is _signal:
        return
    signal.signal = _signal  # type: ignore[assignment]
    signal.getsignal = _getsignal  # type: ignore[assignment]
    for number in signal.valid_signals():
        handle = _get_handler(number)
        if callable(handle) and not isinstance(handle, _PutOff):
            _set_handler(number, _PutOff(handle))


def _signal(signalnum: int, handler: Any, /) -> Any:
    """In place of `signal.signal`; the same to who calls it."""
    return _program_s(_set_handler(signalnum, _PutOff(handler) if callable(handler) else handler))


def _getsignal(signalnum: int, /) -> Any:
    """In place of `signal.getsignal`."""
    return _program_s(_get_handler(signalnum))


def _program_s(handler: Any) -> Any:
    return handler.handle if isinstance(handler, _PutOff) else handler
