"""The program that each node runs: some tests of one module of mpi4py's suite.

    in_node.py TESTS_DIR MODULE RESULTS_DIR PLAN.json

What becomes of each test goes, one JSON record a line, to `RESULTS_DIR/<node>.jsonl` as it happens,
so that what was being run is known when a run had to be killed.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
import unittest
from typing import Any


class Recorder(unittest.TestResult):
    """Writes down each test's begin and end."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115
        self._outcome = ("passed", "")

    def write(self, event: str, test: str, detail: str = "") -> None:
        self._file.write(json.dumps([event, test, detail]) + "\n")

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._outcome = ("passed", "")
        self.write("start", test.id())

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        self.write(self._outcome[0], test.id(), self._outcome[1])

    def _note(self, outcome: str, detail: str) -> None:
        if self._outcome[0] in ("passed", "skipped"):
            self._outcome = (outcome, detail)

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._note("failed", _text(err))

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        if isinstance(test, unittest.TestCase):
            self._note("error", _text(err))
        else:  # a class or a module could not be set up
            self.write("start", str(test))
            self.write("error", str(test), _text(err))

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        if err is not None:
            kind = "failed" if issubclass(err[0], test.failureException) else "error"
            self._note(kind, f"{subtest}\n{_text(err)}")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self._note("skipped", reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._note("skipped", "expected failure of the suite itself")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self._note("failed", "unexpected success")


def _text(err: Any) -> str:
    return "".join(traceback.format_exception(*err))


def _tests(suite: unittest.TestSuite) -> list[unittest.TestCase]:
    flat: list[unittest.TestCase] = []
    for test in suite:
        flat += _tests(test) if isinstance(test, unittest.TestSuite) else [test]
    return flat


def main(tests_dir: str, name: str, results_dir: str, plan_path: str) -> None:
    """Runs what the plan leaves of the module's tests."""
    with open(plan_path, encoding="utf-8") as file:
        plan = json.load(file)
    sys.path.insert(0, tests_dir)
    sys.dont_write_bytecode = True
    for missing in ("cupy", "numba"):
        sys.modules[missing] = None  # type: ignore[assignment]
    node = os.environ.get("DISTRCOMP_NODE_ID", "0")
    recorder = Recorder(os.path.join(results_dir, f"{node}.jsonl"))
    recorder.write("start", f"{name}.import")
    try:
        module = importlib.import_module(name)
        suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    except unittest.SkipTest as reason:
        recorder.write("skipped", f"{name}.import", str(reason))
        return
    except BaseException:
        recorder.write("error", f"{name}.import", traceback.format_exc())
        return
    recorder.write("imported", f"{name}.import")
    done = set(plan["done"])
    wanted = [
        test
        for test in _tests(suite)
        if test.id() not in done and all(word in test.id() for word in plan["words"])
    ]
    unittest.TestSuite(wanted).run(recorder)
    recorder.write("finished", "")


if __name__ == "__main__":
    main(*sys.argv[1:5])
