"""Whether a run of the soak has said the truth about itself, and lost or spoiled no message; pure.

The judge knows the program's plan, whom the killer has hit, and what the run has said: its exit
code, its report, and a line of each node. What it finds wrong are faults, each one sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.soak.plan import STUCK, Plan
from tests.soak.shapes import core

_GUARD_CODE, _NOT_STARTED_CODE, _KILLED_CODE = 124, 3, 137
# How a node of the soak may end: by a call that tells of another one's end, or, where it computes
# and makes no call, as by Ctrl-C.
_ENDS = ("NodeLost", "Deadlock", "LinkFailed", "KeyboardInterrupt")
_BY_KILL = "killed by SIGKILL (9)"


class Killed(NamedTuple):
    """Something that was killed while the run went on; `which` is a node or the name of a host."""

    victim: str
    which: str


class Case(NamedTuple):
    """One run and what came of it.

    Attributes:
        code: the launcher's exit code.
        report: what it wrote by `--report`; None if it did not come to that.
        killed: in order.
        expected: how many messages go from node to node, if nothing is in the way.
        n_stray: how many more are sent that nobody receives.
        stuck: the nodes that are to deadlock.
    """

    plan: Plan
    code: int
    report: Mapping[str, Any] | None
    killed: Sequence[Killed]
    expected: Mapping[tuple[int, int], int]
    n_stray: int
    stuck: Sequence[int]


def verdict_of(case: Case) -> str:
    """In a word, what the run says of itself."""
    if any(killed.victim == "launcher" for killed in case.killed):
        return "cut off"
    if case.report is None:
        return "not begun" if case.code == _NOT_STARTED_CODE else "no word"
    cause = case.report["cause"]
    if cause is None:
        return "finished"
    if cause["headline"].startswith("Deadlock"):
        return "deadlock"
    if case.code == _GUARD_CODE:
        return "time limit"
    return "failed"


def faults(case: Case) -> list[str]:
    """All that is wrong with a run."""
    found = list(_faults_of_messages(case))
    verdict = verdict_of(case)
    if verdict == "cut off":
        return found  # what it said until then is as it may be
    if case.report is None:
        if not (case.code == _NOT_STARTED_CODE and case.killed):
            found.append(f"there is no report, and nobody killed the launcher (code {case.code})")
    elif case.plan.kind == STUCK:
        found += _faults_of_stuck(case, verdict)
    elif verdict == "deadlock":
        found.append(f"false verdict: {_headline(case)}")
    elif verdict == "finished":
        found += _faults_of_success(case)
    else:
        found += _faults_of_failure(case)
    return found


def lines_of_nodes(case: Case) -> dict[int, Mapping[str, Any]]:
    """What the nodes have said of themselves, by node."""
    found = {}
    for node in case.report["nodes"] if case.report is not None else ():
        for line in node["output"].splitlines():
            if line.startswith("SOAK "):
                found[node["node"]] = json.loads(line.removeprefix("SOAK "))
    return found


def seconds_to_verdict(case: Case) -> float | None:
    """From the last node's wait to the first node's hearing of the deadlock."""
    lines = lines_of_nodes(case)
    told = [lines[node] for node in case.stuck if node in lines]
    heard = [line["ended"] for line in told if line.get("by") == "Deadlock"]
    if not heard or len(told) < len(case.stuck):
        return None
    return min(heard) - max(line["waits"] for line in told)


def _headline(case: Case) -> str:
    cause = case.report["cause"] if case.report is not None else None
    return "" if cause is None else cause["headline"]


def _faults_of_messages(case: Case) -> Iterator[str]:
    """Nobody receives what was not sent, nor anything in a wrong order or changed."""
    lines = lines_of_nodes(case)
    for node, line in lines.items():
        if line.get("by", "NodeLost") not in _ENDS:
            yield f"node {node} ended by {line['by']}"
        for source, count in line["received"].items():
            sender = lines.get(int(source))
            if sender is not None and count > sender["begun"].get(str(node), 0):
                yield f"node {node} received {count} messages from {source}, which sent fewer"


def _faults_of_success(case: Case) -> Iterator[str]:
    """Every node has ended well and every message was received, but for the strays."""
    report = case.report or {}
    lines = lines_of_nodes(case)
    if case.code:
        yield f"exit code {case.code} without a cause"
    for node in report["nodes"]:
        if node["outcome"] != "finished" or not lines.get(node["node"], {}).get("done"):
            yield f"node {node['node']} {node['outcome']} in a run that is well, or told no end"
    for (source, dest), count in case.expected.items():
        for key, node, other in (("begun", source, dest), ("received", dest, source)):
            told = lines.get(node, {}).get(key, {}).get(str(other), 0)
            if told != count:
                yield f"{key} by node {node}: {told} messages of {count}, with node {other}"
    accounts = [note for note in report["notes"] if "never" in note]
    words = re.match(r"([\d,]+) messages? (?:was|were) sent and never received", " ".join(accounts))
    n_told = int(words[1].replace(",", "")) if words else 0
    if n_told != case.n_stray or (accounts and not case.n_stray):
        yield f"{case.n_stray} messages were never received, and the report says: {accounts}"


def _faults_of_stuck(case: Case, verdict: str) -> Iterator[str]:
    """The deadlock is found, with these nodes in it."""
    if verdict != "deadlock":
        yield f"missed deadlock of nodes {list(case.stuck)}: {verdict}: {_headline(case)}"
        return
    named = set(nodes_named(_headline(case)))
    if not core(case.plan.shape, case.stuck) <= named <= set(case.stuck):
        yield f"nodes {list(case.stuck)} are stuck, and the verdict is: {_headline(case)}"
    if case.code != 1:
        yield f"exit code {case.code} for a deadlock"


def _faults_of_failure(case: Case) -> Iterator[str]:
    """A run fails by what the killer did, and says so."""
    headline = _headline(case)
    for killed in case.killed:
        if killed.victim == "node":
            is_named = f"node {killed.which} on " in headline and _BY_KILL in headline
            codes = (_KILLED_CODE, _NOT_STARTED_CODE)
        else:
            is_named = killed.which in headline
            codes = (1, _NOT_STARTED_CODE)
        if is_named and case.code in codes:
            return
    yield f"killed: {list(map(tuple, case.killed))}; the run says (code {case.code}): {headline}"


def nodes_named(headline: str) -> list[int]:
    """The nodes that a verdict names.

    Example:
        >>> nodes_named("Deadlock: nodes 0 to 2 and 7 wait for each other, and no message ...")
        [0, 1, 2, 7]
    """
    words = re.match(r"Deadlock: nodes? (.*?) waits? for", headline)
    named: list[int] = []
    for part in re.split(r", | and ", words[1] if words else ""):
        first, _, last = part.partition(" to ")
        if first.isdigit():
            named += range(int(first), int(last or first) + 1)
    return named
