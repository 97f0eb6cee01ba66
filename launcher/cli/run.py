"""`distrcomp run`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ..errors import BadUsage, Interrupted
from ..run.launch import Launch, Preparation, Request
from ..run.plain import counted
from ..ship.bundle import collect
from .options import peers_options, policy_options, strict_options
from .request import request_of
from .showing import Show, check_writable, display_of, print_placement, print_plan, print_result
from .version import version_option

_RUNS_REST = ("-m", "-c")


class RunCommand(click.Command):
    """Ends its options at the program, and after `-m MODULE` or `-c CODE`, as Python does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        takes_value = {
            name
            for param in self.params
            if isinstance(param, click.Option) and not param.is_flag
            for name in param.opts
        }
        index = 0
        while index < len(args) and args[index].startswith("-") and args[index] != "--":
            word = args[index]
            index += 2 if word in takes_value else 1
            if word in _RUNS_REST:
                args = [*args[:index], "--", *args[index:]]
                break
        return super().parse_args(ctx, args)


@click.command(
    cls=RunCommand, context_settings={"allow_interspersed_args": False}, options_metavar="[OPTIONS]"
)
@click.option("-n", "-np", "n", metavar="N|auto", help="Number of nodes.")
@peers_options
@click.option(
    "--oversubscribe", is_flag=True, help="Allow more nodes than slots on other machines."
)
@click.option(
    "--include",
    "--preload-files",
    "include",
    multiple=True,
    metavar="GLOB",
    help="Ship these files too; they keep their place below the current folder.",
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these out of --include.")
@click.option(
    "--dry-run", is_flag=True, help="Print what would be shipped and where nodes would run."
)
@click.option(
    "-x",
    "--env",
    "env",
    multiple=True,
    metavar="VAR[=VALUE]",
    help="Forward a variable; no other travels to other machines.",
)
@click.option("--wdir", default="", metavar="DIR", help="Folder to start in, below the sandbox.")
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
    help="How long a `recv` without timeout= waits before it raises RecvTimeout.",
)
@click.option(
    "--output",
    type=click.Choice(["report", "live", "raw", "none"]),
    default="report",
    show_default=True,
    help="A merged report at the end; tagged lines as they come; untagged lines; nothing.",
)
@click.option(
    "--report", type=click.Path(path_type=Path), help="Also write the report: .txt or .json."
)
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    help="Write each node's raw bytes to NODE.out and NODE.err here.",
)
@click.option("--stdin", default="0", metavar="NODE|none", help="The node that reads our stdin.")
@policy_options
@strict_options
@click.option(
    "--data-plane",
    type=click.Choice(["tls", "plain"]),
    default="tls",
    show_default=True,
    help="plain proves both ends and then sends without encryption, for trusted networks.",
)
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
@click.option("-m", "module", metavar="MODULE", help="Run a module, as `python -m`.")
@click.option("-c", "code", metavar="CODE", help="Run this code, as `python -c`.")
@click.option("-q", "--quiet", is_flag=True, help="No table and no remarks.")
@click.option("-v", "--verbose", is_flag=True, help="Say where each node runs.")
@version_option
@click.option("--debug", is_flag=True, help="Show tracebacks of distrcomp itself.")
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="PROGRAM [ARGS]...")
@click.pass_context
def run(ctx: click.Context, /, program: tuple[str, ...], **options: Any) -> None:
    """Run a program on many nodes and print one merged report.

    A .py file runs under Python, in a fresh folder to which it and the local modules it imports
    were copied; anything else is a command run on every node. Options end at PROGRAM.
    """
    ctx.meta["debug"] = options["debug"]
    request = request_of(program, options)
    if options["engine"] == "mpi":
        from .mpi import run_by_mpi

        ctx.exit(run_by_mpi(ctx, request))
    show = Show(
        options["output"],
        options["report"],
        options["output_dir"],
        options["quiet"],
        options["verbose"],
    )
    if show.report is not None:
        check_writable(show.report)
    try:
        code = asyncio.run(_run(request, show, dry=options["dry_run"]))
    except KeyboardInterrupt:
        raise Interrupted("interrupted before the program started") from None
    ctx.exit(code)


async def _run(request: Request, show: Show, *, dry: bool) -> int:
    bundle = collect(request.wanted)
    if bundle.entry is not None and request.is_python and not request.arguments[0].startswith("-"):
        request = _with_entry(request, bundle.entry)
    async with Launch(request) as launch:
        preparation = await launch.prepare(bundle)
        _check_stdin(request, preparation)
        if dry:
            print_plan(preparation)
            return 0
        if show.verbose:
            print_placement(preparation, err=True)
        if show.output == "live" and not show.quiet:  # else they stand in the report
            for note in preparation.notes:
                click.echo(f"distrcomp: {note}", err=True)
        result, outputs = await launch.run(preparation, display_of(show))
    print_result(result, outputs, show)
    return result.exit_code


def _with_entry(request: Request, entry: str) -> Request:
    path = f"./{entry}" if entry.startswith("-") else entry
    return replace(request, arguments=(path, *request.arguments[1:]))


def _check_stdin(request: Request, preparation: Preparation) -> None:
    n_node = preparation.plan.n_node
    if request.stdin_node >= n_node:
        raise BadUsage(
            f"--stdin {request.stdin_node}: the run has {counted(n_node, 'node')}, from 0 on"
        )
