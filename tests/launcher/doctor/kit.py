"""Peers and pairs in good health, for tests to spoil."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from launcher.doctor.facts import Facts, Figures, PairReport, PeerReport, Report, Way

GIB = 2**30
FACTS = Facts(
    "1.0", "3.11.9", "2.1.0", "Linux", 8, 0.5, 32 * GIB, 20 * GIB, 100 * GIB, 1024, None, 16 * GIB
)
FIGURES = Figures(0.0001, 0.00001, 0.0001, 1e9, 1e9, "10.0.0.2", 1500, 1500)


def peer(number: int, **changed: Any) -> PeerReport:
    """A peer without fault, with facts that are changed so."""
    facts = replace(FACTS, **changed)
    return PeerReport(
        f"h{number}", f"h{number}:6969", reached_at=f"10.0.0.{number}", slots=4, facts=facts
    )


def way(to: int, why: str = "", host: str = "") -> Way:
    """An attempt to reach a node."""
    return Way(to, host or f"h{to}", 6969, f"10.0.0.{to}", 0.01, why)


def pair(one: int, other: int, **changed: Any) -> PairReport:
    """Two peers that reach each other, with figures that are changed so."""
    figures = replace(FIGURES, **changed)
    return PairReport(one, other, (way(other),), (way(one),), True, True, figures)


def report(*peers: PeerReport, pairs: tuple[PairReport, ...] | None = None) -> Report:
    """Of these peers, by default two good ones and their pair."""
    known = peers or (peer(0), peer(1))
    return Report(known, (pair(0, 1),) if pairs is None else pairs)
