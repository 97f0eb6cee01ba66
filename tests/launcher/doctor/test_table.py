"""The report as tables and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from rich.console import Console

from launcher.doctor.advice import Finding, advise
from launcher.doctor.facts import Report
from launcher.doctor.table import render_json, render_tables
from tests.launcher.doctor.kit import pair, peer, report


def printed(found: Report) -> str:
    """The tables as text."""
    console = Console(width=160, force_terminal=False)
    with console.capture() as capture:
        console.print(render_tables(found, advise(found)))
    return capture.get()


def test_good_health() -> None:
    """Each peer has its line, each pair has, and that nothing is wrong is said."""
    text = printed(report())
    assert "h0    10.0.0.0    1.0        3.11.9  2.1.0  3.1.1        1.1.0 " in text
    assert "h0    h1  yes    yes   10.0.0.2   100 µs   1.00 GB/s" in text
    assert "< 100 µs" in text
    assert text.endswith("nothing to complain of\n")


def test_what_is_wrong() -> None:
    """A peer that can't be used has dashes; findings stand below, errors marked."""
    lost = replace(peer(1), why="h1:6969 refuses\x1b[2J", facts=None, version="0.9")
    text = printed(report(peer(0), lost, pairs=()))
    assert "h1    not usable" in text
    assert "✗ h1:6969 refuses\\x1b[2J" in text


def test_a_pair_that_was_not_measured() -> None:
    """Its line says who reaches whom."""
    text = printed(report(pairs=(replace(pair(0, 1), figures=None, ways=(), can_dial=False),)))
    assert "h0    h1  no port  yes" in text


def test_a_clock_behind() -> None:
    """A clock that is behind has its sign."""
    assert "-2.00 s" in printed(report(pairs=(pair(0, 1, clock_offset_s=-2.0),)))


def test_json() -> None:
    """Everything stands in it, with what follows."""
    found = report()
    document = json.loads(render_json(found, (Finding("error", ("h0",), "what"),)))
    assert ["h0", "h1"] == document["pairs"][0]["peers"]
    assert True is document["pairs"][0]["is_linked"]
    assert 8 == document["peers"][0]["facts"]["cores"]
    assert [{"level": "error", "whom": ["h0"], "text": "what"}] == document["findings"]
