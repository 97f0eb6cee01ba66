"""The command line of several programs: `run -n 1 master.py : -n 3 worker.py ARGS`.

A word `:` by itself ends a program's arguments and begins the next program; `\\:` is a `:` that the
program gets. What follows it takes the options of a program only; those of the run come first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import click

from .help import ToolCommand

SEPARATOR = ":"
OF_A_PROGRAM = ("n", "env", "wdir", "module", "code", "program")
"""The parameters of `run` that each program has of its own."""
PROGRAMS = "programs"
"""Where a context keeps what was said of the programs after the first."""

_KEPT_SEPARATOR = re.compile(r"\\+:")
_RUNS_REST = ("-m", "-c")


class RunCommand(ToolCommand):
    """Ends its options at the program, and after `-m MODULE` or `-c CODE`, as Python does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the first program with the run's options, and then each other one."""
        first, *others = split_programs(args)
        if ctx.resilient_parsing:  # Tab: what has been begun is the last one
            first, others = (others or [first])[-1], []
        rest = super().parse_args(ctx, self._with_end(first))
        if others:
            ctx.meta[PROGRAMS] = [self._read_other(ctx, words) for words in others]
        return rest

    def _with_end(self, args: list[str]) -> list[str]:
        """The same words, with `--` where the options end although nothing says so."""
        takes_value = {
            name
            for param in self.params
            if isinstance(param, click.Option) and not param.is_flag
            for name in param.opts
        }
        index = 0
        while index < len(args) and args[index].startswith("-") and args[index] != "--":
            word = args[index]
            index += 2 if word in takes_value else 1
            if word in _RUNS_REST:
                return [*args[:index], "--", *args[index:]]
        return args

    def _read_other(self, ctx: click.Context, words: list[str]) -> dict[str, Any]:
        params = [param for param in self.params if param.name in OF_A_PROGRAM]
        settings = {"allow_interspersed_args": False}
        command = RunCommand(
            self.name, context_settings=settings, params=params, add_help_option=False
        )
        try:
            # Without a name its options have no variables: those are of the run's own.
            return command.make_context(None, words, parent=ctx).params
        except click.NoSuchOption as error:
            if not any(error.option_name in param.opts for param in self.params):
                raise
            raise click.UsageError(
                f"{error.option_name} is for the whole run: give it before the first program", ctx
            ) from error


def split_programs(words: Sequence[str]) -> list[list[str]]:
    r"""The words of each program.

    Example:
        >>> split_programs(["-n", "1", "a.py", ":", "-n", "2", "b.py", r"\:"])
        [['-n', '1', 'a.py'], ['-n', '2', 'b.py', ':']]
    """
    programs: list[list[str]] = [[]]
    for word in words:
        if word == SEPARATOR:
            programs.append([])
        else:
            programs[-1].append(word[1:] if _KEPT_SEPARATOR.fullmatch(word) else word)
    return programs
