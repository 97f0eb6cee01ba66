"""Recorded calls and results, for the tests of traces and pages."""

from __future__ import annotations

from dataclasses import replace

from distrcomp.call_records import CALLS, RECORD
from launcher.run.matching import Call
from launcher.run.results import NodeResult, RunResult

CANARIES = (
    "<script>alert(1)</script>",
    "</script><script>x()</script>",
    "<!-- <script> -->",
    '"><img src=x onerror=x()>',
    "\x1b[31mred\x1b[0m \x1b]52;c;eA==\x07",
    "\u202egnp.exe\u2066",
    "nul \0 and \x9b31m",
    "&lt;b&gt; ]]> ${x} {{x}}",
)


def call(name: str, began: int, peer: int = -1, tag: int = -1, **fields: int) -> Call:
    """A call that took 10 ns, of the main thread."""
    made = Call(began, began + 10, 1, -1, peer, tag, CALLS.index(name), 0, 0)
    return made._replace(**fields)


def packed(*calls: Call) -> bytes:
    """As a node tells of them."""
    return b"".join(RECORD.pack(*each) for each in calls)


def result(*changes: dict[str, object], **of_run: object) -> RunResult:
    """A run of so many nodes, each with its changes."""
    plain = NodeResult(0, "h1", 0, None, "finished", "", 2.0)
    nodes = tuple(
        replace(plain, node=number, **each)  # type: ignore[arg-type]
        for number, each in enumerate(changes)
    )
    made = RunResult("ab" * 16, "prog.py", len(nodes), 0, 2.0, None, nodes, ())
    return replace(made, **of_run)  # type: ignore[arg-type]
