"""What `distrcomp run` prints and writes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import CannotWrite
from ..records import record
from ..run.plain import counted, plain, plain_lines
from ..run.report import collected_lines, render_text, where_nodes_were
from ..run.request import Display, Preparation
from ..run.results import RunResult
from ..run.sinks import STDOUT, Sinks
from ..run.table import LiveView, View
from ..ship.bundle import Bundle

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..environment.lock import Lock


@record
class Show:
    """How the user wants the run shown, and where to keep what its nodes printed."""

    output: str
    folder: Path | None
    quiet: bool
    verbose: bool


def display_of(show: Show) -> Display:
    """Where a run is shown while it goes on."""
    return Display(_view(show), lambda n: Sinks(n, show.output, show.folder, _write_through))


def _view(show: Show) -> View:
    return live_view(is_quiet=show.quiet or show.output != "report")


def live_view(*, is_quiet: bool) -> View:
    """Tables and bars where there is a terminal."""
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    return LiveView() if on_terminal and not is_quiet else View()


def _write_through(stream: int, data: bytes) -> None:
    file = sys.stdout if stream == STDOUT else sys.stderr
    if file is not None:  # None where it was closed before we started
        file.buffer.write(data)
        file.buffer.flush()


def print_result(result: RunResult, outputs: list[str], show: Show) -> None:
    """Prints what is to be printed."""
    try:
        _print(result, outputs, show)
    except OSError as error:
        raise CannotWrite(f"the report cannot be printed: {error.strerror}") from error


def _print(result: RunResult, outputs: list[str], show: Show) -> None:
    if result.cause is not None and _never_began(result, outputs):
        for line in result.cause.headline.splitlines():
            click.echo(f"distrcomp: {plain(line)}", err=True)
        return
    if show.output == "report":
        text = render_text(replace(result, notes=()) if show.quiet else result, outputs)
        _write_through(STDOUT, text.encode(errors="backslashreplace"))
        return
    if result.cause is not None:
        click.echo(f"distrcomp: {plain(result.cause.headline)}", err=True)
        if result.cause.node is None and result.cause.traceback:  # no node has printed it
            click.echo(plain_lines(result.cause.traceback), err=True)
    if show.output == "live" and not show.quiet:
        for line in where_nodes_were(result.nodes):
            click.echo(line, err=True)
        for line in collected_lines(result):
            click.echo(f"distrcomp: {line}", err=True)
        for note in result.notes[result.n_notes_before :]:
            click.echo(f"distrcomp: {plain_lines(note)}", err=True)


def _never_began(result: RunResult, outputs: list[str]) -> bool:
    """Whether there is nothing to report but why."""
    return not any(outputs) and all(node.outcome == "never started" for node in result.nodes)


def print_table(table: RenderableType, width_min: int) -> None:
    """Prints tables; a terminal narrower than so many columns wraps: cut figures say nothing."""
    from rich.console import Console

    try:
        console = Console(highlight=False, soft_wrap=True)
        console.width = max(console.width, width_min)
        console.print(table)
    except OSError as error:
        raise CannotWrite(f"the table cannot be printed: {error.strerror}") from error


def print_plan(preparation: Preparation, lock: Lock | None) -> None:
    """What --dry-run prints: the manifest, the packages, the plan."""
    print_manifest(preparation.bundle)
    if lock is not None:
        click.echo(f"{counted(len(lock.packages), 'package')}:")
        for package in lock.packages:
            where = f" ; {package.marker}" if package.marker else ""
            click.echo(f"  {package.name} {package.version}{where}")
    print_placement(preparation, err=False)


def print_manifest(bundle: Bundle) -> None:
    """Which files are shipped, and why."""
    total = sum(entry.size for entry in bundle.manifest.files)
    click.echo(f"{counted(len(bundle.manifest.files), 'file')}, {total:,} bytes:")
    for entry in bundle.manifest.files:
        reason = bundle.reasons.get(entry.path, "")
        click.echo(f"  {entry.path}  {entry.size:,} bytes  {reason}")


def print_placement(preparation: Preparation, *, err: bool) -> None:
    """What -v prints: the peer of each node, and where the agents were found."""
    click.echo(f"{counted(preparation.plan.n_node, 'node')}:", err=err)
    for node, peer in enumerate(preparation.plan.placement):
        program = f": {plain(preparation.programs[node])}" if preparation.programs else ""
        click.echo(f"  node {node} on {preparation.connections[peer].peer.label}{program}", err=err)
    for connection in preparation.connections:
        if len(connection.addresses) > 1:
            click.echo(
                f"  {plain(connection.peer.label)} was reached at {connection.address}", err=err
            )
            for address, why in connection.failures:
                click.echo(f"    not at {address}: {plain(why)}", err=err)
