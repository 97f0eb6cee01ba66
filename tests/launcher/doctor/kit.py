"""Peers and pairs in good health, for tests to spoil."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from launcher.doctor.facts import Facts, Figures, PairReport, PeerReport, Report, Way

GIB = 2**30
FACTS = Facts(
    distrcomp="1.0",
    python="3.11.9",
    libraries={"numpy": "2.1.0", "cloudpickle": "3.1.1", "msgpack": "1.1.0"},
    system="Linux",
    cores=8,
    load=0.5,
    memory_bytes=32 * GIB,
    memory_free_bytes=20 * GIB,
    disk_free_bytes=100 * GIB,
    open_files=1024,
    processes_free=None,
    shared_memory_bytes=16 * GIB,
)
FIGURES = Figures(0.0001, 0.00001, 0.0001, 1e9, 1e9, "10.0.0.2", 1500, 1500)


def peer(number: int, **changed: Any) -> PeerReport:
    """A peer without fault, with facts that are changed so."""
    facts = replace(FACTS, **changed)
    return PeerReport(
        f"h{number}", f"h{number}:6969", reached_at=f"10.0.0.{number}", slots=4, facts=facts
    )


def peer_with(number: int, library: str, version: str | None) -> PeerReport:
    """A peer without fault, with this version of one of its libraries."""
    return peer(number, libraries={**FACTS.libraries, library: version})


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
