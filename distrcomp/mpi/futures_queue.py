"""One executor's pool: the queue of its tasks, and the thread that has them done.

The thread runs a *manager*, a function that takes tasks from the queue until it meets None, the
sign that there will be no more. It knows its executor by a weak reference only, so that an executor
that nobody has any more ends its pool. A pool is *broken* when its workers are gone or could not be
made ready; then whatever is waiting fails, and so does what comes.

At the end of the program all pools still there are told that no more will come, and are waited for.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

Task = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
Item = tuple[Future[Any], Task]

BACKOFF_S = 0.001
_BACKOFF_STEPS = 64


class Backoff:
    """Ever longer pauses, up to a bound, between looks that find nothing."""

    def __init__(self, seconds: float = BACKOFF_S) -> None:
        self._longest = max(0.0, float(seconds))
        self._next = 0.0

    def reset(self) -> None:
        """Something was found: begin with short pauses again."""
        self._next = 0.0

    def next(self) -> float:
        """How long to pause now."""
        pause = self._next
        self._next = min(self._longest, max(2 * pause, self._longest / _BACKOFF_STEPS))
        return pause

    def sleep(self) -> None:
        """Pauses."""
        time.sleep(self.next())


class TaskQueue:
    """What waits to be done, first in first out; None is the sign of the end.

    `on_put` is called after each `put`, by the thread that puts.
    """

    def __init__(self) -> None:
        self._items: deque[Item | None] = deque()
        self._changed = threading.Condition()
        self.on_put: Callable[[], None] | None = None

    def __bool__(self) -> bool:
        return bool(self._items)

    def put(self, item: Item | None) -> None:
        """Adds at the end."""
        with self._changed:
            self._items.append(item)
            self._changed.notify()
        if self.on_put is not None:
            self.on_put()

    def pop(self) -> Item | None:
        """The first; raises IndexError, a LookupError, if there is none."""
        return self._items.popleft()

    def take(self) -> Item | None:
        """The first, waited for."""
        with self._changed:
            while not self._items:
                self._changed.wait()
            return self._items.popleft()

    def wait(self, seconds: float | None) -> None:
        """Waits until there is something, `seconds` at the most."""
        with self._changed:
            if not self._items:
                self._changed.wait(seconds)

    def drain(self) -> list[Item]:
        """Takes all tasks out; a sign of the end stays."""
        with self._changed:
            items, ended = [item for item in self._items if item is not None], None in self._items
            self._items.clear()
            if ended:
                self._items.append(None)
        return items


ThreadQueues = weakref.WeakKeyDictionary[threading.Thread, TaskQueue]
THREADS_QUEUES: ThreadQueues = weakref.WeakKeyDictionary()


def join_threads(threads_queues: ThreadQueues = THREADS_QUEUES) -> None:
    """Tells these threads that no more tasks will come, and waits for their ends."""
    items = list(threads_queues.items())
    for _, queue in items:
        queue.put(None)
    for thread, _ in items:
        thread.join()


threading._register_atexit(join_threads)  # type: ignore[attr-defined]  # as concurrent.futures does


class Pool:
    """The tasks of one executor, and the thread that has them done.

    Args:
        executor: whose pool it is.
        manager: run by the thread, with this pool and `args`.

    Attributes:
        size: the number of workers; 0 until they are ready, and once it is broken.
        event: set when they are ready, or will never be.
    """

    def __init__(self, executor: Executor, manager: Callable[..., None], *args: Any) -> None:
        self.size = 0
        self.queue = TaskQueue()
        self.event = threading.Event()
        self.options: dict[str, Any] = getattr(executor, "_options", {})
        queue = self.queue
        self.exref = weakref.ref(executor, lambda _: queue.put(None))
        self._lock = threading.Lock()
        self._broken: str | None = None
        self.thread = threading.Thread(
            target=self._run, args=(manager, *args), name="mpi4py.futures", daemon=True
        )
        THREADS_QUEUES[self.thread] = self.queue
        self.thread.start()

    def wait(self) -> None:
        """Waits until the workers are ready, or known never to be."""
        self.event.wait()

    def push(self, item: Item) -> None:
        """Adds a task; raises BrokenExecutor if it can't be done any more."""
        with self._lock:
            if self._broken is not None:
                raise BrokenExecutor(self._broken)
            self.queue.put(item)

    def done(self) -> None:
        """No more tasks will come."""
        self.queue.put(None)

    def join(self) -> None:
        """Waits until all is done and the workers are let go."""
        self.thread.join()

    def setup(self, size: int) -> None:
        """For the manager: so many workers are ready."""
        self.size = size
        self.event.set()

    def cancel(self) -> None:
        """Cancels what has not begun."""
        for future, _ in self.queue.drain():
            future.cancel()
            future.set_running_or_notify_cancel()

    def break_off(self, message: str) -> None:
        """The workers are gone: what waits fails, and so does what comes; the first word counts."""
        with self._lock:
            message = self._broken = self._broken or message
            executor = self.exref()
            if executor is not None:
                executor._broken = message  # type: ignore[attr-defined]
            self.size = 0
            items = self.queue.drain()
        for future, _ in items:
            if future.set_running_or_notify_cancel():
                future.set_exception(BrokenExecutor(message))
        self.event.set()

    def _run(self, manager: Callable[..., None], *args: Any) -> None:
        try:
            manager(self, *args)
        except BaseException as error:  # noqa: BLE001  it must reach those who wait for results
            self.break_off(f"the pool of workers has failed: {error or type(error).__name__}")
        finally:
            self.event.set()
            while self.queue:  # signs of the end that came twice
                self._drop_end()

    def _drop_end(self) -> None:
        item = self.queue.pop()
        if item is not None and item[0].set_running_or_notify_cancel():
            item[0].set_exception(BrokenExecutor("the pool has ended"))
