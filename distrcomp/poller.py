"""Sleeping in the kernel on everything at once, with a pipe for those who want to wake it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from collections.abc import Iterator

READABLE, WRITABLE = select.POLLIN, select.POLLOUT
BELL, WOKEN = -1, -2
"""What `wait` says instead of a node when the bell was rung, and when `wake` was called."""
_ENDED = select.POLLHUP | select.POLLERR


class Poller:
    """Which links can move now.

    `wait` may run in one thread while others watch and unwatch; `wake` may be called from anywhere,
    a signal handler too.
    """

    def __init__(self) -> None:
        self._poll = select.poll()
        self._nodes: dict[int, int] = {}  # by descriptor
        self._masks: dict[int, int] = {}
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(writer, False)
        self._writer: int | None = writer
        self._poll.register(self._reader, READABLE)

    def __len__(self) -> int:
        """How many links it watches."""
        return len(self._nodes)

    def watch(self, node: int, descriptor: int, mask: int) -> None:
        """Looks whether the link to `node` can be read or written, as `mask` says."""
        known = self._masks.get(descriptor)
        if known is None:
            self._nodes[descriptor] = node
            self._poll.register(descriptor, mask)
        elif known != mask:
            self._poll.modify(descriptor, mask)
        self._masks[descriptor] = mask

    def watch_bell(self, descriptor: int) -> None:
        """Has `wait` tell, as BELL, when this becomes readable."""
        self._poll.register(descriptor, READABLE)

    def unwatch(self, descriptor: int) -> None:
        """Looks at the link no more; must come before the link is closed."""
        if self._masks.pop(descriptor, None) is not None:
            del self._nodes[descriptor]
            self._poll.unregister(descriptor)

    def wait(self, timeout: float | None) -> list[tuple[int, int]]:
        """What has come by the time, as (node, READABLE | WRITABLE), (BELL, _) or (WOKEN, _).

        Args:
            timeout: seconds at most; None waits for as long as it takes.
        """
        ready = []
        for descriptor, mask in self._poll.poll(None if timeout is None else timeout * 1000):
            node = self._nodes.get(descriptor)
            if node is not None:
                ready.append((node, mask | READABLE if mask & _ENDED else mask))
            elif descriptor == self._reader:
                self._drain()
                ready.append((WOKEN, mask))
            else:
                ready.append((BELL, mask))
        return ready

    def wake(self) -> None:
        """Ends a `wait` that is going on, or else the next one; after `close` does nothing."""
        if self._writer is not None:
            with contextlib.suppress(BlockingIOError):  # full, so it will wake
                os.write(self._writer, b"\0")

    @contextlib.contextmanager
    def woken_by_signals(self) -> Iterator[None]:
        """Has every signal wake the poller while the main thread is in here.

        Python's handlers run between its instructions. One whose signal comes just before the
        thread enters the kernel, or to another thread, would wait as long as the sleep lasts.
        """
        if self._writer is None or threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        try:
            yield
        finally:
            with contextlib.suppress(ValueError, OSError):  # it was closed meanwhile
                signal.set_wakeup_fd(before)

    def close(self) -> None:
        """Frees the descriptors; nobody may be waiting."""
        writer, self._writer = self._writer, None  # first: a signal may come at any moment
        if writer is not None:
            os.close(writer)
            os.close(self._reader)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while len(os.read(self._reader, 4096)) == 4096:
                pass
