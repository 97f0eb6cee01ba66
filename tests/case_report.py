"""A pytest plugin: which attacks and faults were tried, and what became of each.

`--case-report FILE.json` writes it. A test names the cases that it proves in the first line of its
docstring, "... (S-05)", or by the marker `@pytest.mark.case("S-05")`; a parametrized test may give
the marker to some of its parameters. A case is

- failed when a test of it failed, one that is expected to fail included;
- held when a test of it passed and none failed;
- not tried when no test names it, or all that do were skipped;
- waiting when it is about something that there is not yet.

A test may give the report a figure, for the pages of its cases: `record_property("figure",
"an agent grows by 9 MiB under 1,000 strangers")`. Or a time, which is told together with all
others of that name: `record_property("seconds", ("from the kill to the run's end", 0.31))`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.cases import CASES, KINDS

# What a test gives the report by: the fixture `record_property`.
Record = Callable[[str, object], None]

_WAIT = re.compile(r"for (\d+\.\d) s\b")

HELD, FAILED, NOT_TRIED, WAITS = VERDICTS = ("held", "failed", "not tried", "waiting")

_NAME = re.compile(r"\b[SF]-\d\d\b")
_PROPERTY, _FIGURE, _SECONDS = "case", "figure", "seconds"
_BY_TEST = ("failed", "passed", "skipped")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--case-report`."""
    parser.addoption(
        "--case-report",
        metavar="FILE.json",
        type=Path,
        help="write which attacks and faults (tests/cases.py) were tried, and with what result",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Listens to results, in the process that sees all of them, when a report is wanted."""
    path = config.getoption("--case-report")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(CaseReport(path.absolute()))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives each test's cases to its reports, which also travel from one process to another."""
    for item in items:
        docstring = getattr(getattr(item, "obj", None), "__doc__", None) or ""
        markers = [name for marker in item.iter_markers("case") for name in marker.args]
        for name in sorted({*markers, *named_in(docstring)}):
            if name not in CASES:
                raise pytest.UsageError(f"{item.nodeid} names {name}, which tests/cases.py lacks")
            item.user_properties.append((_PROPERTY, name))


def seconds_to_verdict(verdict: str) -> float:
    """How long the last of the nodes in a deadlock had waited when it was found.

    Example:
        >>> seconds_to_verdict("node 0 waits in recv() at a.py:7 for 2.2 s\\nnode 1 ... for 1.3 s")
        1.3
    """
    return min(float(wait) for wait in _WAIT.findall(verdict))


def named_in(docstring: str) -> list[str]:
    """The cases that the first paragraph of a test's docstring names."""
    return _NAME.findall(docstring.strip().split("\n\n")[0])


class CaseReport:
    """Collects what became of the tests of each case, and writes it at the end.

    Args:
        path: the file to write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # By case and test: the outcomes of its phases.
        self._phases: dict[str, dict[str, list[str]]] = {name: {} for name in CASES}
        self._figures: dict[str, list[str]] = {kind: [] for kind in KINDS.values()}
        self._seconds: dict[str, list[tuple[str, float]]] = {kind: [] for kind in KINDS.values()}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes one phase of one test."""
        outcome = FAILED if hasattr(report, "wasxfail") else report.outcome
        for name in _values(report, _PROPERTY):
            self.note(name, report.nodeid, outcome)

        if report.when == "call":
            for kind in {KINDS[name[0]] for name in _values(report, _PROPERTY)}:
                self._figures[kind] += _values(report, _FIGURE)
                self._seconds[kind] += _values(report, _SECONDS)

    def note(self, name: str, test: str, outcome: str) -> None:
        """Notes the outcome of one phase of a test that names this case."""
        self._phases[name].setdefault(test, []).append(outcome)

    def pytest_sessionfinish(self) -> None:
        """Writes the report."""
        self._path.write_text(json.dumps(self.report(), indent=1) + "\n", "utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """One line of counts for attacks and one for faults."""
        for kind, counts in self.report()["counts"].items():
            words = ", ".join(f"{n} {word}" for word, n in counts.items())
            terminalreporter.write_line(f"{kind}: {words}")

    def report(self) -> dict[str, Any]:
        """What is written: each case with its verdict and its tests, counts and figures."""
        tests = {name: _outcomes(phases) for name, phases in self._phases.items()}
        return _report(tests, self._figures, self._seconds)


def merged(reports: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """One report of several runs, of the same tests or of others: what failed once has failed."""
    tests: dict[str, dict[str, str]] = {name: {} for name in CASES}
    figures: dict[str, list[str]] = {kind: [] for kind in KINDS.values()}
    seconds: dict[str, list[tuple[str, float]]] = {kind: [] for kind in KINDS.values()}
    for report in reports:
        for name, case in report["cases"].items():
            for test, outcome in case["tests"].items():
                tests[name][test] = _first(_BY_TEST, {outcome, tests[name].get(test)})
        for kind in figures:
            figures[kind] += report["figures"][kind]
            seconds[kind] += report["seconds"][kind]
    return _report(tests, figures, seconds)


def times_text(seconds: Iterable[tuple[str, float]]) -> list[str]:
    """A line for each name of the times.

    Example:
        >>> times_text([("to the end", 0.5), ("to the end", 0.25), ("to the end", 4)])
        ['to the end: 0.50 s (median), 4.00 s at most, 3 times']
    """
    by_name: dict[str, list[float]] = {}
    for name, time_s in seconds:
        by_name.setdefault(name, []).append(time_s)
    return [
        f"{name}: {median(times):.2f} s (median), {max(times):.2f} s at most, {len(times)} times"
        for name, times in sorted(by_name.items())
    ]


def _report(
    tests: dict[str, dict[str, str]],
    figures: dict[str, list[str]],
    seconds: dict[str, list[tuple[str, float]]],
) -> dict[str, Any]:
    cases = {
        name: {"title": case.title, "verdict": _verdict(name, tests[name]), "tests": tests[name]}
        for name, case in CASES.items()
    }
    counts: dict[str, dict[str, int]] = {}
    for letter, kind in KINDS.items():
        verdicts = [case["verdict"] for name, case in cases.items() if name[0] == letter]
        counts[kind] = {word: verdicts.count(word) for word in VERDICTS}
    return {"cases": cases, "counts": counts, "figures": figures, "seconds": seconds}


def _values(report: pytest.TestReport, wanted: str) -> list[Any]:
    return [value for key, value in report.user_properties if key == wanted]


def _outcomes(phases: dict[str, list[str]]) -> dict[str, str]:
    """Of each test: its parameters are one test, and one that was skipped hides no other."""
    tests: dict[str, str] = {}
    for test, outcomes in sorted(phases.items()):
        function = test.partition("[")[0]
        one = _first(("failed", "skipped", "passed"), outcomes)
        tests[function] = _first(_BY_TEST, {one, tests.get(function)})
    return tests


def _verdict(name: str, tests: dict[str, str]) -> str:
    if CASES[name].waits_for and not tests:
        return WAITS
    outcomes = set(tests.values())
    if FAILED in outcomes:
        return FAILED
    return HELD if "passed" in outcomes else NOT_TRIED


def _first(order: Iterable[str], found: Container[str | None]) -> str:
    return next(word for word in order if word in found)
