"""The signals by which a person or the system ends one of our processes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def ended_by(act: Callable[[], object]) -> Iterator[None]:
    """Inside it `act` is called at each such signal, in the loop that runs.

    One that was ignored stays so: `nohup` and a script's `&` mean that. The end of a child must not
    be ignored, for then nobody learns how it ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are its host's affair, such as a notebook's
        return
    loop = asyncio.get_running_loop()
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    heard = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heard:
        loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
