"""Notices a node that is stopped (SIGSTOP) and not continued.

Such a process neither ends nor says anything, and whoever waits for it waits in vain. Its agent
looks at its state, at an interval; `guardian.StopWatch` has what counts as stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from ..control import messages as m
from .guardian import STOPPED_LOOK_INTERVAL_S, STOPPED_LOOKS, StopWatch, status_of
from .node_process import NodeProcess

STOPPED_S = STOPPED_LOOK_INTERVAL_S * (STOPPED_LOOKS - 1)
WHY = f"it was stopped by a signal and not continued for {STOPPED_S:g} s"


@contextlib.asynccontextmanager
async def watched(node: NodeProcess, tell: Callable[[Any], Awaitable[None]]) -> AsyncIterator[None]:
    """Inside it the node is told as failed, and killed, if it is stopped and stays so.

    Args:
        node: one that is not reaped as long as this lasts.
        tell: sends a message to the run's launcher.
    """

    async def look() -> None:
        await wait_stopped(node.group)
        await tell(m.NodeFailed(node.node, WHY, "", None))
        node.signal(signal.SIGKILL)

    looking = asyncio.ensure_future(look())
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def wait_stopped(pid: int, interval_s: float = STOPPED_LOOK_INTERVAL_S) -> None:
    """Returns once this process has been stopped for long; `interval_s` lies between two looks."""
    watch = StopWatch()
    while not watch.look(status_of(pid)):  # noqa: ASYNC110  nobody tells of a stop
        await asyncio.sleep(interval_s)
