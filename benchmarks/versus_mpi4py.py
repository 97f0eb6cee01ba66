"""Compares distrcomp with mpi4py on MPICH and on Open MPI: the same work, in turn, on one machine.

    python benchmarks/versus_mpi4py.py

docs/performance.md says what each row is, and shows a table.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import click
from versus import environments, table
from versus.launching import NoFigure
from versus.namespaces import Network, network
from versus.session import Options, Session
from versus.works import DISTRCOMP, WORKS, Work

# A spinning node needs its core for itself; beyond this something else runs.
QUIET_LOAD_MAX = 0.5
NAMES = [work.name for work in WORKS]


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="How often.")
@click.option("--quick", is_flag=True, help="2 rounds of fewer blocks: a first look, no judgement.")
@click.option(
    "--only",
    type=click.Choice(NAMES),
    multiple=True,
    metavar="NAME",
    help=f"Only this work; repeatable. Names: {', '.join(NAMES)}.",
)
@click.option(
    "--environments",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=environments.default_folder,
    help="Where the two environments with mpi4py are, or are built.  [default: the user's cache]",
)
@click.option(
    "--limit",
    "limit_s",
    type=click.FloatRange(1),
    default=60.0,
    show_default=True,
    help="Seconds that one command may take; then there is a line instead of a figure.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Also write every figure of every round to this file.",
)
def main(
    rounds: int,
    quick: bool,
    only: tuple[str, ...],
    folder: Path,
    limit_s: float,
    json_file: Path | None,
) -> None:
    """Compare this installation of distrcomp with mpi4py on MPICH and on Open MPI.

    All three do the same work in turn, round by round, each on its own processes; the table holds
    medians over the rounds and ratios to the better of the two MPI libraries. Where mpi4py is not
    there yet, two virtual environments are built from wheels, once. The rows between two machines
    need root: they are two network namespaces, made here and removed at the end.
    """
    works = [work for work in WORKS if not only or work.name in only]
    options = Options(min(rounds, 2) if quick else rounds, quick, limit_s)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        paths = environments.prepare(folder, _say)
        about = _about(paths)
    except NoFigure as error:
        raise click.ClickException(str(error)) from error
    load = os.getloadavg()[0]
    if load > QUIET_LOAD_MAX:
        _say(f"the machine is busy (load {load:.1f}): the figures will not be worth much")
    with _network(works) as net:
        session = Session(works, paths, net, _say)
        session.measure(options)
    about["load"] = f"{load:.1f} before, {os.getloadavg()[0]:.1f} after"
    about["rounds"] = f"{options.rounds}{', quick' if quick else ''}"
    rows = session.rows()
    for name, text in about.items():
        click.echo(f"{name}: {text}")
    click.echo(f"\n{table.markdown(rows)}")
    for line in session.missing():
        click.echo(f"no figure: {line}")
    if json_file:
        record = {"about": about, **session.record(), "rows": table.records(rows)}
        json_file.write_text(json.dumps(record, indent=1) + "\n")


def _about(paths: Mapping[str, Path]) -> dict[str, str]:
    """What is measured, and where."""
    python = f"Python {platform.python_version()}"
    return {
        "machine": f"{len(os.sched_getaffinity(0))} cores of {_processor()}, {platform.platform()}",
        DISTRCOMP: f"distrcomp {version('distrcomp')}, numpy {version('numpy')}, {python}",
        **{stack: environments.versions(path, stack) for stack, path in paths.items()},
    }


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


@contextlib.contextmanager
def _network(works: list[Work]) -> Iterator[Network | None]:
    """The two namespaces if some work wants them; None, with a remark, if there can be none."""
    with contextlib.ExitStack() as stack:
        made = None
        if any(work.network for work in works):
            try:
                made = stack.enter_context(network())
            except NoFigure as error:
                _say(f"without the rows between two namespaces: {error}")
        yield made


def _say(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    main()
