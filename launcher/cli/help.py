"""Help that reads like a manual page: options under headings, and examples at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

SECTIONS: Mapping[str, Sequence[str]] = {
    "What runs": ("n", "module", "code", "mpi4py", "engine", "cold"),
    "Where it runs": ("peers", "host", "map_by", "oversubscribe", "net", "data_plane"),
    "What goes with it": (
        "include",
        "exclude",
        "with",
        "requirements",
        "allow_skew",
        "env",
        "wdir",
        "stdin",
        "collect",
        "dry_run",
    ),
    "When it ends": (
        "timeout",
        "recv_timeout",
        "on_failure",
        "on_deadlock",
        "strict",
        "strict_sends",
    ),
    "What is shown": ("output", "report", "output_dir", "quiet", "trace", "verbose", "debug"),
}
"""The options of `run` by their parameters' names; whatever stands in none comes last."""

_REST = "More options"

EXAMPLES: Mapping[str, Sequence[tuple[str, str]]] = {
    "run": (
        ("distrcomp run -n 4 prog.py", "four nodes on this machine"),
        ("distrcomp run --peers peers.txt prog.py", "a node on every slot of the peers"),
        ("distrcomp run -n 4 --include 'data/*.csv' prog.py data", "with support files"),
        ("distrcomp run -n 2 --timeout 60 -m package.module", "a module, for a minute at most"),
        ("distrcomp run -n 4 -- sh -c 'echo $RANK of $WORLD_SIZE'", "a command"),
        ("distrcomp run -n 4 --report run.json prog.py", "and keep the report"),
        ("distrcomp run -n 4 --collect '*.csv' prog.py", "and bring back what it has written"),
    ),
    "agent": (
        ("distrcomp agent --join -", "join by the line of `cluster invite`, read from stdin"),
        ("distrcomp agent", "receive programs, once it has joined"),
        ("distrcomp agent --update --peers peers.txt", "bring agents to this machine's version"),
    ),
    "bench": (
        ("distrcomp bench", "two nodes on this machine"),
        ("distrcomp bench --peers peers.txt --plot figures.svg", "between machines, drawn"),
    ),
    "doctor": (
        ("distrcomp doctor --peers peers.txt", "every peer, and every pair of them"),
        ("distrcomp doctor", "this machine alone"),
    ),
    "cluster": (
        ("distrcomp cluster init", "once, on the machine from which you start runs"),
        ("distrcomp cluster invite --peers peers.txt", "once for each machine that joins"),
    ),
    "discover": (("distrcomp peers discover --write peers.txt", "and keep what was found"),),
    "peers": (("distrcomp peers --peers peers.txt", "who can be reached, and who can't"),),
    "ps": (("distrcomp ps", "the runs of this machine"),),
    "ship": (
        ("distrcomp ship --dry-run prog.py", "which files a run would ship, and why"),
        ("distrcomp ship --peers peers.txt --include data", "bring a folder to all peers"),
    ),
    "stacks": (("distrcomp stacks 4099", "where the nodes of the run 4099... are"),),
}


class _WithExamples(click.Command):
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the examples."""
        examples = EXAMPLES.get(self.name or "", ())
        if examples:
            with formatter.section("Examples"):
                for line, meaning in examples:
                    indent = " " * formatter.current_indent
                    formatter.write(f"{indent}{line}\n{indent}    {meaning}\n")
        super().format_epilog(ctx, formatter)


class ToolGroup(_WithExamples, click.Group):
    """Commands of one kind; its help ends with examples."""


class ToolCommand(_WithExamples):
    """A command whose help is laid out as ours is."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the options, under headings where some of them have one."""
        left = {
            param.name: record
            for param in self.get_params(ctx)
            if isinstance(param, click.Option)
            and (record := param.get_help_record(ctx)) is not None
        }
        is_sectioned = sum(name in left for names in SECTIONS.values() for name in names) > 10
        for heading, names in SECTIONS.items() if is_sectioned else ():
            records = [left.pop(name) for name in names if name in left]
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
        if left:
            with formatter.section(_REST if is_sectioned else "Options"):
                formatter.write_dl(list(left.values()))
