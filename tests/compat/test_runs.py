"""tests.compat itself: a made-up suite whose outcomes are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.expected import EXPECTED, Expected, surprises
from tests.compat.report import table
from tests.compat.runs import BAD, OUTCOMES, Bounds, Module, ModuleResult, Verdict, run_module

SUITE = """
import os, unittest
from mpi4py import MPI
rank = MPI.COMM_WORLD.Get_rank()
class Tests(unittest.TestCase):
    def test_a_passes(self): pass
    def test_b_fails_on_one(self): self.assertEqual(rank, 0)
    def test_c_errors_on_one(self): 1 // (1 - rank)
    def test_d_skipped(self): self.skipTest("why not")
    def test_e_hangs_on_one(self):
        if rank == 1:
            MPI.COMM_WORLD.recv(source=0)
    def test_f_dies(self):
        if rank == 1:
            os._exit(7)
        MPI.COMM_WORLD.recv(source=1)
    def test_g_sub(self):
        for each in range(3):
            with self.subTest(each=each):
                self.assertNotEqual(each, 1)
    def test_h_passes_after_all(self):
        self.assertEqual(MPI.COMM_WORLD.allreduce(1), 2)
@unittest.skip("all of it")
class Skipped(unittest.TestCase):
    def test_i(self): pass
"""


@pytest.mark.processes
def test_outcomes_of_a_made_up_suite(tmp_path: Path) -> None:
    """Each test counts as the worst that it was on any node, and what hangs stops nothing else."""
    (tmp_path / "test_made_up.py").write_text(SUITE)
    result = run_module(Module("test_made_up", tmp_path), 2, bounds=Bounds(90, 8))
    outcomes = {test.rpartition(".")[2]: each.outcome for test, each in result.verdicts.items()}
    assert outcomes == {
        "test_a_passes": "passed",
        "test_b_fails_on_one": "failed",
        "test_c_errors_on_one": "error",
        "test_d_skipped": "skipped",
        "test_e_hangs_on_one": "hung",
        "test_f_dies": "error",
        "test_g_sub": "failed",
        "test_h_passes_after_all": "passed",
        "test_i": "skipped",
    }
    assert "exit code 7" in result.verdicts["test_made_up.Tests.test_f_dies"].detail


@pytest.mark.processes
def test_a_module_that_cannot_be_imported(tmp_path: Path) -> None:
    """It is one error, with its traceback; one that skips itself is skipped."""
    (tmp_path / "test_bad.py").write_text("import nothing_of_that_name\n")
    result = run_module(Module("test_bad", tmp_path), 1)
    assert ["error"] == [each.outcome for each in result.verdicts.values()]
    assert "nothing_of_that_name" in result.verdicts["test_bad.import"].detail
    (tmp_path / "test_none.py").write_text("import unittest\nraise unittest.SkipTest('no')\n")
    result = run_module(Module("test_none", tmp_path), 1)
    assert ["skipped"] == [each.outcome for each in result.verdicts.values()]


def made_up(n_node: int = 2, **outcomes: str) -> ModuleResult:
    verdicts = {f"m.T.{name}": Verdict(outcome) for name, outcome in outcomes.items()}
    return ModuleResult("m", n_node, verdicts)


def test_surprises(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails unlisted is one, and what passes though listed, on the listed numbers of nodes."""
    listed = (
        Expected("m.T.a", "a reason"),
        Expected("m.T.b*", "another", nodes=(3,)),
        Expected("m.T.c", "now and then", always=False),
    )
    monkeypatch.setattr("tests.compat.expected.EXPECTED", listed)
    assert surprises(made_up(a="failed", b="passed", c="passed", d="skipped")) == []
    assert surprises(made_up(3, a="error", b1="hung", c="failed")) == []
    assert surprises(made_up(a="passed", b="hung", d="error")) == [
        "m.T.a on 2: passes, though it is listed to fail",
        "m.T.b on 2: hung, which is not expected",
        "m.T.d on 2: error, which is not expected",
    ]


def test_every_expected_failure_has_its_reason() -> None:
    """And none is listed twice."""
    assert all(entry.reason for entry in EXPECTED)
    assert len({entry.tests for entry in EXPECTED}) == len(EXPECTED)


def test_table() -> None:
    """A line for each module, a column for each number of nodes, and the sums."""
    first, second = made_up(1, a="passed", b="skipped"), made_up(5, a="passed", b="hung")
    assert table([first, second]) == (
        "| module | 1 node | 5 nodes |\n"
        "|---|---:|---:|\n"
        "| `m` | 1 / 1 | 1 / 2 |\n"
        "| **all** | 1 / 1 | 1 / 2 |\n"
        "| | 100.0 % | 50.0 % |\n"
    )


def test_outcomes_are_one_or_the_other() -> None:
    """A test is bad, passed or skipped."""
    assert set(OUTCOMES) == {*BAD, "passed", "skipped"}
