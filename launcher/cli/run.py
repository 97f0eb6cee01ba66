"""`distrcomp run`: its options; what they ask for is done in `running`, which is imported then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .completion import complete_variable
from .environment_options import environment_options
from .options import (
    collect_option,
    debug_option,
    files_options,
    net_option,
    peers_options,
    policy_options,
    program_argument,
    program_options,
    record_options,
    start_options,
    strict_options,
)
from .programs import RunCommand
from .version import version_option


@click.command(
    cls=RunCommand,
    context_settings={"allow_interspersed_args": False},
    options_metavar="[OPTIONS]",
)
@click.option(
    "-n",
    "-np",
    "n",
    metavar="N|auto",
    help="Number of nodes; by default one for each slot of the peers, or core of this machine.",
)
@peers_options
@click.option(
    "--map-by",
    type=click.Choice(["slot", "node"]),
    default="slot",
    show_default=True,
    help="Fill a peer before the next, or go round the peers.",
)
@click.option(
    "--oversubscribe", is_flag=True, help="Allow more nodes than slots on other machines."
)
@files_options
@collect_option
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print what would be shipped, which packages, and where nodes would run.",
)
@click.option(
    "-x",
    "--env",
    "env",
    multiple=True,
    metavar="VAR[=VALUE]",
    help="Forward a variable; no other travels to other machines.",
    shell_complete=complete_variable,
)
@click.option("--wdir", default="", metavar="DIR", help="Start in this folder below the fresh one.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Time limit of the run; exit code 124.",
)
@click.option(
    "--recv-timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long each `recv` and each collective without timeout= waits before RecvTimeout.",
)
@click.option(
    "--output",
    type=click.Choice(["report", "live", "raw", "none"]),
    default="report",
    show_default=True,
    help="A merged report at the end; tagged lines as they come; untagged lines; nothing.",
)
@record_options
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write what each node prints, as it is, to NODE.out and NODE.err in this folder.",
)
@click.option(
    "--stdin",
    default="0",
    show_default=True,
    metavar="NODE|none",
    help="The node that reads what you type, or pipe in.",
)
@policy_options
@strict_options
@environment_options
@click.option(
    "--data-plane",
    type=click.Choice(["tls", "plain"]),
    default="tls",
    show_default=True,
    help="plain proves both ends and then sends without encryption, for trusted networks.",
)
@net_option
@click.option(
    "--mpi4py", is_flag=True, help="`from mpi4py import MPI` in the program gives distrcomp's."
)
@click.option(
    "--engine",
    type=click.Choice(["own", "mpi"]),
    default="own",
    show_default=True,
    help="mpi starts the nodes by the mpiexec of this environment.",
)
@start_options
@program_options
@click.option("-q", "--quiet", is_flag=True, help="No table and no remarks.")
@click.option("-v", "--verbose", is_flag=True, help="Say where each node runs.")
@version_option
@debug_option
@program_argument("PROGRAM [ARGS]...")
@click.pass_context
def run(ctx: click.Context, /, program: tuple[str, ...], **options: Any) -> None:
    """Run a program on many nodes and print one merged report.

    A .py file runs under Python, in a fresh folder to which it and the local modules it imports
    were copied; anything else is a command run on every node. Options end at PROGRAM. After a
    word `:` another program can follow, with its own -n, -x, --wdir, -m and -c.
    """
    from .running import run_program

    ctx.exit(run_program(ctx, program, options))
