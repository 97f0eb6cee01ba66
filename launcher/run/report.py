"""A finished run told as text or JSON; strings in, strings out.

What a node printed is the person's own and stays as it is. Everything else that comes from other
machines or from file names is made plain (S-37).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import PurePath

from .. import limits
from ..errors import BadUsage
from .mortem_text import last_lines, post_mortems, tail_lines, told_of_waiting
from .plain import counted, node_list, plain, plain_lines
from .results import Cause, NodeResult, RunResult
from .stack_text import stacks_told

JSON_FORMAT = 1

# Linux's signals from 1 on; distrcomp's machines all run Linux, and no core imports `signal`.
_SIGNALS = (
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT "
    "CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
)


def render_text(result: RunResult, outputs: Sequence[str]) -> str:
    """The merged report: cause, one block a node, notes, total time.

    Args:
        result: the run.
        outputs: what each node printed, in node order.
    """
    parts: list[str] = []
    if result.cause is not None:
        parts.extend(f"{line}\n" for line in cause_lines(result, result.cause, outputs))
    for node, output in zip(result.nodes, outputs, strict=True):
        program = f"  {plain(node.program)}" if node.program else ""
        parts.append(f"--------(Node {node.node}  {plain(node.peer)}{program})--------\n")
        parts.append(output)
        if output and not output.endswith("\n"):
            parts.append("\n")
    parts.extend(f"{line}\n" for line in collected_lines(result))
    parts.extend(f"{plain_lines(note)}\n" for note in result.notes)
    parts.append(f"Total time : {result.seconds:.3f}.\n")
    return "".join(parts)


def render_json(result: RunResult, outputs: Sequence[str]) -> str:
    """The same as one JSON object; each node has its output. All in ASCII."""
    report = {"format": JSON_FORMAT, **asdict(result)}
    del report["n_notes_before"]  # of use to those who show only a part
    report["nodes"] = [
        {
            **asdict(node),
            "post_mortem": _post_mortem(node, output),
            "signal_name": _signal_name_or_none(node.signal),
            "output": output,
        }
        for node, output in zip(result.nodes, outputs, strict=True)
    ]
    return json.dumps(report, indent=2) + "\n"


def report_format(path: str) -> str:
    """What `--report FILE` asks for by the file's ending: "text", "json" or "html".

    Raises:
        BadUsage: any other ending.
    """
    formats = {".txt": "text", ".json": "json", ".html": "html"}
    found = formats.get(PurePath(path).suffix.lower())
    if found is None:
        raise BadUsage(
            f"--report writes a page to a file ending in .html, text to one ending in .txt and "
            f"JSON to one ending in .json; {path!r} ends in none of them"
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


def collected_lines(result: RunResult) -> list[str]:
    """The files that were brought back, the first of them one by one."""
    files = result.collected
    if not files:
        return []
    lines = [
        f"  node {file.node}  {plain(file.path)}  {file.bytes:,} bytes"
        for file in files[: limits.COLLECTED_SHOWN_MAX]
    ]
    more = len(files) - len(lines)
    total = sum(file.bytes for file in files)
    head = f"{counted(len(files), 'file')} brought back into {plain(result.collected_in)}"
    return [f"{head} ({total:,} bytes):", *lines, *([f"  and {more:,} more"] if more else [])]


def where_nodes_were(nodes: Sequence[NodeResult]) -> list[str]:
    """The places of nodes that were asked for them before the run was ended from outside."""
    taken = [(n.node, n.stacks, n.no_stacks) for n in nodes if n.stacks or n.no_stacks]
    return stacks_told(taken)


def cause_lines(result: RunResult, cause: Cause, outputs: Sequence[str]) -> Iterator[str]:
    """What made a run fail: in one line, and then all that is known of it."""
    yield plain(cause.headline)
    if cause.traceback:
        yield plain_lines(cause.traceback.removesuffix("\n"))
    if cause.node is not None:
        yield from tail_lines(result.nodes[cause.node], outputs[cause.node])
    yield from _consequences(result.nodes, cause.node)
    yield from told_of_waiting(result.nodes, cause.node)
    yield from where_nodes_were(result.nodes)
    yield from post_mortems(result.nodes, cause.node, outputs)
    yield ""


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


def _post_mortem(node: NodeResult, output: str) -> dict[str, object] | None:
    if node.post_mortem is None:
        return None
    return asdict(node.post_mortem) | {"last_lines": last_lines(node, output)}


def _signal_name_or_none(number: int | None) -> str | None:
    return None if number is None else signal_name(number)
