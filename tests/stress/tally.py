"""What was counted in a run, and what its memory came to; no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

MIB = 2**20
_SLACK_BYTES = 32 * MIB  # what the C library keeps, and what is small but numerous
CREEP_BYTES_MAX = 32 * MIB
"""How much more it may hold in the last quarter of a part than in the second."""
_SAMPLES_MIN = 200  # in fewer rounds what is under way outweighs what creeps


def growth_bytes_max(lanes: int, of_lane: int) -> int:
    """What a node may hold beside what it had at its start and its pool of recycled memory.

    Args:
        lanes: how many go on at once.
        of_lane: what one sends and receives in a round, and keeps, in bytes.
    """
    return lanes * of_lane + _SLACK_BYTES


def growth(samples: Sequence[int], start: int) -> tuple[int, int]:
    """By how much memory exceeded the start at most, and how much it crept upwards, in bytes."""
    quarter = len(samples) // 4
    peak = max(samples, default=start) - start
    if len(samples) < _SAMPLES_MIN:
        return peak, 0
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    return peak, int(median(late) - median(early))


def merged(nodes: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """The sums over all nodes."""
    total: Counter[str] = Counter()
    for node in nodes:
        total.update(node["counts"])
    return total


def report(nodes: Sequence[Mapping[str, Any]]) -> str:
    """A table for people: what was counted, and how often a second."""
    seconds = max(node["seconds"] for node in nodes)
    total = merged(nodes)
    width = max(map(len, total))
    lines = [
        f"{what:{width}}  {count:12,}  {count / seconds:12,.1f} /s"
        for what, count in sorted(total.items())
    ]
    peak, creep = (max(node[what] for node in nodes) for what in ("peak", "creep"))
    kinds = sorted({kind for node in nodes for kind in node["links"]})
    return "\n".join(
        [
            *lines,
            f"links: {', '.join(kinds)}",
            f"memory beside the pool: at most {peak / MIB:.1f} MiB above the start, "
            f"creep {creep / MIB:.1f} MiB",
        ]
    )
