"""Several ways tried side by side: the first that leads all the way is taken (as RFC 8305 has it).

The next way is begun when the one before has failed, or has not come to its end for a moment; none
is given up for being slow. What was begun beside the winner is cancelled, and has ended, before
the winner is told of: nobody has two connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from ..errors import CannotStart, PeerRefused
from ..records import record

_Way = TypeVar("_Way", bound=Hashable)
_End = TypeVar("_End")


@record
class Winner(Generic[_Way, _End]):
    """The way that led to its end first, and why those did not that had failed by then."""

    way: _Way
    end: _End
    failures: dict[_Way, CannotStart]


class NoWay(Exception, Generic[_Way]):
    """Every way has failed.

    Attributes:
        failures: why, by way, in the order in which they failed.
    """

    def __init__(self, failures: dict[_Way, CannotStart]) -> None:
        super().__init__(failures)
        self.failures = failures


async def first_to_end(
    ways: Sequence[_Way],
    go: Callable[[_Way], Awaitable[_End]],
    drop: Callable[[_End], Awaitable[None]],
    stagger_s: float,
) -> Winner[_Way, _End]:
    """The first of `ways` that `go` leads to its end.

    Args:
        ways: the most promising one first.
        go: raises CannotStart where the way leads nowhere; PeerRefused, from an agent that has
            proven to be the right one, is the end of all ways. It leaves nothing when cancelled.
        drop: undoes an end that came too late.
        stagger_s: how long a way may take before the next one is begun beside it.

    Raises:
        NoWay: none leads anywhere.
        PeerRefused: what `go` raised.
    """
    running: dict[asyncio.Task[_End], _Way] = {}
    failures: dict[_Way, CannotStart] = {}
    waiting = list(ways)
    try:
        while waiting or running:
            if waiting:
                way = waiting.pop(0)
                running[asyncio.ensure_future(_as_task(go, way))] = way
            timeout = stagger_s if waiting else None
            done, _ = await asyncio.wait(
                running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                try:
                    end = task.result()
                except PeerRefused:
                    raise
                except CannotStart as error:
                    failures[running.pop(task)] = error
                else:
                    return Winner(running.pop(task), end, failures)
        raise NoWay(failures)
    finally:
        for task in running:
            task.cancel()
        for outcome in await asyncio.gather(*running, return_exceptions=True):
            if not isinstance(outcome, BaseException):
                await drop(outcome)


async def _as_task(go: Callable[[_Way], Awaitable[_End]], way: _Way) -> _End:
    return await go(way)
