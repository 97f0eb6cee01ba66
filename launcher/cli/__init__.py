"""The command line: one file per command; each parses, calls and prints.

Commands are imported when they are used, so that `distrcomp run` loads nothing of the others.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from ..errors import CannotWrite, Interrupted, LauncherError
from ..run.plain import plain
from .version import version_option

_COMMANDS = {
    "agent": "Receive programs from the cluster's operator and run their nodes here.",
    "bench": "Measure messages between nodes, beside what the machine could do.",
    "cluster": "Make a cluster, and say who belongs to it.",
    "doctor": "Examine every peer and every pair of peers, and say what to do.",
    "peers": "List the peers: reachable, round trip, slots, versions; or discover some.",
    "ps": "List the nodes of the runs that go on here or on the peers.",
    "ship": "Bring files to the peers before a run needs them.",
    "run": "Run a program on many nodes.",
    "stacks": "Show where the nodes of a run are in their program.",
}
_CANNOT_WRITE = (errno.EPIPE, errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """click looks for similar names among commands that it has loaded, and we load none."""
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"there is no command {name!r}{_meant(name)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))

    def main(self, *args: Any, **how: Any) -> Any:
        """The whole command; one whose words can't be written says so, if that can be."""
        try:
            try:
                return super().main(*args, **how)
            except SystemExit as request:
                if not request.code and sys.stdout is not None:
                    sys.stdout.flush()
                raise
        except OSError as error:
            if error.errno not in _CANNOT_WRITE:
                raise
            _say(f"what is to be said cannot be written: {error.strerror}")
            sys.exit(CannotWrite.exit_code)
        finally:
            _flush()

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands by name, none of them imported, and our own options."""
        commands = [
            CompletionItem(name, help=text)
            for name, text in sorted(_COMMANDS.items())
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """Calls the command; a LauncherError becomes one line each on stderr, and its exit code."""
        try:
            return super().invoke(ctx)
        except LauncherError as error:
            if ctx.meta.get("debug"):
                raise
            _say(*str(error).splitlines())
            ctx.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            _say("interrupted")
            ctx.exit(Interrupted.exit_code)


def _meant(name: str) -> str:
    """What somebody may have meant who wrote this in a command's place."""
    from difflib import get_close_matches

    if name.endswith(".py"):
        return f"; to run it: distrcomp run {name}"
    close = get_close_matches(name, _COMMANDS, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _say(*lines: str) -> None:
    """To stderr, if anybody is there."""
    with contextlib.suppress(OSError):
        for line in lines:
            click.echo(f"distrcomp: {plain(line)}", err=True)


def _flush() -> None:
    """Python flushes at its end, too, and would make another exit code of what can't be written."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                nothing = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nothing, stream.fileno())
                os.close(nothing)


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

    `distrcomp COMMAND --help` tells a command's options, with examples.
    """
