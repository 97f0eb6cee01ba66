"""The event loop of a notebook's cells that await at their top level.

It is made by the first such cell and stays, so what one cell has begun another can await. It runs
while such a cell does. This is the one place where a node loads asyncio by itself: a cell that
awaits wants it.

Ctrl-C raises where a cell computes, and cancels where it awaits: what a signal's handler raises
between two steps of a loop may take a step with it, and then its task never goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class CellLoop:
    """Runs what cells await."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._task: asyncio.Task[Any] | None = None
        self._is_cancelled = False

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """What it comes to; raises KeyboardInterrupt where `cancel` has ended it."""
        self._is_cancelled = False
        self._task = task = self._loop.create_task(coroutine)
        try:
            self._loop.run_until_complete(asyncio.wait([task]))
        except BaseException:
            if not task.cancel() and not task.cancelled():
                task.exception()  # it is being raised already
            raise
        finally:
            self._task = None
        try:
            return task.result()
        except asyncio.CancelledError as error:
            if not self._is_cancelled:
                raise
            raise KeyboardInterrupt().with_traceback(error.__traceback__) from None

    def cancel(self) -> bool:
        """Cancels what is awaited, in a signal's handler; whether there is something.

        There is not where a task computes, or has not heeded this before.
        """
        if self._task is None or self._is_cancelled:
            return False
        if asyncio.current_task(self._loop) is not None:
            return False
        self._is_cancelled = True
        self._task.cancel()
        self._loop.call_soon_threadsafe(lambda: None)  # who sleeps sees it
        return True

    def close(self) -> None:
        """Ends it; what still awaits there never goes on."""
        asyncio.set_event_loop(None)
        self._loop.close()
