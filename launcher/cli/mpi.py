"""`distrcomp run --engine mpi`: has the mpiexec of this environment start the nodes.

Nothing is shipped, watched or collected here, so the options for that are refused, each with the
reason. How it is started: `run.mpiexec`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import click
from click.core import ParameterSource

from ..errors import BadUsage
from ..run.mpiexec import run_words, words_of
from ..run.request import Request

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
    "on_deadlock": "nobody sees there who waits for whom",
    "strict": "nobody tells us there what was never received",
    "data_plane": "messages go as that MPI sends them",
    "net": "that MPI chooses its addresses",
    "mpi4py": "under mpiexec a program has the real mpi4py",
}
_HOLDS = {
    "map_by": "slot",
    "output": "raw",
    "stdin": "0",
    "on_failure": "abort",
    "on_deadlock": "ignore",
}
"""Values that say what is so anyway."""


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
    words = words_of(request)
    if ctx.params["verbose"]:
        _say(shlex.join(words))
    return run_words(words, request, _say)


def _check_options(ctx: click.Context) -> None:
    for parameter in ctx.command.params:
        name = parameter.name or ""
        is_given = ctx.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)
        if is_given and name in _REFUSED and ctx.params[name] != _HOLDS.get(name):
            raise BadUsage(f"--engine mpi, and {parameter.opts[0]}: {_REFUSED[name]}")


def _say(text: str) -> None:
    click.echo(f"distrcomp: {text}", err=True)
