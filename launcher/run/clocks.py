"""How far the clocks of the agents are from ours, by asking what they show; no I/O.

All clocks are monotonic: they run alike, up to a small drift, and begin anywhere. An answer was
given between question and receipt, so the offset is known to half of the time that this took, and
less well as the answer grows old. The best answer counts.
"""

from __future__ import annotations

from math import isfinite

from .. import limits
from ..records import record

# Clocks of one kind of hardware drift by some 20 millionths, bad ones by more.
_DRIFT = 1e-4
# Answers this much less exact than the best one say nothing of drift.
_ALIKE, _ALIKE_S = 1.5, 20e-6


@record
class _Measured:
    offset_s: float
    half_s: float
    at: float

    def uncertain_s(self, now: float) -> float:
        return self.half_s + abs(now - self.at) * _DRIFT


class Clocks:
    """The agents' clocks.

    Example:
        >>> clocks = Clocks()
        >>> number = clocks.ask(peer=0, now=10.0)
        >>> clocks.answer(peer=0, number=number, at=510.25, now=10.5)
        >>> clocks.ours(peer=0, at=511.0)
        (11.0, 0.25)
    """

    def __init__(self) -> None:
        self._number = 0
        self._ours: set[int] = set()
        self._asked: dict[tuple[int, int], float] = {}
        self._measured: dict[int, _Measured] = {}
        self._kept: dict[int, list[_Measured]] = {}

    def is_ours(self, peer: int) -> None:
        """A peer is this machine: nothing is to be found out, nor uncertain."""
        self._ours.add(peer)

    def ask(self, peer: int, now: float) -> int:
        """The number of a question to a peer, which is asked now."""
        self._number += 1
        self._asked[peer, self._number] = now
        return self._number

    def answer(self, peer: int, number: int, at: float, now: float) -> None:
        """A peer's clock showed `at`; what nobody has asked is not looked at."""
        asked = self._asked.pop((peer, number), None)
        if asked is None or not isfinite(at):
            return
        middle, half_s = (asked + now) / 2, (now - asked) / 2
        known = self._measured.get(peer)
        if known is None or half_s <= known.uncertain_s(now):
            self._measured[peer] = measured = _Measured(at - middle, half_s, now)
            kept = self._kept.setdefault(peer, [])
            kept.append(measured)
            if len(kept) > limits.CLOCK_ANSWERS_MAX:
                del kept[1::2]

    def ours(self, peer: int, at: float) -> tuple[float, float] | None:
        """What our clock showed when the peer's showed `at`, and how uncertain that is, in seconds;
        None: not known."""
        if peer in self._ours:
            return at, 0.0
        measured = self._measured.get(peer)
        if measured is None:
            return None
        ours = at - measured.offset_s
        return ours, round(measured.uncertain_s(ours), 6)

    def line(self, peer: int) -> tuple[tuple[float, float], ...]:
        """What the peer's clock showed at some moments, and how far it was ahead of ours then.

        Between two of them, straight on, lies what one may believe; no moment at all: not known.
        """
        if peer in self._ours:
            return ((0.0, 0.0),)
        kept = self._kept.get(peer, [])
        best = min((each.half_s for each in kept), default=0.0)
        good = [each for each in kept if each.half_s <= _ALIKE * best + _ALIKE_S]
        return tuple((each.at + each.offset_s, each.offset_s) for each in good)

    def uncertain_s(self, peer: int) -> float | None:
        """How far off the best answer of a peer may be; None: there was none."""
        if peer in self._ours:
            return 0.0
        kept = self._kept.get(peer, [])
        return min((each.half_s for each in kept), default=None)
