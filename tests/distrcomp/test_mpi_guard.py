"""distrcomp.mpi_guard: a process of an MPI job where there is no MPI to be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.distrcomp.test_joining import run
from tests.leaks import LeakChecker

pytestmark = pytest.mark.processes

WITHOUT = "import sys; sys.modules['mpi4py'] = None\nimport distrcomp as dc\n"
JOB = {"PMI_RANK": "1", "PMI_SIZE": "3"}


def test_import_is_light(tmp_path: Path, leaks: LeakChecker) -> None:
    """The ids are known, and neither MPI nor anything else is loaded for them."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "import distrcomp as dc\n"
        "print(dc.node_id, dc.n_node)\n"
        "print(sorted({'mpi4py', 'typing', 'numpy', 'socket', 'logging'} & set(sys.modules)))\n"
        "sys.stdout.flush()\n"
        "import os; os._exit(0)\n"
    )
    done = run(tmp_path, leaks, code, **JOB)
    assert ("1 3\n[]\n", "") == (done.stdout, done.stderr)


def test_without_mpi4py(tmp_path: Path, leaks: LeakChecker) -> None:
    """The first call names what is missing; a program that makes none is well without."""
    done = run(tmp_path, leaks, WITHOUT + "dc.recv()", **JOB)
    assert 1 == done.returncode
    assert "OutsideRun: mpiexec or srun has started this process" in done.stderr
    assert done.stderr.endswith("pip install 'distrcomp[mpi]'\n")
    quiet = run(tmp_path, leaks, WITHOUT + "print(dc.node_id)", **JOB)
    assert (0, "1\n", "") == (quiet.returncode, quiet.stdout, quiet.stderr)


def test_a_job_of_one(tmp_path: Path, leaks: LeakChecker) -> None:
    """It is a world of one, which needs no MPI."""
    code = WITHOUT + "dc.send(0, 'me')\nprint(dc.recv(), dc.n_node)"
    done = run(tmp_path, leaks, code, PMI_RANK="0", PMI_SIZE="1")
    assert (0, "me 1\n", "") == (done.returncode, done.stdout, done.stderr)


def test_what_the_program_shows_errors_with(tmp_path: Path, leaks: LeakChecker) -> None:
    """An excepthook that the program had before shows its errors still."""
    code = (
        "import sys\n"
        "sys.modules['mpi4py'] = None\n"
        "sys.excepthook = lambda kind, error, trace: print('shown', kind.__name__)\n"
        "import distrcomp\n"
        "1 / 0\n"
    )
    done = run(tmp_path, leaks, code, **JOB)
    assert (1, "shown ZeroDivisionError\n", "") == (done.returncode, done.stdout, done.stderr)
