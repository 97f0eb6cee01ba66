"""Notices a node that is stopped (SIGSTOP) and not continued.

Such a process neither ends nor says anything, and whoever waits for it waits in vain. Its agent
looks at its state, at an interval; `guardian.StopWatch` has what counts as stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from .guardian import STOPPED_LOOK_INTERVAL_S, STOPPED_LOOKS, StopWatch, status_of

STOPPED_S = STOPPED_LOOK_INTERVAL_S * (STOPPED_LOOKS - 1)
WHY = f"it was stopped by a signal and not continued for {STOPPED_S:g} s"


@contextlib.asynccontextmanager
async def watched(
    pid: int,
    on_stopped: Callable[[], Awaitable[None]],
    interval_s: float = STOPPED_LOOK_INTERVAL_S,
) -> AsyncIterator[None]:
    """Inside it, `on_stopped` is awaited once if this process is stopped and stays so.

    Args:
        pid: a child of ours that is not reaped as long as this lasts.
        on_stopped: what to do then.
        interval_s: how long between two looks.
    """
    looking = asyncio.ensure_future(_look(pid, on_stopped, interval_s))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _look(pid: int, on_stopped: Callable[[], Awaitable[None]], interval_s: float) -> None:
    watch = StopWatch()
    while not watch.look(status_of(pid)):  # noqa: ASYNC110  nobody tells of a stop
        await asyncio.sleep(interval_s)
    await on_stopped()
