"""The ends of failed nodes as lines of a report; strings in, strings out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .. import limits
from .plain import node_list, plain, plain_lines
from .results import NodeResult, PostMortem
from .stack_text import crash_told

# As Python writes a traceback: `  File "prog.py", line 3, in f`, and the line itself below it.
_PLACE = re.compile(
    r'^  File "(?P<file>[^"\n]*)", line (?P<line>\d+)[^\n]*(?:\n    (?P<code>[^\n]*))?', re.M
)


def told_of_waiting(nodes: Sequence[NodeResult], culprit: int | None) -> Iterator[str]:
    """Who was inside a call of distrcomp when node `culprit` ended, and where in the program.

    A call that ends because of it says so by its traceback.
    """
    if culprit is None:
        return
    groups: dict[str, list[int]] = {}
    for node in nodes:
        mortem = node.post_mortem
        if mortem is not None and mortem.blames == culprit and node.node != culprit:
            groups.setdefault(place_of(mortem.traceback), []).append(node.node)
    groups.pop("", None)
    shown_max = limits.POST_MORTEMS_SHOWN_MAX
    for place, ids in list(groups.items())[:shown_max]:
        yield f"{node_list(ids)} waited at {plain(place)}"
    if len(groups) > shown_max:
        yield f"and others at {len(groups) - shown_max:,} more places; --report FILE.json has all"


def place_of(traceback: str) -> str:
    """The last place of a traceback, and what stands there.

    Example:
        >>> place_of('Traceback:\\n  File "prog.py", line 3, in f\\n    dc.recv(1)\\nNodeLost: x')
        'prog.py:3: dc.recv(1)'
    """
    places = list(_PLACE.finditer(traceback))
    if not places:
        return ""
    found = places[-1]
    code = f": {found['code'].strip()}" if found["code"] else ""
    return f"{found['file']}:{found['line']}{code}"


def post_mortems(
    nodes: Sequence[NodeResult], cause: int | None, outputs: Sequence[str]
) -> Iterator[str]:
    """A paragraph for each other node that failed by itself: when, and what it left behind."""
    failed = [
        (node, node.post_mortem)
        for node in nodes
        if node.outcome == "failed" and node.node != cause
        if node.post_mortem is not None and node.post_mortem.blames is None
    ]
    shown_max = limits.POST_MORTEMS_SHOWN_MAX
    for node, mortem in failed[:shown_max]:
        lines = plain_lines(mortem.traceback.rstrip("\n")).splitlines()
        lines = lines or crash_told(mortem.crash)
        lines += tail_lines(node, outputs[node.node])
        lines += told_of_waiting(nodes, node.node)
        if lines:
            when = _later(nodes, cause, mortem)
            yield f"node {node.node}{when}:"
            yield from (f"  {line}" for line in lines)
    if len(failed) > shown_max:
        rest = node_list([node.node for node, _ in failed[shown_max:]])
        yield f"{rest} failed by themselves, too; --report FILE.json has all"


def tail_lines(node: NodeResult, output: str) -> Iterator[str]:
    """The last lines of a node that printed much; of little its block shows all."""
    lines = last_lines(node, output)
    if len(output.splitlines()) > limits.LAST_LINES_MAX and lines:
        yield "its last line:" if len(lines) == 1 else f"its last {len(lines)} lines:"
        yield from (f"  | {plain(line)}" for line in lines)


def last_lines(node: NodeResult, output: str) -> list[str]:
    """The last lines that a node printed before its traceback, or what it wrote when it crashed."""
    mortem = node.post_mortem
    for end in () if mortem is None else (mortem.crash.strip(), mortem.traceback.strip()):
        before, found, _ = output.rpartition(end) if end else ("", "", "")
        output = before if found else output
    return output.splitlines()[-limits.LAST_LINES_MAX :]


def _later(nodes: Sequence[NodeResult], cause: int | None, mortem: PostMortem) -> str:
    first = None if cause is None else nodes[cause].post_mortem
    if first is None or first.at_s is None or mortem.at_s is None:
        return ""
    seconds = mortem.at_s - first.at_s
    if seconds <= first.uncertain_s + mortem.uncertain_s:
        return ", at about the same time"
    return f", {seconds:.3f} s later"
