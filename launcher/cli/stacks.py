"""`distrcomp stacks`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from ..control.looks import NodeStacks
from ..errors import BadUsage
from ..run.look_text import stacks_json, stacks_text
from ..run.looking import chosen_run
from ..run.plain import counted, plain
from .completion import complete_run
from .help import ToolCommand
from .looker import looker
from .options import peers_options


class _Node(click.Argument):
    """Called NODE where it is wrong; in the usage brackets say that it may be left out."""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        return super().get_error_hint(ctx).replace("[NODE]", "NODE")


@click.command(cls=ToolCommand)
@peers_options
@click.option("--json", is_flag=True, help="Print JSON: all frames, ours too.")
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.argument("node", cls=_Node, metavar="[NODE]", type=click.IntRange(0), required=False)
def stacks(run: str, node: int | None, peers: Path | None, host: str | None, json: bool) -> None:
    """Show where the nodes of a run are: the Python stacks of all their threads.

    RUN is the run's id as `distrcomp ps` prints it, or its beginning. The nodes go on undisturbed;
    one that is stuck in C or in a loop shows where, too.
    """
    taken, wanted = asyncio.run(_take(run, node, peers, host))
    click.echo(stacks_json(taken) if json else stacks_text(taken, wanted), nl=False)


async def _take(
    text: str, node: int | None, peers: Path | None, host: str | None
) -> tuple[list[NodeStacks], Sequence[int]]:
    """What was taken, and of which nodes it was wanted."""
    async with looker(peers, host) as found:
        runs = await found.runs()
        for problem in found.problems:
            click.echo(f"distrcomp: {plain(problem)}", err=True)
        run = chosen_run(runs, text)
        if node is not None and node >= run.n_node:
            raise BadUsage(f"the run has {counted(run.n_node, 'node')}, from 0 on")
        taken = await found.stacks(run.run_id, () if node is None else (node,))
    if not taken:
        raise BadUsage("the run has just ended, or none of its nodes runs where was asked")
    return taken, range(run.n_node) if node is None else (node,)
