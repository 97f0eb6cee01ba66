"""Figures as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..run.plain import plain
from ..run.units import bandwidth_text, rate_text, seconds_text, share_text, size_text
from .figures import CollectiveFigures, Figures, PairFigures, Row

if TYPE_CHECKING:
    from rich.console import RenderableType

# Shorter messages have a time; their bytes a second say nothing.
_BANDWIDTH_BYTES_MIN = 1024
_HEADINGS = {
    "objects": "Half round trip",
    "arrays": "",
    "one way": "One way, message after message",
    "both ways": "Both ways at once",
}
_CEILINGS = {
    "memory copy": "Ceiling: one copy of the same bytes, out of memory that both nodes map",
    "TCP": "Ceiling: the same bytes over a bare, unencrypted TCP connection",
}
_ON_COLLECTIVES = (
    "Time of one call; sizes are of the array that each node gives, in alltoall gives each. Of "
    "bcast and gather every node is the root in turn."
)


def render_table(figures: Figures) -> RenderableType:
    """A table for each pair, and below it what its ceiling is; one of all nodes together."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    for pair in figures.pairs:
        parts.append(Text(plain(_title(pair, figures)), style="bold"))
        parts.append(_pair_table(pair))
        parts.extend(Text(f"{plain(remark)}") for remark in remarks(pair))
        parts.append(Text())
    parts.append(Text(plain(_title(figures.collectives, figures)), style="bold"))
    parts.append(_collectives_table(figures.collectives))
    parts.append(Text(_ON_COLLECTIVES))
    return Group(*parts)


def _title(measured: PairFigures | CollectiveFigures, figures: Figures) -> str:
    """Who has measured and, between machines, how messages travelled."""
    plane = "" if measured.is_inside else f", data plane {figures.data_plane}"
    return f"{measured.title}{plane}"


def remarks(pair: PairFigures) -> list[str]:
    """What has to be said of a pair's figures."""
    if pair.ceiling_missing:
        kind = "memory copy" if pair.is_inside else "bare TCP connection"
        said = [f"No ceiling, because no {kind} could be measured: {pair.ceiling_missing}."]
    else:
        ceiling = _CEILINGS.get(pair.ceiling, f"Ceiling: {pair.ceiling}")
        said = [f"{ceiling}; the best sample, messages the median."]
    if pair.cores < 2 and pair.is_inside:
        said.append("One core for both nodes: each figure holds a change of process.")
    if pair.left_out:
        sizes = ", ".join(size_text(size) for size in pair.left_out)
        said.append(f"Left out, since one message would take longer than a second: {sizes}.")
    return said


def _pair_table(pair: PairFigures) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for heading in ("time", "ceiling", "rate", "ceiling", "of it"):
        table.add_column(heading, justify="right", no_wrap=True)
    group = ""
    for row in pair.rows:
        if row.group != group and _HEADINGS.get(row.group, row.group):
            table.add_row(_HEADINGS.get(row.group, row.group), style="bold")
        group = row.group
        table.add_row(f"  {row_name(row)}", *_cells(row))
    return table


def _collectives_table(collectives: CollectiveFigures) -> RenderableType:
    """A line for each call, a column for each message; what carries nothing is in the first one."""
    from rich.table import Table

    lines: dict[str, list[str]] = {}
    for row in collectives.rows:
        lines.setdefault(row.name, []).append(seconds_text(row.seconds))
    rows = [row for row in collectives.rows if row.bytes]
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for message in dict.fromkeys(row.message or size_text(row.bytes) for row in rows):
        table.add_column(plain(message), justify="right", no_wrap=True)
    for name, times in lines.items():
        table.add_row(f"  {plain(name)}", *times)
    return table


def row_name(row: Row) -> str:
    """What a row is about."""
    return plain(row.name) or f"array, {size_text(row.bytes)}"


def _cells(row: Row) -> list[str]:
    ceiling_s, share = row.ceiling_seconds, row.share_of_ceiling
    return [
        seconds_text(row.seconds),
        "-" if ceiling_s is None else seconds_text(ceiling_s),
        _rate(row, row.seconds),
        _rate(row, ceiling_s),
        "-" if share is None else share_text(share),
    ]


def _rate(row: Row, seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if row.group == "one way":
        return rate_text(1 / seconds)
    if row.bytes < _BANDWIDTH_BYTES_MIN:
        return ""
    return bandwidth_text(row.moved_bytes / seconds)
