"""How far two clocks are apart, by questions and answers; no I/O.

An answer was given between question and receipt, so of all exchanges the quickest says most: the
offset is known to half of the time that it took.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Exchange(NamedTuple):
    """One question and its answer.

    Attributes:
        at: our clock when it was asked.
        sent, back: a clock that nobody sets, at the question and at the answer.
        there: the other clock in between.
    """

    at: float
    sent: float
    back: float
    there: float


def best_offset(exchanges: Sequence[Exchange]) -> tuple[float, float]:
    """By how many seconds the other clock is ahead, and how uncertain that is.

    Example:
        >>> best_offset([Exchange(100.0, 1.0, 1.5, 107.25), Exchange(101.0, 2.0, 4.0, 103.0)])
        (7.0, 0.25)
    """
    best = min(exchanges, key=lambda each: each.back - each.sent)
    half_s = (best.back - best.sent) / 2
    return best.there - (best.at + half_s), half_s
