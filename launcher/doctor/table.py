"""The report as tables for a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..run.plain import plain
from ..run.units import bandwidth_text, bytes_text, seconds_text
from .advice import ERROR, NOTE, WARNING, Finding
from .facts import Figures, PairReport, PeerReport, Report

if TYPE_CHECKING:
    from rich.console import RenderableType

JSON_FORMAT = 1
_DASH = "-"
_LIBRARIES = ("numpy", "cloudpickle", "msgpack")
_NO, _YES = "no", "yes"
_MARKS = {ERROR: ("✗", "red"), WARNING: ("!", "yellow"), NOTE: ("-", "dim")}


def render_tables(report: Report, findings: Sequence[Finding]) -> RenderableType:
    """A table of peers, one of pairs, and what to do."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [_peers_table(report)]
    if report.pairs:
        parts += [Text(), _pairs_table(report)]
    parts.append(Text())
    for finding in findings:
        mark, style = _MARKS[finding.level]
        line = Text(f"{mark} ", style=style)
        line.append(plain(finding.text), style="default")
        parts.append(line)
    if not findings:
        parts.append(Text("nothing to complain of", style="green"))
    return Group(*parts)


def render_json(report: Report, findings: Sequence[Finding]) -> str:
    """Everything as one JSON object, in seconds and bytes."""
    document = {
        "format": JSON_FORMAT,
        "peers": [asdict(peer) for peer in report.peers],
        "pairs": [_pair_document(report, pair) for pair in report.pairs],
        "findings": [asdict(finding) for finding in findings],
    }
    return json.dumps(document, indent=2) + "\n"


def _pair_document(report: Report, pair: PairReport) -> dict[str, Any]:
    return {
        **asdict(pair),
        "peers": [report.label(pair.one), report.label(pair.other)],
        "reaches": pair.reaches,
        "reaches_back": pair.reaches_back,
        "is_linked": pair.is_linked,
    }


def _peers_table(report: Report) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("peer", "reached at", "distrcomp", "Python", *_LIBRARIES):
        table.add_column(title, no_wrap=title != "reached at")
    for title in ("cores", "slots", "memory free", "disk free", "open files", "/dev/shm"):  # noqa: S108
        table.add_column(title, justify="right")
    for peer in report.peers:
        table.add_row(*map(plain, _peer_row(peer)))
    return table


def _peer_row(peer: PeerReport) -> list[str]:
    facts, where = peer.facts, peer.reached_at or peer.address
    if peer.why or facts is None:
        return [peer.label, "not usable", peer.version, peer.python, *[_DASH] * 9]
    limit = "no limit" if facts.open_files is None else f"{facts.open_files:,}"
    sizes = [
        bytes_text(nbytes, _DASH)
        for nbytes in (facts.memory_free_bytes, facts.disk_free_bytes, facts.shared_memory_bytes)
    ]
    return [
        peer.label,
        where,
        facts.distrcomp,
        facts.python,
        *(facts.libraries.get(name) or _DASH for name in _LIBRARIES),
        str(facts.cores),
        str(peer.slots),
        *sizes[:2],
        limit,
        sizes[2],
    ]


def _pairs_table(report: Report) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("from", "to", "there", "back", "address"):
        table.add_column(title)
    for title in ("latency", "rate there", "rate back", "clock ahead", "MTU"):
        table.add_column(title, justify="right")
    for pair in report.pairs:
        table.add_row(*map(plain, _pair_row(report, pair)))
    return table


def _pair_row(report: Report, pair: PairReport) -> list[str]:
    row = [
        report.label(pair.one),
        report.label(pair.other),
        _reached(pair.reaches, can_dial=pair.can_dial),
        _reached(pair.reaches_back, can_dial=pair.can_dial_back),
    ]
    figures = pair.figures
    if figures is None:
        return [*row, *[_DASH] * 6]
    return [
        *row,
        figures.address or _DASH,
        seconds_text(figures.latency_s),
        bandwidth_text(figures.bytes_per_s),
        bandwidth_text(figures.bytes_per_s_back),
        _clock(figures),
        _DASH if figures.mtu is None else str(figures.mtu),
    ]


def _reached(reaches: bool, *, can_dial: bool) -> str:
    if not can_dial:
        return "no port"
    return _YES if reaches else _NO


def _clock(figures: Figures) -> str:
    """The offset, or that it is too small to be known."""
    if abs(figures.clock_offset_s) <= figures.clock_uncertain_s:
        return f"< {seconds_text(figures.clock_uncertain_s)}"
    sign = "-" if figures.clock_offset_s < 0 else ""
    return f"{sign}{seconds_text(abs(figures.clock_offset_s))}"
