"""The end of a run by Abort."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code: str) -> subprocess.CompletedProcess[str]:
    """A program in a process of its own."""
    words = [sys.executable, "-c", f"from distrcomp.mpi import MPI\n{code}"]
    return subprocess.run(words, capture_output=True, text=True)


@pytest.mark.parametrize(("code", "wanted"), [(3, 3), (0, 1), (256, 1), (-1, 255)])
def test_the_exit_code_is_the_error_code(code: int, wanted: int) -> None:
    """Its lowest bits, and never 0; what was printed is out."""
    done = run(f"print('before')\nMPI.COMM_WORLD.Abort({code})\nprint('after')")
    assert (done.returncode, done.stdout) == (wanted, "before\n")
    assert f"Abort({code}) at <string>:3: the program called Abort" in done.stderr


@pytest.mark.parametrize(
    ("status", "wanted"), [("5", 5), ("None", 0), ("0", 0), ("SystemExit(3)", 3), ("'text'", 1)]
)
def test_a_status_that_was_set_counts_at_exit(status: str, wanted: int) -> None:
    """As sys.exit takes it."""
    assert run(f"MPI._set_abort_status({status})").returncode == wanted


def test_a_fatal_error_handler_aborts() -> None:
    """The error, its object and the program's line are told."""
    done = run("MPI.COMM_SELF.Set_errhandler(MPI.ERRORS_ARE_FATAL)\nMPI.COMM_SELF.send(1, dest=7)")
    assert done.returncode == 6
    assert "Abort(6) at <string>:3: MPI_ERR_RANK: invalid rank" in done.stderr
    assert "Intracomm has a fatal error handler" in done.stderr


@pytest.mark.parametrize(("errors", "code"), [("exception", 1), ("fatal", 6), ("abort", 6)])
def test_the_environment_chooses_the_handler(
    errors: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`MPI4PY_RC_ERRORS`, as in mpi4py."""
    monkeypatch.setenv("MPI4PY_RC_ERRORS", errors)
    assert run("MPI.COMM_WORLD.send(1, dest=7)").returncode == code


def test_an_unknown_choice_is_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken for the default."""
    monkeypatch.setenv("MPI4PY_RC_ERRORS", "ignore")
    done = run("MPI.COMM_WORLD.send(1, dest=7)")
    assert done.returncode == 1
    assert "RuntimeWarning: mpi4py.rc.errors: unexpected value 'ignore'" in done.stderr
