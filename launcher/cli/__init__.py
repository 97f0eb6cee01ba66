"""The command line: one file per command; each parses, calls and prints.

Commands are imported when they are used, so that `distrcomp run` loads nothing of the others.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from ..errors import Interrupted, LauncherError
from ..run.plain import plain
from .version import version_option

_COMMANDS = {
    "agent": "Receive programs from the cluster's operator and run their nodes here.",
    "bench": "Measure messages between nodes, beside what the machine could do.",
    "cluster": "Make a cluster, and say who belongs to it.",
    "peers": "List the peers: reachable, round trip, slots, versions.",
    "ps": "List the nodes of the runs that go on here or on the peers.",
    "run": "Run a program on many nodes.",
    "stacks": "Show where the nodes of a run are in their program.",
}


class LazyGroup(click.Group):
    """Knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(
            importlib.import_module(f".{cmd_name}", __name__), cmd_name
        )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Calls the command; a LauncherError becomes one line each on stderr, and its exit code."""
        try:
            return super().invoke(ctx)
        except LauncherError as error:
            if ctx.meta.get("debug"):
                raise
            for line in str(error).splitlines():
                click.echo(f"distrcomp: {plain(line)}", err=True)
            ctx.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            click.echo("distrcomp: interrupted", err=True)
            ctx.exit(Interrupted.exit_code)


@click.group(
    cls=LazyGroup,
    context_settings={
        "auto_envvar_prefix": "DISTRCOMP",
        "help_option_names": ["-h", "--help"],
    },
)
@version_option
def main() -> None:
    """Run one Python program on many machines and let its copies talk to each other.

    \b
    distrcomp run -n 4 prog.py                  on this machine
    distrcomp run --peers peers.txt prog.py     on every machine in the list
    """
