"""A finished run told as text or JSON; strings in, strings out.

What a node printed is the person's own and stays as it is. Everything else that comes from other
machines or from file names is made plain (S-37).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath

from ..errors import BadUsage
from .plain import node_list, plain, plain_lines
from .stack_text import stacks_told

JSON_FORMAT = 1

# Linux's signals from 1 on; distrcomp's machines all run Linux, and no core imports `signal`.
_SIGNALS = (
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT "
    "CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
)


@dataclass(frozen=True)
class NodeResult:
    """How one node ended.

    Attributes:
        exit_code, signal: at most one is set; neither where the node's end is not known.
        outcome: "finished", "failed", "stopped" (by us or as a consequence), "lost" or
            "never started".
        reason: one sentence where there is more to say, else empty.
        seconds: how long it ran.
        stacks: where its threads were before the run was ended from outside, as Python writes it.
        no_stacks: why that is not known, where it was asked for.
    """

    node: int
    peer: str
    exit_code: int | None
    signal: int | None
    outcome: str
    reason: str
    seconds: float | None
    stacks: str = ""
    no_stacks: str = ""


@dataclass(frozen=True)
class Cause:
    """Why a run failed: the first failure. `traceback` is empty where there is none."""

    headline: str
    traceback: str
    node: int | None
    peer: str | None


@dataclass(frozen=True)
class RunResult:
    """How a run ended; `nodes` in node order, `cause` None for a run that did not fail."""

    run_id: str
    program: str
    n_node: int
    exit_code: int
    seconds: float
    cause: Cause | None
    nodes: tuple[NodeResult, ...]
    notes: tuple[str, ...]


def render_text(result: RunResult, outputs: Sequence[str]) -> str:
    """The merged report: cause, one block a node, notes, total time.

    Args:
        result: the run.
        outputs: what each node printed, in node order.
    """
    parts: list[str] = []
    if result.cause is not None:
        parts.extend(_cause_lines(result, result.cause))
    for node, output in zip(result.nodes, outputs, strict=True):
        parts.append(f"--------(Node {node.node}  {plain(node.peer)})--------\n")
        parts.append(output)
        if output and not output.endswith("\n"):
            parts.append("\n")
    parts.extend(f"{plain(note)}\n" for note in result.notes)
    parts.append(f"Total time : {result.seconds:.3f}.\n")
    return "".join(parts)


def render_json(result: RunResult, outputs: Sequence[str]) -> str:
    """The same as one JSON object; each node has its output. All in ASCII."""
    report = {"format": JSON_FORMAT, **asdict(result)}
    report["nodes"] = [
        {**asdict(node), "signal_name": _signal_name_or_none(node.signal), "output": output}
        for node, output in zip(result.nodes, outputs, strict=True)
    ]
    return json.dumps(report, indent=2) + "\n"


def report_format(path: str) -> str:
    """What `--report FILE` asks for by the file's ending: "text" or "json".

    Raises:
        BadUsage: any other ending.
    """
    formats = {".txt": "text", ".json": "json"}
    found = formats.get(PurePath(path).suffix.lower())
    if found is None:
        raise BadUsage(
            f"--report writes text to a file ending in .txt and JSON to one ending in .json; "
            f"{path!r} ends in neither"
        )
    return found


def signal_name(number: int) -> str:
    """The name of a signal.

    Example:
        >>> signal_name(11), signal_name(40)
        ('SIGSEGV', 'signal')
    """
    names = _SIGNALS.split()
    return f"SIG{names[number - 1]}" if 1 <= number <= len(names) else "signal"


def describe_end(exit_code: int | None, signal: int | None) -> str:
    """How a process ended, in words; "" where that is not known.

    Example:
        >>> describe_end(3, None), describe_end(None, 11)
        ('exit code 3', 'killed by SIGSEGV (11)')
    """
    if signal is not None:
        return f"killed by {signal_name(signal)} ({signal})"
    return "" if exit_code is None else f"exit code {exit_code}"


def _cause_lines(result: RunResult, cause: Cause) -> Iterator[str]:
    yield f"{plain(cause.headline)}\n"
    if cause.traceback:
        yield plain_lines(cause.traceback.removesuffix("\n")) + "\n"
    for sentence in _consequences(result.nodes, cause.node):
        yield f"{sentence}\n"
    taken = [(n.node, n.stacks, n.no_stacks) for n in result.nodes if n.stacks or n.no_stacks]
    for line in stacks_told(taken):
        yield f"{line}\n"
    yield "\n"


def _consequences(nodes: Sequence[NodeResult], first: int | None) -> Iterator[str]:
    """One sentence for all nodes that ended alike, without node `first`, the cause itself."""
    groups: dict[tuple[str, str], list[int]] = {}
    for node in nodes:
        if node.outcome == "finished" or node.node == first:
            continue
        reason = ""
        if node.outcome != "stopped":  # how a stopped node went is our doing and says nothing
            reason = plain(node.reason) or describe_end(node.exit_code, node.signal)
        groups.setdefault((node.outcome, reason), []).append(node.node)
    for (outcome, reason), ids in groups.items():
        was = "was" if len(ids) == 1 else "were"
        words = {
            "stopped": f"{was} stopped because of it",
            "failed": "failed after it",
            "lost": f"{was} lost",
        }.get(outcome, plain(outcome))
        yield f"{node_list(ids)} {words}{': ' if reason else ''}{reason}"


def _signal_name_or_none(number: int | None) -> str | None:
    return None if number is None else signal_name(number)
