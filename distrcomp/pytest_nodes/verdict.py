"""What one test is, of which each node has its own reports. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pytest

LOST = "distrcomp_lost"
"""The attribute of a failed report that says where which other node's end met the test."""
INTERRUPTED = "interrupted"
"""The key of a line that is no report, but says where an interrupt met the test."""
_OUTPUT_CHARS_MAX = 10_000


class Outcome(Enum):
    """Of a test on nodes."""

    PASSED = "passed"
    SKIPPED = "skipped"
    FAILED = "failed"


class NodeEnd(NamedTuple):
    """How a node ended.

    Attributes:
        reports: of setup, call and teardown, as far as it got.
        interrupted: where an interrupt met it, else "".
        seen: what the run's JSON report says of it; empty when there is none.
    """

    node: int
    reports: Sequence[pytest.TestReport]
    interrupted: str
    seen: dict[str, Any]

    @property
    def is_over(self) -> bool:
        """Whether it got to the end of its test."""
        return any(report.when == "teardown" for report in self.reports)


def judge(ends: Sequence[NodeEnd], said: str) -> tuple[Outcome, str]:
    """The outcome of a test, and why it is not "passed".

    Args:
        ends: of all nodes.
        said: what the launcher printed on stderr.
    """
    failures = [(end, report) for end in ends for report in end.reports if report.failed]
    missing = [end for end in ends if not end.is_over]
    if failures or missing:
        return Outcome.FAILED, "\n".join(_failure(len(ends), failures, missing, said))
    skipped = {end.node: reason for end in ends if (reason := _skip_reason(end)) is not None}
    if len(skipped) == len(ends):
        return Outcome.SKIPPED, skipped[ends[0].node]
    if skipped:
        passed = [end.node for end in ends if end.node not in skipped]
        return Outcome.FAILED, (
            f"skipped on {_names(list(skipped))}, passed on {_names(passed)}: a test is skipped "
            f"on all nodes or on none ({next(iter(skipped.values()))})"
        )
    return Outcome.PASSED, ""


def _skip_reason(end: NodeEnd) -> str | None:
    for report in end.reports:
        if report.skipped:
            told = report.longrepr
            reason = str(told[2] if isinstance(told, (tuple, list)) else told)
            return reason.removeprefix("Skipped: ")
    return None


def _failure(
    n: int,
    failures: list[tuple[NodeEnd, pytest.TestReport]],
    missing: list[NodeEnd],
    said: str,
) -> Iterator[str]:
    """The root cause first, then what else failed, then in one line each what followed of it."""
    own = [(end, report) for end, report in failures if not hasattr(report, LOST)]
    own.sort(key=lambda failure: failure[1].stop)
    told: dict[tuple[str | None, str], list[int]] = {}
    for end, report in own:
        told.setdefault((report.when, _text(report)), []).append(end.node)
    for (when, text), nodes in told.items():
        phase = "" if when == "call" else f" in {when}"
        yield f"{_names(nodes)} of {n} failed{phase}: {text}\n"
    silent = [end for end in missing if not any(report.failed for report in end.reports)]
    if said.strip() and (silent or not own):
        yield said.strip()
    for end in silent:
        yield from _silent(end, is_root=not own)
    followed: dict[str, list[int]] = {}
    for end, report in failures:
        if hasattr(report, LOST):
            followed.setdefault(getattr(report, LOST), []).append(end.node)
    for line, nodes in followed.items():
        yield f"{_names(nodes)} stopped {line}"


def _silent(end: NodeEnd, *, is_root: bool) -> Iterator[str]:
    """A node that did not get to the end of its test, and did not say why."""
    if end.interrupted:
        yield f"node {end.node} was stopped {end.interrupted}"
        return
    code, signal = end.seen.get("exit_code"), end.seen.get("signal_name")
    outcome = end.seen.get("outcome", "never started")
    how = f": {signal}" if signal else f": exit code {code}" if code is not None else ""
    yield f"node {end.node} did not get to the end of the test ({outcome}{how})"
    output = str(end.seen.get("output", "")).strip()
    if output and is_root:
        yield output[-_OUTPUT_CHARS_MAX:] + "\n"


def _text(report: pytest.TestReport) -> str:
    """A failure as pytest shows it, its message also at the top, for the summary."""
    text = report.longreprtext
    indent = "    " if text.startswith(("@", "def ", "async def ")) else ""  # pytest has cut it off
    crash = getattr(report.longrepr, "reprcrash", None)
    message = crash.message.partition("\n")[0] if crash else ""
    return f"{message}\n\n{indent}{text}"


def _names(nodes: Sequence[int]) -> str:
    """Nodes in words."""
    words = [str(node) for node in sorted(nodes)]
    if len(words) == 1:
        return f"node {words[0]}"
    return f"nodes {', '.join(words[:-1])} and {words[-1]}"
