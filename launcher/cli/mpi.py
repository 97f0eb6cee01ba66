"""`distrcomp run --engine mpi`: starts the mpiexec of this environment and is out of the way.

The nodes are plain processes of that job and run where the program lies; distrcomp in them finds
itself in an MPI job (distrcomp.mpi_joining). Nothing is shipped, watched or collected here, so the
options for that are refused, each with the reason.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from click.core import ParameterSource

from distrcomp.cores import usable_cores

from .. import limits
from ..errors import EXIT_INTERRUPTED, EXIT_TIME_LIMIT, BadUsage, CannotStart
from ..run.launch import Request

_PLACES = "mpiexec decides where nodes run: by the batch job, or by a hostfile of its own"
_FILES = "nothing is shipped: the program and its files lie on a disk that all machines share"
_OUTPUT = "output comes as mpiexec passes it on; redirect it"
_REFUSED: Mapping[str, str] = {
    "peers": _PLACES,
    "host": _PLACES,
    "map_by": _PLACES,
    "include": _FILES,
    "exclude": _FILES,
    "wdir": _FILES,
    "collect": "nothing has to be brought back: the nodes write to that disk",
    "dry_run": "there is no plan of ours to print",
    "report": _OUTPUT,
    "trace": "distrcomp records the calls of the nodes that it starts",
    "output": _OUTPUT,
    "output_dir": _OUTPUT,
    "stdin": "mpiexec gives its stdin to node 0",
    "on_failure": "the first failure ends an MPI job",
    "strict": "nobody tells us there what was never received",
    "data_plane": "messages go as that MPI sends them",
    "net": "that MPI chooses its addresses",
    "mpi4py": "under mpiexec a program has the real mpi4py",
}
_HOLDS = {"map_by": "slot", "output": "raw", "stdin": "0", "on_failure": "abort"}
"""Values that say what is so anyway."""

# Inside such an allocation mpiexec knows by itself how many nodes, and where.
_ALLOCATIONS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "PE_HOSTFILE", "FLUX_JOB_ID")
# On one machine Open MPI refuses more nodes than cores unless told so (releases 5, and 4).
_CROWDED = {
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
}


def run_by_mpi(ctx: click.Context, request: Request) -> int:
    """Starts the program by mpiexec and waits for its end: the exit code.

    Args:
        ctx: of the command, with all its options.
        request: what they ask for.

    Raises:
        BadUsage: an option that can't hold under mpiexec.
        CannotStart: there is no mpiexec, or no mpi4py.
    """
    _check_options(ctx)
    words = [_mpiexec(), *_count(request.n_node)]
    if request.is_python:
        if importlib.util.find_spec("mpi4py") is None:
            raise CannotStart("--engine mpi needs mpi4py: pip install 'distrcomp[mpi]'")
        words += [sys.executable, "-P", "-m", "distrcomp.node"]
    words += request.arguments
    if ctx.params["verbose"]:
        click.echo(f"distrcomp: {shlex.join(words)}", err=True)
    return _run(words, _environment(request), request.timeout_s)


def _check_options(ctx: click.Context) -> None:
    for parameter in ctx.command.params:
        name = parameter.name or ""
        is_given = ctx.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)
        if is_given and name in _REFUSED and ctx.params[name] != _HOLDS.get(name):
            raise BadUsage(f"--engine mpi, and {parameter.opts[0]}: {_REFUSED[name]}")


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
    given = {setting.name: setting.value for setting in request.environment}
    return {**added, **os.environ, **given}


def _run(words: Sequence[str], environment: Mapping[str, str], timeout: float | None) -> int:
    """Runs mpiexec to its end, or the time limit, or Ctrl-C, which a terminal sends to both."""
    process = subprocess.Popen(words, env=environment)
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        click.echo(f"distrcomp: stopped after {timeout:g} s, the time limit", err=True)
        _end(process, signal.SIGTERM)
        return EXIT_TIME_LIMIT
    except KeyboardInterrupt:
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(limits.MPIEXEC_END_S)
        _end(process, signal.SIGTERM)
        return EXIT_INTERRUPTED
    return code if code >= 0 else 128 - code


def _end(process: subprocess.Popen[bytes], number: int) -> None:
    """Ends mpiexec, which ends its nodes; one that does not heed it, by force."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(limits.MPIEXEC_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
