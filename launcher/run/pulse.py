"""Whether this process has stood still, by a clock that goes on meanwhile; no I/O.

A process that was stopped, or whose machine slept, finds its connections ended by others, who took
it for dead. It is told of that, and not of them.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from .. import limits


class Pulse:
    """The pulse of this process; `beat` shall be called once a second.

    Args:
        clock: seconds, also those in which the machine sleeps.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._beaten_at = clock()
        self._stood_still_s = 0.0
        self._woken_at = -inf

    def beat(self) -> None:
        """The process is alive."""
        now = self._clock()
        pause_s = now - self._beaten_at
        self._beaten_at = now
        if pause_s >= limits.STOOD_STILL_S:
            self._stood_still_s, self._woken_at = pause_s, now

    def stood_still_s(self) -> float:
        """How long the process has stood still, if that is over just now; else 0."""
        self.beat()
        is_over_now = self._beaten_at - self._woken_at <= limits.STOOD_STILL_TOLD_S
        return self._stood_still_s if is_over_now else 0.0
