"""The shapes of programs that deadlock on purpose, and of those that only look so; see program."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

STUCK = ("ring", "ssend", "wrong_tag", "request", "probe", "threads", "barrier")
PATIENT = (
    "sleeping",
    "computing",
    "reading",
    "late_for_a_barrier",
    "time_limits",
    "other_thread",
    "timer",
    "slow_reader",
)
_WHOLE = ("barrier",)
"""Shapes that need all nodes of the world."""


def core(shape: str, stuck: Sequence[int]) -> set[int]:
    """Those of the nodes in a deadlock that a verdict has to name.

    Of a barrier the others may come when two wait for each other already.
    """
    return set(stuck[:2] if shape in _WHOLE else stuck)


def stuck_nodes(shape: str, seed: int, n_node: int) -> list[int]:
    """Which nodes are to be in the deadlock."""
    if shape in _WHOLE or n_node == 2:
        return list(range(n_node))
    dice = Random(f"{seed}/stuck")
    return sorted(dice.sample(range(n_node), dice.randint(2, n_node)))
