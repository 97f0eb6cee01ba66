"""What a node uses while it runs, looked at from outside about once a second.

Only where the run's launcher asked for it. The looks begin close together, so that a run of a
second has a picture, too. A launcher that is slow to read has fewer of them: nothing piles up here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from .. import limits
from ..control import messages as m
from ..control import recordings
from .node_process import NodeProcess
from .usage import cpu_seconds, resident_bytes


@contextlib.asynccontextmanager
async def sampled(
    node: NodeProcess, program: m.Program, tell: Callable[[Any], Awaitable[None]]
) -> AsyncIterator[None]:
    """Inside it a node is looked at, and at the end what it used in all is told, if that is wanted.

    Args:
        program: what it runs.
        tell: sends a message to the run's launcher.
    """
    if not is_recorded(program):
        yield
        return
    looking = asyncio.ensure_future(_look(node, tell))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        if node.death is not None:
            await tell(recordings.NodeUsed(node.node, node.death.cpu_s, node.death.peak_bytes))


def is_recorded(program: m.Program) -> bool:
    """Whether it is wanted what the nodes of this program use."""
    return any(setting.name == recordings.RECORD_VARIABLE for setting in program.environment)


async def _look(node: NodeProcess, tell: Callable[[Any], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    pause_s = limits.SAMPLE_PAUSE_S_MIN
    while True:
        at, cpu_s, memory_bytes = loop.time(), cpu_seconds(node.group), resident_bytes(node.group)
        if memory_bytes:  # else it is over
            await tell(recordings.NodeSample(node.node, at, cpu_s, memory_bytes))
        await asyncio.sleep(pause_s)
        pause_s = min(limits.SAMPLE_PAUSE_S_MAX, 1.5 * pause_s)
