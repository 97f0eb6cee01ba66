"""The command: `python -m tests.stress --help`."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from tests.leaks import watched
from tests.stress import tally
from tests.stress.lane import SPOILS
from tests.stress.launch import LINKS, Options, stress


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seconds", type=click.FloatRange(0.1), default=60.0, show_default=True)
@click.option("-n", "--nodes", type=click.IntRange(2), default=4, show_default=True)
@click.option(
    "--over",
    type=click.Choice(list(LINKS)),
    multiple=True,
    default=("memory",),
    show_default=True,
    help="The links; repeatable, one run each.",
)
@click.option(
    "--threads",
    type=click.IntRange(0),
    default=4,
    show_default=True,
    help="How many talk at once in the second half of the time.",
)
@click.option(
    "--busy",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help=f"Processes beside the run that burn a core each; here are {os.cpu_count()} cores.",
)
@click.option("--seed", type=int, help="Repeats what is sent.  [default: a new one]")
@click.option("--spoil", type=click.Choice(SPOILS), default=None, help="Make a fault on purpose.")
def main(over: tuple[str, ...], seed: int | None, spoil: str | None, **how: Any) -> None:
    """Have all nodes send all others all kinds of objects, and check what arrives."""
    failed = False
    for links in over:
        chosen = secrets.randbits(32) if seed is None else seed
        options = Options(chosen, over=links, spoil=spoil or "", **how)
        click.echo(f"seed {chosen}: {options}")
        with tempfile.TemporaryDirectory() as folder, watched(Path(folder)) as checker:
            outcome = stress(options, Path(folder), checker)
        if outcome.nodes:
            click.echo(tally.report(outcome.nodes))
        for fault in outcome.faults:
            click.echo(f"FAULT (seed {chosen}): {fault}")
        failed = failed or bool(outcome.faults)
        click.echo("failed" if outcome.faults else "all as it was sent, and nothing is left")
    sys.exit(failed)


if __name__ == "__main__":
    main()
