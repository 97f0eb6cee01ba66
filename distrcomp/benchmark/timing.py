"""How many rounds are timed, and how often; no I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Batch = Callable[[int], float]
"""Does so many rounds; the seconds that they took."""

# Samples of each batch in one measurement: an odd number, for the median.
SAMPLES = 9
ROUNDS_MAX = 1_000_000


def in_turn(batches: Sequence[Batch], budget_s: float) -> list[list[float]]:
    """Samples of the seconds that one round of each batch takes.

    The batches take turns, so that a change of the machine's speed meets all of them. Each gets at
    least one sample, whatever the budget.

    Args:
        budget_s: about how long all of it may take.

    Example:
        >>> in_turn([lambda rounds: rounds * 0.25], 1.0)
        [[0.25, 0.25, 0.25, 0.25]]
    """
    target_s = budget_s / ((SAMPLES + 1) * len(batches))  # finding out how many takes one share
    rounds = [_rounds_for(batch, target_s) for batch in batches]
    samples: list[list[float]] = [[] for _ in batches]
    spent_s = 0.0
    for _ in range(SAMPLES):
        for batch, count, taken in zip(batches, rounds, samples, strict=True):
            seconds = batch(count)
            taken.append(seconds / count)
            spent_s += seconds
        if spent_s >= budget_s:
            break
    return samples


def _rounds_for(batch: Batch, target_s: float) -> int:
    """How many rounds take about `target_s`; trying that out warms everything up."""
    rounds, seconds = 1, batch(1)
    while seconds < target_s / 4 and rounds < ROUNDS_MAX:
        rounds = min(rounds * 4, ROUNDS_MAX)
        seconds = batch(rounds)
    return min(max(int(rounds * target_s / max(seconds, 1e-9)), 1), ROUNDS_MAX)
