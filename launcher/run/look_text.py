"""What is seen of live runs, as text and as JSON; no I/O."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .. import limits
from ..control import looks
from .plain import counted, node_list, plain
from .stack_text import short_stacks, stacks_told
from .units import bytes_text

_HEADS = ("node", "peer", "pid", "state", "waits for", "since", "CPU", "memory", "in", "out")
_RIGHT = {"node", "pid", "since", "CPU", "memory", "in", "out"}


def runs_text(runs: Sequence[looks.RunStatus]) -> str:
    """A paragraph for each run: what it is, and a line for each node."""
    return "\n".join(_run_text(run) for run in runs)


def runs_json(runs: Sequence[looks.RunStatus]) -> str:
    """The same as JSON: a list of runs, each with its nodes."""
    return json.dumps([asdict(run) | {"run_id": run.run_id.hex()} for run in runs], indent=2) + "\n"


def stacks_text(taken: Sequence[looks.NodeStacks], wanted: Sequence[int] = ()) -> str:
    """Where nodes are, those that are at the same place together; and of which nobody knows it.

    Args:
        wanted: all of whom that was asked.
    """
    lines = stacks_told([(each.node, each.text, each.why) for each in taken], now=True)
    missing = sorted(set(wanted) - {each.node for each in taken})
    if missing:
        is_on = "is on a machine that was" if len(missing) == 1 else "are on machines that were"
        lines.append(f"{node_list(missing)} {is_on} not asked")
    return "".join(f"{line}\n" for line in lines)


def stacks_json(taken: Sequence[looks.NodeStacks]) -> str:
    """The same as JSON: also all that Python wrote, with distrcomp's own frames."""
    told: list[dict[str, Any]] = [
        asdict(each) | {"threads": short_stacks(each.text)} for each in taken
    ]
    return json.dumps(told, indent=2) + "\n"


def _run_text(run: looks.RunStatus) -> str:
    heads: tuple[str, ...] = (*_HEADS, "program") if run.programs else _HEADS
    rows = [heads, *(_row(node, run.is_whole) + _program_of(node, run) for node in run.nodes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines = [
        "  ".join(
            cell.rjust(width) if head in _RIGHT else cell.ljust(width)
            for head, cell, width in zip(heads, row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    since = "has not begun" if run.seconds is None else f"for {_seconds(run.seconds)}"
    part = "" if run.is_whole else f", {len(run.nodes)} of them seen"
    head = (
        f"run {run.run_id.hex()[: limits.RUN_ID_SHOWN]}  {plain(run.program)}  "
        f"({counted(run.n_node, 'node')}{part}, {since})"
    )
    return "".join(f"{line}\n" for line in [head, *lines])


def _program_of(node: looks.NodeStatus, run: looks.RunStatus) -> tuple[str, ...]:
    """The last column, where a run has several programs."""
    if not run.programs:
        return ()
    is_known = 0 <= node.program < len(run.programs)
    return (plain(run.programs[node.program]) if is_known else "?",)


def _row(node: looks.NodeStatus, is_whole: bool) -> tuple[str, ...]:
    is_unknown = not is_whole and node.pid is not None  # only the launcher hears of waits
    return (
        str(node.node),
        plain(node.peer),
        "" if node.pid is None else str(node.pid),
        plain(node.state),
        plain(node.waits_for) or ("?" if is_unknown else ""),
        "" if node.since_s is None else _seconds(node.since_s),
        "" if node.cpu_s is None else _seconds(node.cpu_s),
        "" if node.memory_bytes is None else bytes_text(node.memory_bytes),
        "" if node.pid is None else bytes_text(node.bytes_in, "?"),
        "" if node.pid is None else bytes_text(node.bytes_out, "?"),
    )


def _seconds(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
