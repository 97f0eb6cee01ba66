"""What a soak runs next, on how many nodes, and who is killed: it follows from the seed; pure."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

TRAFFIC, STUCK, PATIENT = "traffic", "stuck", "patient"
_KINDS = {TRAFFIC: 5, STUCK: 3, PATIENT: 4}
_VICTIMS = {"node": 12, "agent": 3, "launcher": 2}
_NODES_MAX = 9


class Plan(NamedTuple):
    """One run.

    Attributes:
        kind, shape, seed: the program's arguments.
        kills: what is killed and how many seconds after the one before, or after the start.
        waits_for_nodes: whether the killer's clock begins with the nodes, not with the launcher.
    """

    number: int
    kind: str
    shape: str
    seed: int
    n_node: int
    data_plane: str
    kills: tuple[tuple[str, float], ...]
    waits_for_nodes: bool = False


def make_plan(
    seed: int, number: int, kill_every_s: float, shapes: tuple[Sequence[str], Sequence[str]]
) -> Plan:
    """The run of this number.

    Args:
        kill_every_s: the mean of the time between two kills, which come as a Poisson process.
        shapes: of programs that are stuck, and of patient ones.
    """
    dice = Random(f"{seed}/{number}")
    kind = dice.choices(list(_KINDS), list(_KINDS.values()))[0]
    stuck, patient = shapes
    shape = {TRAFFIC: ["-"], STUCK: list(stuck), PATIENT: list(patient)}[kind]
    kills: list[tuple[str, float]] = []
    if kind != STUCK and dice.random() < 0.65:
        for _ in range(20):
            victim = dice.choices(list(_VICTIMS), list(_VICTIMS.values()))[0]
            kills.append((victim, dice.expovariate(1.0 / kill_every_s)))
    return Plan(
        number,
        kind,
        dice.choice(shape),
        dice.randrange(2**32),
        dice.randint(2, _NODES_MAX),
        dice.choice(("tls", "tls", "plain")),
        tuple(kills),
        waits_for_nodes=dice.random() < 0.7,
    )
