"""The contract of links (tests.distrcomp.links) over a real MPI."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import Machine
from tests.mpi_stacks import Stack

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
LINKS = "tests/distrcomp/links"


@pytest.mark.timeout(300)
def test_contract(stack: Stack, machine: Machine) -> None:
    """All that every link promises, with both ends in one process, and in two."""
    words = [*stack.mpiexec(2), "-m", "tests.distrcomp.links.mpi_ends"]
    words += [str(machine.temp_dir / "socket"), "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    words += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    words += [f"{LINKS}/{name}.py" for name in ("test_contract", "test_contract_ends", "mpi_cases")]
    done = machine.start_program(*words, cwd=ROOT, env=stack.variables).wait(280)
    assert (0, "") == (done.code, done.err), done.out
