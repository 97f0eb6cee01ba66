"""What `distrcomp run` does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ..errors import Interrupted
from ..run.launch import Launch
from ..run.programs import bundled
from ..run.request import Preparation, Request
from ..run.table import View
from ..ship.bundle import Bundle
from .defaults import with_defaults
from .keeping import Keep, keep_of, write_files
from .patience import REACHING, READING, said_if_busy, said_if_slow
from .program_needs import read_program
from .programs import PROGRAMS
from .request import note_on_n, request_of
from .showing import Show, display_of, print_placement, print_plan, print_result

if TYPE_CHECKING:
    from ..environment.lock import Lock


def run_program(ctx: click.Context, program: tuple[str, ...], options: dict[str, Any]) -> int:
    """Runs the program as the options say; the exit code."""
    said = read_program(program, options)
    options = with_defaults(ctx, said, options)
    request = request_of(program, options, said, ctx.meta.get(PROGRAMS, ()))
    if options["engine"] == "mpi":
        from .mpi import run_by_mpi

        return run_by_mpi(ctx, request)
    show = Show(
        options["output"],
        options["output_dir"],
        options["quiet"],
        options["verbose"],
    )
    keep = keep_of(ctx)
    try:
        with said_if_busy(READING, is_quiet=show.quiet):  # not in the loop: Ctrl-C ends it at once
            request, bundle = bundled(request)
        return asyncio.run(_run(request, bundle, show, keep, dry=options["dry_run"]))
    except KeyboardInterrupt:
        raise Interrupted("interrupted before the program started") from None


async def _run(request: Request, bundle: Bundle, show: Show, keep: Keep, *, dry: bool) -> int:
    async with Launch(request) as launch:
        alone = all(peer.is_here for peer in request.peers)
        async with said_if_slow(REACHING, is_quiet=show.quiet or alone):
            preparation = await launch.prepare(bundle)
        preparation = replace(preparation, notes=preparation.notes + note_on_n(request))
        if dry:
            print_plan(preparation, await _lock(launch, request, preparation))
            return 0
        if show.verbose:
            print_placement(preparation, err=True)
        if show.output == "live" and not show.quiet:  # else they stand in the report
            for note in preparation.notes:
                click.echo(f"distrcomp: {note}", err=True)
        result, outputs = await launch.run(preparation, display_of(show))
    try:
        print_result(result, outputs, show)
    finally:
        write_files(keep, result, launch)
    return result.exit_code


async def _lock(launch: Launch, request: Request, preparation: Preparation) -> Lock | None:
    """Of the packages that the run would have, if it names any."""
    if request.need is None:
        return None
    from ..run.providing import lock_for  # most runs need none of what that loads

    with launch.guarded() as guardian:
        return await lock_for(request.need, preparation.connections, View(), guardian)
