"""Sleeping in the kernel on every link at once, with a pipe for those who want to wake it."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import threading
from collections.abc import Iterator

from .links import Link

READABLE, WRITABLE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Poller:
    """Which links can move now.

    `wait` may run in one thread while others watch and unwatch; `wake` may be called from anywhere,
    a signal handler too.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._masks: dict[int, int] = {}
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(writer, False)
        self._writer: int | None = writer
        self._selector.register(self._reader, READABLE)

    def watch(self, node: int, link: Link) -> None:
        """Looks for what `link`, the one to `node`, waits for now."""
        mask = READABLE | (WRITABLE if link.queued_bytes else 0)
        known = self._masks.get(node)
        if known is None:
            self._selector.register(link.fileno(), mask, node)
        elif known != mask:
            self._selector.modify(link.fileno(), mask, node)
        self._masks[node] = mask

    def unwatch(self, node: int, link: Link) -> None:
        """Looks at the link no more; must come before the link is closed."""
        if self._masks.pop(node, None) is not None:
            self._selector.unregister(link.fileno())

    def wait(self, timeout: float | None) -> list[tuple[int, int]]:
        """The (node, READABLE | WRITABLE) of the links that can move, after at most `timeout` s."""
        ready = []
        for key, mask in self._selector.select(timeout):
            if key.data is None:
                self._drain()
            else:
                ready.append((key.data, mask))
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
            self._selector.close()

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._reader, 4096):
                pass
