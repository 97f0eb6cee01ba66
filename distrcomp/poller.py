"""Sleeping in the kernel on every link at once, with a pipe for those who want to wake it."""

from __future__ import annotations

import os
import selectors

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
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
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
        """Ends a `wait` that is going on, or else the next one."""
        try:
            os.write(self._writer, b"\0")
        except BlockingIOError:
            pass  # full, so it will wake

    def close(self) -> None:
        """Frees the descriptors; nobody may be waiting."""
        self._selector.close()
        os.close(self._reader)
        os.close(self._writer)

    def _drain(self) -> None:
        try:
            while os.read(self._reader, 4096):
                pass
        except BlockingIOError:
            pass
