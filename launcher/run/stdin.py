"""Standard input for the one node that gets it: the launcher's own, or what threads give."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from .. import limits
from ..control import messages as m


class StdinReader:
    """Reads stdin in a thread of its own, one part at a time: the next when the node has room.

    A thread, because not every file can be waited for by the event loop; a daemon, because a read
    from a terminal ends only when somebody types.

    Args:
        events: where the parts go, as Input messages; an empty one at the end.
        read: gives the next bytes; none at the end.
    """

    def __init__(self, events: asyncio.Queue[Any], read: Callable[[], bytes]) -> None:
        self._events = events
        self._read_some = read
        self._loop = asyncio.get_running_loop()
        self._wanted = threading.Semaphore(1)

    def start(self) -> None:
        """Begins to read."""
        threading.Thread(target=self._read, name="stdin", daemon=True).start()

    def more(self) -> None:
        """The node has taken the last part."""
        self._wanted.release()

    def _read(self) -> None:
        data = b"."
        while data:
            self._wanted.acquire()
            data = self._read_some()
            with contextlib.suppress(RuntimeError):  # the run is over and the loop closed
                put = self._events.put(m.Input(data))
                asyncio.run_coroutine_threadsafe(put, self._loop)


def read_stdin() -> bytes:
    """The next bytes of stdin; none at its end, or where it is not ours to read."""
    try:
        descriptor = sys.stdin.fileno()
        if os.isatty(descriptor) and os.tcgetpgrp(descriptor) != os.getpgrp():
            return b""  # in the background a read would stop us (SIGTTIN)
        return os.read(descriptor, limits.OUTPUT_PART_BYTES)
    except (OSError, ValueError, AttributeError):
        return b""


class FedStdin:
    """Stdin that threads give piece by piece, instead of a file."""

    def __init__(self) -> None:
        self._pieces: SimpleQueue[bytes] = SimpleQueue()

    def feed(self, data: bytes) -> None:
        """The next bytes; returns at once."""
        for begin in range(0, len(data), limits.OUTPUT_PART_BYTES):
            self._pieces.put(data[begin : begin + limits.OUTPUT_PART_BYTES])

    def end(self) -> None:
        """There is no more."""
        self._pieces.put(b"")

    def read(self) -> bytes:
        """The next piece, once it is there."""
        return self._pieces.get()
