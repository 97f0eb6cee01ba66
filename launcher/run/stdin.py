"""The launcher's own standard input, read for the one node that gets it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from typing import Any

from .. import limits
from ..control import messages as m


class StdinReader:
    """Reads stdin in a thread of its own, one part at a time: the next when the node has room.

    A thread, because not every file can be waited for by the event loop; a daemon, because a read
    from a terminal ends only when somebody types.

    Args:
        events: where the parts go, as Input messages; an empty one at the end.
    """

    def __init__(self, events: asyncio.Queue[Any]) -> None:
        self._events = events
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
            data = _read_some()
            with contextlib.suppress(RuntimeError):  # the run is over and the loop closed
                put = self._events.put(m.Input(data))
                asyncio.run_coroutine_threadsafe(put, self._loop)


def _read_some() -> bytes:
    """The next bytes of stdin; none at its end, or where it is not ours to read."""
    try:
        descriptor = sys.stdin.fileno()
        if os.isatty(descriptor) and os.tcgetpgrp(descriptor) != os.getpgrp():
            return b""  # in the background a read would stop us (SIGTTIN)
        return os.read(descriptor, limits.OUTPUT_PART_BYTES)
    except (OSError, ValueError, AttributeError):
        return b""
