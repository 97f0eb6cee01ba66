"""The command: `python -m tests.soak --minutes 60`; as root, see tests/hosts."""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from pathlib import Path

import click

from tests.command import heed_signals
from tests.hosts.network import why_impossible
from tests.leaks import watched
from tests.soak.field import Field, field
from tests.soak.plan import make_plan
from tests.soak.shapes import PATIENT, STUCK
from tests.soak.tally import Tally


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--minutes", type=click.FloatRange(min=0), default=60.0, show_default=True)
@click.option("--seed", type=int, help="Repeats the programs.  [default: a new one]")
@click.option("--from", "first", type=int, default=0, help="The number of the first run.")
@click.option("--runs", type=click.IntRange(1), help="So many runs, however long they take.")
@click.option(
    "--kill-every",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="The mean of the times between two kills, where a run has any.",
)
@click.option("-v", "--verbose", is_flag=True, help="Say each run.")
def main(
    minutes: float, seed: int | None, first: int, runs: int | None, kill_every: float, verbose: bool
) -> None:
    """Run random programs on three hosts, kill what is in them, and judge what every run says.

    Programs send each other messages, deadlock on purpose, or look as if they did. The exit code is
    1 if a message was lost or spoiled, a verdict was wrong or anything was left behind.
    """
    if (reason := why_impossible()) is not None:
        raise click.ClickException(reason)
    heed_signals()
    seed = secrets.randbits(32) if seed is None else seed
    click.echo(f"SEED {seed}")
    tally = Tally()
    until = time.monotonic() + 60 * minutes
    with (
        tempfile.TemporaryDirectory() as folder,
        watched(Path(folder)) as checker,
        field(Path(folder), checker) as hosts,
    ):
        number = first
        while number < first + runs if runs else time.monotonic() < until:
            _one(hosts, (seed, number, kill_every), tally, verbose)
            number += 1
    click.echo(tally.report())
    click.echo(f"SEED {seed}: {'FAILED' if tally.n_fault else 'every verdict was right'}")
    sys.exit(bool(tally.n_fault))


def _one(hosts: Field, which: tuple[int, int, float], tally: Tally, verbose: bool) -> None:
    plan = make_plan(*which, (STUCK, PATIENT))
    case = hosts.run(plan)
    left = hosts.tidy_up()
    found = tally.add(case, left)
    if verbose or found:
        who = ", ".join(f"{killed.victim} {killed.which}" for killed in case.killed)
        kind = plan.kind if plan.shape == "-" else f"{plan.kind} {plan.shape}"
        click.echo(f"{plan.number}: {kind} on {plan.n_node} nodes, killed: {who or 'nobody'}")
    for fault in found:
        click.echo(f"FAULT (--seed {which[0]} --from {plan.number} --runs 1): {fault}")


if __name__ == "__main__":
    main()
