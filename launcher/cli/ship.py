"""`distrcomp ship`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import click

from ..cluster.peers_file import Peer
from ..errors import BadUsage, Interrupted
from ..run.plain import counted, plain
from ..ship.bundle import Bundle, Wanted
from ..ship.folders import current_folder
from ..ship.union import collect_all
from .options import (
    chosen_peers,
    debug_option,
    files_options,
    peers_options,
    program_argument,
    program_options,
)
from .patience import REACHING, READING, said_if_busy, said_if_slow
from .programs import PROGRAMS, RunCommand
from .request import wanted_of
from .showing import live_view, print_manifest


@click.command(
    cls=RunCommand,
    context_settings={"allow_interspersed_args": False},
    options_metavar="[OPTIONS]",
)
@peers_options
@files_options
@click.option("--dry-run", is_flag=True, help="Print what would be shipped, and why; ship nothing.")
@program_options
@click.option("-q", "--quiet", is_flag=True, help="No bars, and print nothing but problems.")
@debug_option
@program_argument("[PROGRAM [ARGS]...]")
@click.pass_context
def ship(ctx: click.Context, /, program: tuple[str, ...], **options: Any) -> None:
    """Bring what a run would ship into the stores of the peers, so that the run need not.

    PROGRAM and the options say what that is, as in `distrcomp run`. Nothing is started. Without
    PROGRAM it is what --include names.
    """
    wanted = _wanted(program, options, ctx.meta.get(PROGRAMS, ()))
    with said_if_busy(READING, is_quiet=options["quiet"]):
        bundle, _ = collect_all(wanted)
    if options["dry_run"]:
        print_manifest(bundle)
        return
    peers = chosen_peers(options["peers"], options["host"])
    others = tuple(peer for peer in peers or () if not peer.is_here)
    if not others:
        raise BadUsage("ship to whom? --peers FILE or -H names other machines")
    try:
        code = asyncio.run(_ship(bundle, others, is_quiet=options["quiet"]))
    except KeyboardInterrupt:
        raise Interrupted("interrupted") from None
    ctx.exit(code)


def _wanted(
    program: tuple[str, ...], options: dict[str, Any], others: Sequence[dict[str, Any]]
) -> list[Wanted]:
    """What each program would ship."""
    if program or options["module"] or options["code"]:
        first = wanted_of(program, options)[2]
    elif not options["include"]:
        raise BadUsage("ship what? name a program, or files by --include GLOB")
    else:
        first = Wanted(None, None, options["include"], options["exclude"], current_folder())
    more = [{**options, "include": (), **other} for other in others]
    return [first, *(wanted_of(each["program"], each)[2] for each in more)]


async def _ship(bundle: Bundle, peers: tuple[Peer, ...], *, is_quiet: bool) -> int:
    from ..run.connect import connect_all, operator_here
    from ..run.stock import stock

    operator = operator_here()
    async with said_if_slow(REACHING, is_quiet=is_quiet):
        connections = await connect_all(peers, operator, None)
    stocked = await stock(bundle, connections, live_view(is_quiet=is_quiet))
    files = counted(len(bundle.manifest.files), "file")
    for label, lacked_bytes in () if is_quiet else stocked.lacked_bytes.items():
        news = f"{lacked_bytes:,} bytes of them new" if lacked_bytes else "nothing new"
        click.echo(f"{plain(label)} has {files}, {news}")
    if not is_quiet:
        click.echo(f"{stocked.sent_bytes:,} bytes were sent from here")
    for problem in stocked.problems:
        click.echo(f"distrcomp: {plain(problem)}", err=True)
    return stocked.exit_code
