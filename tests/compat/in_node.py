# ruff: noqa: ARG002, N802
"""The program that each node runs: some tests of one module of mpi4py's suite.

    in_node.py PLAN.json

What becomes of each test goes, one JSON record a line, to `<node>.jsonl` beside the plan as it
happens, so that what was being run is known when a run had to be killed.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
import traceback
import unittest
from pathlib import Path
from typing import Any


class Recorder(unittest.TestResult):
    """Writes down each test's begin and end."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._outcome = ("", "")  # a test that is broken off has none

    def write(self, event: str, test: str, detail: str = "") -> None:
        """Adds a record; it is in the file when this returns."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([event, test, detail]) + "\n")

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._outcome = ("", "")
        self.write("start", test.id())

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        if self._outcome[0]:
            self.write(self._outcome[0], test.id(), self._outcome[1])

    def _note(self, outcome: str, detail: str) -> None:
        if self._outcome[0] in ("", "skipped"):
            self._outcome = (outcome, detail)

    def addSuccess(self, test: unittest.TestCase) -> None:
        self._note("passed", "")

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._note("failed", _text(err))

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        if isinstance(test, unittest.TestCase):
            self._note("error", _text(err))
        else:  # a class or a module could not be set up
            self.write("error", str(test), _text(err))

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        if err is not None and not issubclass(err[0], KeyboardInterrupt):
            kind = "failed" if issubclass(err[0], test.failureException) else "error"
            self._note(kind, f"{subtest}\n{_text(err)}")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        if isinstance(test, unittest.TestCase):
            self._note("skipped", reason)
        else:  # a whole class
            self.write("skipped", str(test), reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._note("skipped", "an expected failure of the suite itself")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self._note("failed", "unexpected success")


def _text(err: Any) -> str:
    return "".join(traceback.format_exception(*err))


def _tests(suite: unittest.TestSuite) -> list[unittest.TestCase]:
    flat: list[unittest.TestCase] = []
    for test in suite:
        flat += _tests(test) if isinstance(test, unittest.TestSuite) else [test]
    return flat


def _run(suite: unittest.TestSuite, plan: dict[str, Any], recorder: Recorder) -> None:
    """Runs what the plan leaves of the tests."""
    done = set(plan["done"])
    wanted = [
        test
        for test in _tests(suite)
        if test.id() not in done and all(word in test.id() for word in plan["words"])
    ]
    recorder.write("imported", "")
    unittest.TestSuite(wanted).run(recorder)
    recorder.write("finished", "")


def main(plan_path: Path) -> None:
    """Loads the module or the script that the plan names, and runs its tests."""
    plan = json.loads(plan_path.read_text("utf-8"))
    sys.path.insert(0, plan["tests"])
    sys.dont_write_bytecode = True
    for missing in ("cupy", "numba"):
        sys.modules[missing] = None  # type: ignore[assignment]
    recorder = Recorder(plan_path.with_name(f"{os.environ['DISTRCOMP_NODE_ID']}.jsonl"))
    name = f"{plan['module']}.import"
    recorder.write("start", name)
    load = unittest.defaultTestLoader.loadTestsFromModule
    try:
        if plan["script"]:  # what it defines must be found in `__main__`
            unittest.main = lambda: _run(load(sys.modules["__main__"]), plan, recorder)
            runpy.run_path(plan["script"], run_name="__main__")
        else:
            _run(load(importlib.import_module(plan["module"])), plan, recorder)
    except unittest.SkipTest as reason:
        recorder.write("skipped", name, str(reason))
        recorder.write("finished", "")
    except Exception:  # noqa: BLE001  whatever it was is told
        recorder.write("error", name, traceback.format_exc())
        recorder.write("finished", "")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
