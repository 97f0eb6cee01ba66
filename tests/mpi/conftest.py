"""Programs on a real MPI, on each stack in turn."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Unpack

import pytest

from tests.command import Command, How, Machine
from tests.mpi_stacks import STACKS, Stack, find

Start = Callable[..., Command]


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> Stack:
    """Each MPI."""
    return find(request.param)


@pytest.fixture(autouse=True)
def tidy(machine: Machine) -> Iterator[None]:
    """Removes what an aborted job of MPICH leaves in /dev/shm; that is its affair, not ours."""
    before = shared_memory()
    yield
    machine.close()
    for path in shared_memory() - before:
        if not is_mapped(path):
            path.unlink(missing_ok=True)


@pytest.fixture
def start(stack: Stack, machine: Machine) -> Start:
    """Starts the text of a program on so many nodes: `start(3, code, *arguments)`."""

    def start(n_node: int, code: str, *arguments: str, **how: Unpack[How]) -> Command:
        program = machine.work_dir / "prog.py"
        program.write_text(code)
        how["env"] = {**stack.variables, **how.get("env", {})}
        return machine.start_program(*stack.mpiexec(n_node), "prog.py", *arguments, **how)

    return start


def shared_memory() -> set[Path]:
    """What MPI has in /dev/shm."""
    folder = Path("/dev/shm")
    return {*folder.glob("mpich_shm_*"), *folder.glob("sm_segment.*")}


def is_mapped(path: Path) -> bool:
    """Whether some process uses this shared memory."""
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            if str(path) in maps.read_text():
                return True
    return False
