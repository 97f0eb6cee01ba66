"""What a node records of itself where a report or a trace asks for it (DISTRCOMP_RECORD).

Theory. Calls that are not recorded must cost what they cost without all this, so nothing on their
way asks whether it is: where recording is wanted, joining puts wrappers in the place of the methods
before the program makes its first call.

- Always: how long the node waits for others. Every wait of the engine, every look for a message
  that has not come and every look for the others at a barrier is timed; calls that find what they
  want are not.
- `calls:N`: the first N calls as records of one size in memory that the kernel gives as it is
  touched. A slot is taken by one step that no other thread can come into.

The receives of a program name a source or take any; the launcher matches them with sends by their
order, so nothing travels with a message. Only a receive from any source asks for a status, by the
way that is a little longer, so that the source is known.

The wrappers' files are among the gate's CALL_FILES, for their frames stand between two of ours. A
signal that comes in the moment between the end of a call and that of its wrapper is handled by the
next call.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from . import limits
from .call_records import Recorder
from .call_wrappers import record_calls, record_collectives
from .collective_path import CollectivePath
from .communicator import Communicator
from .engine import Engine
from .links.traffic import traffic
from .meeting import Meeting
from .notices import LinkBytes, Tally
from .requests import Request


class Recording:
    """What is recorded in this process, from its joining on.

    Args:
        wanted: what DISTRCOMP_RECORD says: "tally", or "calls:N" for N calls.
        engine: of this node.
    """

    def __init__(self, wanted: str, engine: Engine) -> None:
        kind, _, number = wanted.partition(":")
        self._engine = engine
        self._recorder: Recorder | None = None
        self._waited_ns = 0
        self._carried: dict[int, tuple[int, int]] = {}
        self._time_waits()
        self._count_at_end()
        if kind == "calls" and number.isdecimal():
            self._recorder = Recorder(min(int(number), limits.CALLS_RECORDED_MAX))
            record_calls(self._recorder, Communicator, Request)
            record_collectives(self._recorder, CollectivePath)

    def tell(self, tell: Callable[[Any], None]) -> None:
        """At the end of this node: all that was recorded; its links were read off as they ended."""
        links = tuple(LinkBytes(node, *both) for node, both in self._carried.items())
        tell(Tally(self._waited_ns / 1e9, links))
        if self._recorder is not None:
            for part in self._recorder.parts():
                tell(part)

    def _count_at_end(self) -> None:
        """Reads off each link as it ends, when all has gone by it."""
        progress = self._engine._progress
        detach = progress.detach

        def counted(node: int) -> None:
            carried = traffic(progress.links[node])
            if carried is not None and any(carried):
                self._carried[node] = carried
            detach(node)

        progress.detach = counted  # type: ignore[method-assign]

    def _time_waits(self) -> None:
        def timed(wait: Callable[..., Any]) -> Callable[..., Any]:
            def timed_wait(*arguments: Any, **options: Any) -> Any:
                began = perf_counter_ns()
                try:
                    return wait(*arguments, **options)
                finally:
                    self._waited_ns += perf_counter_ns() - began

            return timed_wait

        for owner, name in (
            (Engine, "_wait"),
            (Communicator, "_look"),
            (Communicator, "_find_any"),
            (CollectivePath, "_look"),
            (CollectivePath, "_find_any"),
            (Meeting, "_comes_soon"),
        ):
            setattr(owner, name, timed(getattr(owner, name)))
