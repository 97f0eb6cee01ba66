"""Made-up figures."""

from __future__ import annotations

from launcher.bench.figures import (
    CollectiveFigures,
    CollectiveRow,
    Figures,
    PairFigures,
    Row,
)

KIB, MIB = 2**10, 2**20


def row(
    group: str = "arrays",
    size: int = MIB,
    seconds: float = 1e-3,
    ceiling_seconds: float | None = 2.5e-4,
    name: str = "",
) -> Row:
    """A measurement; its samples lie close together."""
    return Row(group, name, size, seconds, seconds * 0.9, seconds * 1.1, ceiling_seconds)


ROWS = (
    row("objects", 5, 1e-6, 4e-7, "int"),
    row("arrays", 0, 1e-6, 4e-7),
    row("arrays", 64, 1e-6, 4e-7),
    row("arrays", KIB, 2e-6, 5e-7),
    row("arrays", MIB, 1e-3, 2.5e-4),
    row("one way", 5, 2e-6, 1e-6, "int"),
    row("both ways", MIB, 2e-3, 1e-3),
)


def inside(rows: tuple[Row, ...] = ROWS, missing: str = "", cores: int = 2) -> PairFigures:
    """A pair on one machine."""
    return PairFigures((0, 1), ("h1", "h1"), cores, "memory copy", missing, (), rows)


def across(
    rows: tuple[Row, ...] = ROWS, missing: str = "", left_out: tuple[int, ...] = ()
) -> PairFigures:
    """A pair on two machines."""
    return PairFigures((0, 2), ("h1", "h2"), 2, "TCP", missing, left_out, rows)


def collective(name: str, message: str, size: int, seconds: float = 1e-3) -> CollectiveRow:
    """A measurement of a collective call; its samples lie close together."""
    return CollectiveRow(name, message, size, seconds, seconds * 0.9, seconds * 1.1)


COLLECTIVES = (
    collective("barrier", "nothing", 0, 1e-6),
    collective("bcast", "int", 5, 2e-6),
    collective("bcast", "", KIB, 3e-6),
    collective("allreduce", "int", 5, 4e-6),
    collective("allreduce", "", KIB, 5e-6),
)


def figures(*pairs: PairFigures, peers: tuple[str, ...] = ("h1", "h1")) -> Figures:
    """A finished measurement, with collective calls of nodes on these peers."""
    return Figures("0.1.0", "3.11.7", "tls", pairs, CollectiveFigures(peers, COLLECTIVES))
