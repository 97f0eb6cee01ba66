"""Starts a program by the mpiexec that is here, and waits for its end.

The nodes are plain processes of that job and run where the program lies; distrcomp in them finds
itself in an MPI job (distrcomp.mpi_joining). Nothing is shipped, watched or collected.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from distrcomp.cores import usable_cores

from .. import limits
from ..errors import EXIT_INTERRUPTED, EXIT_TIME_LIMIT, CannotStart
from .request import Request

# Inside such an allocation mpiexec knows by itself how many nodes, and where.
_ALLOCATIONS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "PE_HOSTFILE", "FLUX_JOB_ID")
# On one machine Open MPI refuses more nodes than cores unless told so (releases 5, and 4).
_CROWDED = {
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
}


def words_of(request: Request) -> list[str]:
    """The command that starts a run; raises CannotStart where there is no mpiexec, or no mpi4py."""
    (part,) = request.parts
    words = [_mpiexec(), *_count(part.n_node)]
    if part.program.is_python:
        if importlib.util.find_spec("mpi4py") is None:
            raise CannotStart("--engine mpi needs mpi4py: pip install 'distrcomp[mpi]'")
        words += [sys.executable, "-P", "-m", "distrcomp.node"]
    return [*words, *part.program.arguments]


def run_words(words: Sequence[str], request: Request, say: Callable[[str], None]) -> int:
    """Runs mpiexec to its end, or the time limit, or Ctrl-C, which a terminal sends to both.

    Args:
        words: the command.
        request: what it runs.
        say: tells the person something.

    Returns:
        The exit code.
    """
    process = subprocess.Popen(words, env=_environment(request))
    try:
        code = process.wait(request.timeout_s)
    except subprocess.TimeoutExpired:
        say(f"stopped after {request.timeout_s:g} s, the time limit")
        _end(process)
        return EXIT_TIME_LIMIT
    except KeyboardInterrupt:
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(limits.MPIEXEC_END_S)
        _end(process)
        return EXIT_INTERRUPTED
    return code if code >= 0 else 128 - code


def _mpiexec() -> str:
    """The mpiexec of this Python's environment, or else the first on the path."""
    beside = Path(sys.executable).with_name("mpiexec")
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        raise CannotStart(
            "--engine mpi: there is no mpiexec here; load your machine's MPI (module load ...), or "
            "pip install mpich"
        )
    return found


def _is_allocated() -> bool:
    return any(name in os.environ for name in _ALLOCATIONS)


def _count(n_node: int | None) -> list[str]:
    if n_node is None:
        return [] if _is_allocated() else ["-n", str(usable_cores())]
    return ["-n", str(n_node)]


def _environment(request: Request) -> dict[str, str]:
    """Ours, and what the options add; mpiexec passes it on to this machine's nodes at least."""
    added = {} if _is_allocated() else _CROWDED
    given = {setting.name: setting.value for setting in request.parts[0].program.environment}
    return {**added, **os.environ, **given}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends mpiexec, which ends its nodes; one that does not heed it, by force."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(limits.MPIEXEC_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
