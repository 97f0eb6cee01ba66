"""`distrcomp doctor`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import click

from ..cluster.peers_file import Peer
from ..doctor.advice import ERROR, advise
from ..doctor.examine import Wish, examine
from ..doctor.table import render_json, render_tables
from ..errors import CannotStart, Interrupted
from ..run.connect import operator_here
from .help import ToolCommand
from .options import chosen_net, chosen_peers, debug_option, net_option, peers_options
from .showing import print_table

_TABLE_WIDTH_MIN = 132


@click.command(cls=ToolCommand)
@peers_options
@net_option
@click.option(
    "--seconds",
    metavar="SECONDS",
    type=click.FloatRange(min=0.001, max=60),
    default=0.4,
    show_default=True,
    help="About how long each pair moves data.",
)
@click.option("--json", is_flag=True, help="Print the report for programs.")
@click.option("-q", "--quiet", is_flag=True, help="Don't say what goes on meanwhile.")
@debug_option
@click.pass_context
def doctor(ctx: click.Context, /, **options: Any) -> None:
    """Examine every peer and every pair of peers, and say what to do.

    Without peers this machine alone. Exit code 3 if something will make runs fail.
    """
    chosen = chosen_peers(options["peers"], options["host"]) or (Peer("localhost"),)
    as_json = options["json"]
    wish = Wish(
        chosen,
        None if all(peer.is_here for peer in chosen) else operator_here(),
        chosen_net(options["net"]),
        options["seconds"],
        _sayer(options["quiet"] or as_json),
    )
    try:
        report = asyncio.run(examine(wish))
    except KeyboardInterrupt:
        raise Interrupted("interrupted: nothing was found out") from None
    findings = advise(report)
    if as_json:
        click.echo(render_json(report, findings), nl=False)
    else:
        print_table(render_tables(report, findings), _TABLE_WIDTH_MIN)
    if any(finding.level == ERROR for finding in findings):
        ctx.exit(CannotStart.exit_code)


def _sayer(quiet: bool) -> Callable[[str], None]:
    is_shown = not quiet and sys.stderr is not None and sys.stderr.isatty()

    def say(text: str) -> None:
        if is_shown:
            click.echo(f"distrcomp: {text}", err=True)

    return say
