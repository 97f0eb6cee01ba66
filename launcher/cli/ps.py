"""`distrcomp ps`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from ..control.looks import RunStatus
from ..errors import CannotStart
from ..run.look_text import runs_json, runs_text
from ..run.plain import plain
from .help import ToolCommand
from .looker import looker
from .options import peers_options


@click.command(cls=ToolCommand)
@peers_options
@click.option("--json", is_flag=True, help="Print JSON.")
def ps(peers: Path | None, host: str | None, json: bool) -> None:
    """List the nodes of the runs that go on: what each does, and since when.

    Those that you have started on this machine, or that an agent of yours runs here; with peers
    also those that their agents run.
    """
    runs, problems = asyncio.run(_runs(peers, host))
    click.echo(runs_json(runs) if json else runs_text(runs), nl=False)
    if not runs and not json:
        home = os.environ.get("DISTRCOMP_HOME")
        under = f" under DISTRCOMP_HOME={plain(home)}" if home else ""
        nor = ", nor on the peers" if (peers or host) and not problems else ""
        click.echo(f"No run goes on{under}{nor}.")
    for problem in problems:
        click.echo(f"distrcomp: {plain(problem)}", err=True)
    if problems:
        raise CannotStart(f"{len(problems)} could not be asked")


async def _runs(peers: Path | None, host: str | None) -> tuple[list[RunStatus], list[str]]:
    async with looker(peers, host) as found:
        return await found.runs(), found.problems
