"""Runs modules of mpi4py's suite on nodes and says what became of each test.

A module is run as often as it takes: a run that stops getting on is killed, what it was at counts
as hung, and the next run begins behind that. So one deadlock costs one test and not a module.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

OUTCOMES = ("passed", "failed", "error", "skipped", "hung")
BAD = ("failed", "error", "hung")
# What a test was on all nodes together is the first of these that it was on any.
_WORST_FIRST = ("hung", "error", "failed", "skipped", "passed")
_RUNS_MAX = 25
_POLL_S = 0.05
_NODE_PROGRAM = Path(__file__).with_name("in_node.py")


@dataclass(frozen=True)
class Module:
    """One module of the suite.

    Attributes:
        name: its name.
        tests: the folder of the suite's tests.
        script: its file, where it has to be the main program.
        is_shared: whether `mpi4py.futures` runs it, on node 0 with the others as its workers.
    """

    name: str
    tests: Path
    script: Path | None = None
    is_shared: bool = False


def modules(source: Path) -> dict[str, Module]:
    """All modules of the suite, by their names."""
    tests = source / "test"
    names = sorted(path.stem for path in tests.glob("test_*.py"))
    script = source / "demo" / "futures" / "test_futures.py"
    return {
        **{name: Module(name, tests) for name in names},
        "futures": Module("futures", tests, script),
        "futures_shared": Module("futures_shared", tests, script, is_shared=True),
    }


@dataclass(frozen=True)
class Bounds:
    """How long a run may go on, and how long without any test beginning or ending."""

    limit_s: float = 600.0
    stall_s: float = 120.0


@dataclass
class Verdict:
    """What became of one test, and what the node of the lowest id where it failed says of it."""

    outcome: str
    detail: str = ""


@dataclass
class ModuleResult:
    """What became of a module's tests on so many nodes."""

    module: str
    n_node: int
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    seconds: float = 0.0

    def count(self, *outcomes: str) -> int:
        """How many tests ended so."""
        return sum(verdict.outcome in outcomes for verdict in self.verdicts.values())

    def note(self, test: str, outcome: str, detail: str) -> None:
        """Takes in what a test was on one node."""
        known = self.verdicts.get(test)
        if known is None or _WORST_FIRST.index(outcome) < _WORST_FIRST.index(known.outcome):
            self.verdicts[test] = Verdict(outcome, detail)


def run_module(
    module: Module, n_node: int, words: tuple[str, ...] = (), bounds: Bounds | None = None
) -> ModuleResult:
    """Runs those tests of a module whose names contain all `words`."""
    result = ModuleResult(module.name, n_node)
    began = time.monotonic()
    for _ in range(_RUNS_MAX):
        with tempfile.TemporaryDirectory(prefix="compat-") as folder:
            plan = {
                "tests": str(module.tests),
                "module": module.name,
                "script": str(module.script) if module.script else "",
                "done": sorted(result.verdicts),
                "words": words,
            }
            (Path(folder) / "plan.json").write_text(json.dumps(plan), "utf-8")
            is_whole = _run_once(module, Path(folder), result, bounds or Bounds())
        if is_whole:
            break
    result.seconds = time.monotonic() - began
    return result


def _run_once(module: Module, folder: Path, result: ModuleResult, bounds: Bounds) -> bool:
    """One run; whether nothing is left to be run."""
    before = len(result.verdicts)
    why = _watch(_words(module, result.n_node, folder), folder, bounds)
    errors = [_tail(folder / "out" / f"{node}.err") for node in range(result.n_node)]
    told = f"{why}\n" + "\n".join(f"[node {i}] {text}" for i, text in enumerate(errors) if text)
    n_reporting = 1 if module.is_shared else result.n_node
    reports = [_report(folder / f"{node}.jsonl") for node in range(n_reporting)]
    # What a node did while another was stuck behind it is done again.
    n_common = min(len(report.ended) for report in reports)
    for report in reports:
        for test, outcome, detail in report.ended[:n_common]:
            result.note(test, outcome, detail)
    for report in reports:
        if len(report.ended) == n_common and report.at:
            result.note(report.at, "hung" if why.startswith("stuck") else "error", told)
    if all(report.is_finished for report in reports):
        return True
    if len(result.verdicts) == before:
        result.note(f"{module.name}.run", "error", told)
        return True
    return f"{module.name}.import" in result.verdicts


def _words(module: Module, n_node: int, folder: Path) -> list[str]:
    words = [sys.executable, "-m", "launcher", "run", "--mpi4py", "-n", str(n_node)]
    words += ["--on-deadlock", "ignore", "--output", "none", "--output-dir", str(folder / "out")]
    words += ["-m", "mpi4py.futures"] if module.is_shared else []
    return [*words, str(_NODE_PROGRAM), str(folder / "plan.json")]


def _watch(words: list[str], folder: Path, bounds: Bounds) -> str:
    """Runs the program on the nodes until it ends or has to be ended; says which."""
    log = (folder / "launcher.err").open("wb")
    with (
        log,
        subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            stuck = _wait(process, folder, bounds)
        finally:
            if process.poll() is None:
                _end(process)
    return stuck or f"ended with exit code {process.returncode}: {_tail(folder / 'launcher.err')}"


def _wait(process: subprocess.Popen[bytes], folder: Path, bounds: Bounds) -> str:
    """Waits for its end while tests begin and end; else says for how long they have not."""
    began = moved = time.monotonic()
    size = -1
    while process.poll() is None:
        now = time.monotonic()
        grown = sum(path.stat().st_size for path in folder.glob("*.jsonl"))
        if grown != size:
            size, moved = grown, now
        is_stuck = size > 0 and now - moved > bounds.stall_s
        if is_stuck or now - began > bounds.limit_s:
            return f"stuck for {now - moved:.0f} s, ended after {now - began:.0f} s"
        try:
            process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            continue
    return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the launcher, which ends its nodes."""
    for number, patience_s in ((signal.SIGINT, 8.0), (signal.SIGKILL, 8.0)):
        os.killpg(process.pid, number)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
        return


@dataclass
class _Report:
    """What one node has written down: tests that ended, with outcome and detail, and what it was
    at."""

    ended: list[tuple[str, str, str]] = field(default_factory=list)
    at: str = ""
    is_finished: bool = False


def _report(path: Path) -> _Report:
    report = _Report()
    for event, test, detail in _records(path):
        report.at = test if event == "start" else ""
        if event == "finished":
            report.is_finished = True
        elif event not in ("start", "imported"):
            report.ended.append((test, event, detail))
    return report


def _records(path: Path) -> Iterator[tuple[str, str, str]]:
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            try:
                event, test, detail = json.loads(line)
            except ValueError:  # the node was killed while it wrote it
                continue
            yield event, test, detail


def _tail(path: Path, n_bytes: int = 3000) -> str:
    if not path.exists():
        return ""
    return path.read_bytes()[-n_bytes:].decode("utf-8", "replace").strip()
