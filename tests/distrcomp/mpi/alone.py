"""Programs of mpi4py as worlds of one, in processes of their own: the face is one a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

KEPT = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "HOME")


def run_alone(*words: str, folder: Path | None = None, **variables: str) -> tuple[int, str, str]:
    """`python -m distrcomp.mpi WORDS...`: its exit code, stdout and stderr."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "distrcomp.mpi", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**environment, **variables},
        timeout=100,
    )
    return done.returncode, done.stdout, done.stderr


def output_of(code: str, *words: str, folder: Path | None = None, **variables: str) -> str:
    """What such a program prints; it must end well and say nothing on stderr."""
    status, out, err = run_alone("-c", code, *words, folder=folder, **variables)
    assert (0, "") == (status, err), out + err
    return out
