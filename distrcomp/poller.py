"""Sleeping in the kernel on everything at once, and being woken.

One `poll` watches the links' descriptors, the node's bell and two pipes of its own. `wake` writes
into the first, from any thread or signal handler. Into the second Python itself writes the number
of each signal while the main thread waits here (`woken_by_signals`): its handlers run between
instructions of the main thread only, so a signal that comes just before that thread enters the
kernel, or to another thread, would otherwise wait as long as the sleep lasts.

What always holds: a pipe that is full wakes as well, so no write ever blocks. Who polls empties
what has woken it, or it would not sleep again; so it takes the signals' numbers, too. On its way
out the main thread hands them on to the wakeup descriptor that the program had before: by that
asyncio hears of its signals. A descriptor is unwatched before it is closed, for its number may be
another's in a moment.

Refused: `selectors` and epoll. A call watches few descriptors, and `poll` needs none of its own.
"""

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
        self._reader, writer = self._pipe()
        self._writer: int | None = writer
        self._signals_reader, self._signals_writer = self._pipe()
        self._pipes = {end: os.fstat(end) for end in (writer, self._signals_writer)}
        self._signals_lock = threading.RLock()  # a handler may wait while its thread holds it
        self._signals = b""  # the numbers of those that came during this wait

    @property
    def is_whole(self) -> bool:
        """False where the program has closed its pipes, as one does that closes all it finds."""
        try:
            return self._writer is None or all(
                os.path.samestat(os.fstat(end), pipe) for end, pipe in self._pipes.items()
            )
        except OSError:
            return False

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
            elif descriptor == self._signals_reader:
                self._take_signals()
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
        """Has every signal wake the poller while the main thread is in here."""
        if self._writer is None or threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.set_wakeup_fd(self._signals_writer, warn_on_full_buffer=False)
        try:
            yield
        finally:
            try:
                signal.set_wakeup_fd(before)
            except (ValueError, OSError):  # it was closed meanwhile
                signal.set_wakeup_fd(-1)
            with self._signals_lock:
                self._take_signals()
                numbers, self._signals = self._signals, b""
            if numbers and before != -1:
                with contextlib.suppress(OSError):  # full or closed
                    os.write(before, numbers)

    def close(self) -> None:
        """Frees the descriptors; nobody may be waiting."""
        writer, self._writer = self._writer, None  # first: a signal may come at any moment
        if writer is not None:
            for descriptor in (writer, self._reader, self._signals_writer, self._signals_reader):
                os.close(descriptor)

    def _pipe(self) -> tuple[int, int]:
        """A pipe that ends a wait when something is written."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        self._poll.register(reader, READABLE)
        return reader, writer

    def _take_signals(self) -> None:
        with self._signals_lock, contextlib.suppress(OSError):  # none came, or we are closed
            numbers = os.read(self._signals_reader, 4096)
            self._signals += numbers  # no call within: a handler that waits takes them, too

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while len(os.read(self._reader, 4096)) == 4096:
                pass
