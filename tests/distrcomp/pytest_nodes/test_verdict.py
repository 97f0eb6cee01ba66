"""What a test on nodes is, of the reports of its nodes."""

from __future__ import annotations

from typing import Any

import pytest

from distrcomp.pytest_nodes.verdict import LOST, NodeEnd, Outcome, judge


def report(when: Any, outcome: Any, text: Any = None, **more: Any) -> pytest.TestReport:
    """A report of one phase."""
    made = pytest.TestReport("t.py::t", ("t.py", 1, "t"), {}, outcome, text, when)
    vars(made).update(more)
    return made


def end(node: int, *reports: pytest.TestReport, **seen: Any) -> NodeEnd:
    """A node that got to the end of its test, with these reports before."""
    return NodeEnd(node, [*reports, report("teardown", "passed")], "", seen)


def passed(node: int) -> NodeEnd:
    """A node that passed."""
    return end(node, report("setup", "passed"), report("call", "passed"))


def skipped(node: int, reason: str) -> NodeEnd:
    """A node that skipped; the reason as it comes over JSON."""
    return end(node, report("setup", "skipped", ["t.py", 3, f"Skipped: {reason}"]))


def failed(node: int, text: str, stop: float = 0.0, when: str = "call") -> NodeEnd:
    """A node that failed by itself at a time."""
    return end(node, report(when, "failed", text, stop=stop))


def lost(node: int, line: str) -> NodeEnd:
    """A node that failed by the end of another one."""
    return end(node, report("call", "failed", "NodeLost", **{LOST: line}))


def test_all_pass() -> None:
    """It passes when every node passes."""
    assert (Outcome.PASSED, "") == judge([passed(0), passed(1)], "")


def test_all_skip() -> None:
    """It is skipped when every node skips, for the reason of node 0."""
    assert (Outcome.SKIPPED, "a") == judge([skipped(0, "a"), skipped(1, "b")], "")


def test_some_skip() -> None:
    """Skipped here and passed there is a mistake of the test."""
    outcome, text = judge([skipped(0, "a"), passed(1), skipped(2, "a")], "")
    assert Outcome.FAILED is outcome
    assert "skipped on nodes 0 and 2, passed on node 1" in text


def test_the_first_failure_comes_first() -> None:
    """Own failures stand in the order of time, what followed of them in one line after them."""
    ends = [lost(0, "at t.py:5: gone"), failed(1, "late", 2.0), failed(2, "early", 1.0)]
    outcome, text = judge([*ends, lost(3, "at t.py:5: gone")], "launcher's words")
    assert Outcome.FAILED is outcome
    places = [text.index(each) for each in ("node 2 of 4", "early", "node 1 of 4", "late")]
    assert sorted(places) == places
    assert text.endswith("nodes 0 and 3 stopped at t.py:5: gone")
    assert "launcher's words" not in text


def test_equal_failures_are_told_once() -> None:
    """The same text of several nodes is one."""
    _, text = judge([failed(0, "same", when="setup"), failed(1, "same", when="setup")], "")
    assert 1 == text.count("same")
    assert "nodes 0 and 1 of 2 failed in setup" in text


def test_a_node_that_was_killed() -> None:
    """A node without reports is told by how it ended, with what it printed."""
    seen = {"exit_code": None, "signal_name": "SIGKILL", "outcome": "failed", "output": "last"}
    _, text = judge([passed(0), NodeEnd(1, [], "", seen)], "distrcomp: node 1 was killed")
    assert "distrcomp: node 1 was killed" in text
    assert "node 1 did not get to the end of the test (failed: SIGKILL)\nlast" in text


def test_a_run_that_never_began() -> None:
    """Without any node it is the launcher's words that count."""
    _, text = judge([NodeEnd(0, [], "", {})], "distrcomp: no room")
    assert "distrcomp: no room\nnode 0 did not get to the end of the test (never started)" == text


def test_the_time_limit() -> None:
    """A node that was interrupted is told by where it was."""
    _, text = judge([NodeEnd(0, [], "at t.py:3, in recv", {"output": "pytest's own"})], "limit")
    assert "limit\nnode 0 was stopped at t.py:3, in recv" == text
