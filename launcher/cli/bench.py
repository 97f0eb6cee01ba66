"""`distrcomp bench`."""

from __future__ import annotations

import asyncio
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import distrcomp

from .. import limits
from ..bench.figures import Figures, read_output, render_json
from ..bench.layout import Layout, make_layout, program_argument
from ..bench.plot import render_svg
from ..bench.table import render_table
from ..cluster.peers_file import Peer
from ..control.programs import Program
from ..errors import BadUsage, Interrupted
from ..run.launch import Launch
from ..run.plain import plain
from ..run.report import render_text
from ..run.request import Display, Part, Request
from ..run.results import RunResult
from ..run.sinks import STDOUT, Sinks
from ..run.units import parse_size
from ..ship.bundle import Wanted, collect
from ..ship.folders import current_folder
from .help import ToolCommand
from .keeping import check_place, write_file
from .options import chosen_peers, debug_option, peers_options
from .showing import live_view, print_table

_TABLE_WIDTH_MIN = 80


@dataclass(frozen=True)
class _Wish:
    """What is to be measured, and how it is told."""

    layout: Layout
    data_plane: str
    bytes_max: int
    seconds: float
    quiet: bool


@dataclass(frozen=True)
class _Run:
    """A finished run: how it went, what its nodes printed, the peers' labels by node."""

    result: RunResult
    outputs: list[str]
    printed: bytes
    labels: list[str]


@click.command(cls=ToolCommand)
@peers_options
@click.option(
    "--data-plane",
    type=click.Choice(["tls", "plain"]),
    default="tls",
    show_default=True,
    help="How messages travel between machines, as in `distrcomp run`.",
)
@click.option(
    "--max-bytes", default="64M", show_default=True, metavar="SIZE", help="The longest array."
)
@click.option(
    "--seconds",
    metavar="SECONDS",
    type=click.FloatRange(min=0.001, max=60),
    default=0.5,
    show_default=True,
    help="About how long each line of the table may take.",
)
@click.option("--json", metavar="FILE|-", help="Also write the figures as JSON.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE.svg",
    help="Also draw time and bandwidth by size.",
)
@click.option("-q", "--quiet", is_flag=True, help="No status table while it measures.")
@debug_option
@click.pass_context
def bench(ctx: click.Context, /, **options: Any) -> None:
    """Measure messages between nodes: time and bandwidth, beside what the machine could do.

    On this machine, or between the first two machines of a peers file and inside one of them; then
    collective calls of all these nodes.
    """
    json_file, plot = options["json"], options["plot"]
    _check_files(json_file, plot)
    wish = _wish(options)
    try:
        run = asyncio.run(_measure(wish))
    except KeyboardInterrupt:
        raise Interrupted("interrupted before the measurement started") from None
    if run.result.exit_code:
        _print_failure(run, err=json_file == "-")
        ctx.exit(run.result.exit_code)
    figures = Figures(
        distrcomp.__version__,
        platform.python_version(),
        wish.data_plane,
        *read_output(run.printed, run.labels),
    )
    if json_file == "-":
        click.echo(render_json(figures), nl=False)
    else:
        print_table(render_table(figures), _TABLE_WIDTH_MIN)
        if json_file is not None:
            write_file("--json", Path(json_file), [render_json(figures)])
    if plot is not None:
        write_file("--plot", plot, [render_svg(figures)])


def _wish(options: dict[str, Any]) -> _Wish:
    """What the options ask for; raises BadUsage."""
    try:
        bytes_max = parse_size(options["max_bytes"])
    except BadUsage as error:
        raise BadUsage(f"--max-bytes: {error}") from error
    if not limits.BENCH_BYTES_MIN <= bytes_max <= limits.BENCH_BYTES_MAX:
        raise BadUsage(f"--max-bytes takes a size from 1K to 1G; got {options['max_bytes']}")
    named = chosen_peers(options["peers"], options["host"])
    return _Wish(
        make_layout(named or (Peer("localhost"),)),
        options["data_plane"],
        bytes_max,
        options["seconds"],
        options["quiet"],
    )


async def _measure(wish: _Wish) -> _Run:
    layout = wish.layout
    argument = program_argument(layout, wish.bytes_max, wish.seconds)
    program = Program(("-m", "distrcomp.benchmark", argument), is_python=True)
    wanted = Wanted(None, None, (), (), current_folder())
    request = Request(
        parts=(Part(program, wanted, len(layout.placement)),),
        peers=layout.peers,
        stdin_node=-1,
        data_plane=wish.data_plane,
    )
    printed = bytearray()

    def take(stream: int, data: bytes) -> None:
        if stream == STDOUT:
            printed.extend(data)

    view = live_view(is_quiet=wish.quiet)
    display = Display(view, lambda n_node: Sinks(n_node, "raw", None, take))
    async with Launch(request) as launch:
        preparation = await launch.prepare(collect(wanted))
        result, outputs = await launch.run(preparation, display)
    labels = [layout.peers[index].label for index in layout.placement]
    return _Run(result, outputs, bytes(printed), labels)


def _print_failure(run: _Run, *, err: bool) -> None:
    """What `distrcomp run` prints of a run that failed."""
    cause, began = run.result.cause, any(run.outputs)
    if cause is not None and not began:
        for line in cause.headline.splitlines():
            click.echo(f"distrcomp: {plain(line)}", err=True)
    else:
        click.echo(render_text(run.result, run.outputs), nl=False, err=err)


def _check_files(json_file: str | None, plot: Path | None) -> None:
    """Raises BadUsage where a file can't be written, before anything is measured."""
    if plot is not None and plot.suffix.lower() != ".svg":
        raise BadUsage(f"--plot draws SVG: {plot} does not end in .svg")
    if plot is not None:
        check_place("--plot", plot)
    if json_file not in (None, "-"):
        check_place("--json", Path(json_file))
