"""`launcher.run(...)`: a run as a Python call, with what it came to as an object.

Its options are those of `distrcomp run` by the same names, read by the command itself, so that the
two can't differ.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import click
from click.core import ParameterSource

from .cli.defaults import with_defaults
from .cli.keeping import keep_of, write_files
from .cli.programs import PROGRAMS
from .cli.request import request_of
from .cli.run import run as command
from .errors import BadUsage, RunFailed
from .run.background import BackgroundRun
from .run.report import render_text
from .run.request import Display, Request
from .run.results import RunResult
from .run.sinks import STDOUT, Sinks
from .run.stdin import FedStdin
from .run.table import NoView

Name = str | os.PathLike[str]

_OF_THE_COMMAND = ("engine", "dry_run")
"""Parameters of the command that a call has no use for."""


class Options(TypedDict, total=False):
    """The options of a run, as `distrcomp run --help` tells them; `_` stands for `-` in a name.

    Attributes:
        n: the number of nodes; by default one for each slot of the peers, or core of this machine.
        peers: the peers file; host: peers inline.
        include, exclude, collect: patterns.
        with_: `--with`, `with` being a word of Python's.
        env: variables to forward, with their values, or names of variables that are set here.
        input: what the node `stdin` (0) reads as its standard input; nothing by default.
        output: "none" shows nothing, "live" and "raw" print lines to our stdout as they come.
    """

    n: int
    peers: Name
    host: str
    map_by: Literal["slot", "node"]
    oversubscribe: bool
    include: Sequence[str]
    exclude: Sequence[str]
    collect: Sequence[str]
    env: Mapping[str, str] | Sequence[str]
    wdir: str
    timeout: float
    recv_timeout: float
    input: str | bytes
    stdin: int
    output: Literal["none", "live", "raw"]
    output_dir: Name
    report: Name
    trace: Name
    on_failure: Literal["abort", "continue"]
    on_deadlock: Literal["abort", "report", "ignore"]
    strict: bool
    strict_sends: bool
    with_: Sequence[str]
    requirements: Sequence[Name]
    allow_skew: bool
    cold: bool
    net: str
    data_plane: Literal["tls", "plain"]
    mpi4py: bool
    m: bool
    c: bool


@dataclass(frozen=True)
class Node:
    """How one node ended, and what it printed.

    Attributes:
        peer: the machine it ran on.
        exit_code, signal: at most one is set; neither where its end is not known.
        outcome: "finished", "failed", "stopped", "lost" or "never started".
        seconds: how long it ran.
        output: stdout and stderr as they came; of more than 1 MiB the beginning and the end.
    """

    node: int
    peer: str
    exit_code: int | None
    signal: int | None
    outcome: str
    seconds: float | None
    output: str


@dataclass(frozen=True)
class Result:
    """What a run came to.

    Attributes:
        exit_code: as that of `distrcomp run`: 0, or the first failing node's, 124 and so on.
        seconds: how long the programs ran.
        cause: why it failed, in a sentence; empty if it did not.
        traceback: of the exception that was the cause, if one was.
        nodes: in node order.
        files: what `collect` has brought, as it lies here.
        notes: what else there is to say.
        report: the merged report.
    """

    exit_code: int
    seconds: float
    cause: str
    traceback: str
    nodes: tuple[Node, ...]
    files: tuple[Path, ...]
    notes: tuple[str, ...]
    report: str

    def check(self) -> Result:
        """Itself if all went well; raises RunFailed otherwise."""
        if self.exit_code:
            raise RunFailed(self)
        return self


def run(program: Name, *arguments: str, **options: Unpack[Options]) -> Result:
    """Runs a program on many nodes, and waits until all is over and cleaned up.

    It works in any thread, also where an event loop runs. Ctrl-C ends the run and is raised when
    that is done. That the program fails is no exception: see `Result.check`.

    Args:
        program: a .py file, a command, with `m=True` a module, with `c=True` code.
        arguments: of the program.
        options: see `Options`.

    Raises:
        BadUsage: the options are wrong, or name what there is not.
        CannotStart: the run could not be started.

    Example:
        >>> result = run("print(6 * 7)", n=2, c=True)
        >>> [node.output for node in result.check().nodes]
        ['42\\n', '42\\n']
    """
    fed = FedStdin()
    given = options.pop("input", None)
    if given is not None:
        fed.feed(given.encode() if isinstance(given, str) else given)
    fed.end()
    context = context_from(command_words(program, arguments, options))
    keep, request = keep_of(context), request_of_context(context)
    folder = options.get("output_dir")
    shown = options.get("output", "none")
    display = Display(
        NoView(),
        lambda n_node: Sinks(n_node, shown, None if folder is None else Path(folder), _print),
        fed.read,
    )
    background = BackgroundRun(request, display)
    background.start()
    background.wait_out()
    result, outputs = background.outcome()
    if background.launch is not None:
        write_files(keep, result, background.launch)
    return result_of(result, outputs)


def command_words(program: Name, arguments: Sequence[str], options: Options) -> list[str]:
    """The words of `distrcomp run` that ask for the same."""
    words: list[str] = []
    is_module, is_code = options.pop("m", False), options.pop("c", False)
    for name, value in options.items():
        option = f"--{name.rstrip('_').replace('_', '-')}" if len(name) > 1 else f"-{name}"
        for text in _texts(value):
            words += [option] if text is True else [option, str(text)]
    first = os.fspath(program)
    starts = ["-m", first] if is_module else ["-c", first] if is_code else ["--", first]
    kept = ["\\" + word if word.lstrip("\\") == ":" else word for word in arguments]
    return [*words, *starts, *kept]


def request_from(words: Sequence[str]) -> Request:
    """What `distrcomp run WORDS` asks for; raises BadUsage."""
    return request_of_context(context_from(words))


def context_from(words: Sequence[str]) -> click.Context:
    """What the command reads in these words; raises BadUsage."""
    try:
        context = command.make_context("run", list(words))
    except click.UsageError as error:
        raise BadUsage(error.format_message()) from error
    except click.exceptions.Exit as error:
        raise BadUsage(f"this is for the command line: {shlex.join(words)}") from error
    for name in _OF_THE_COMMAND:
        if context.get_parameter_source(name) not in (None, ParameterSource.DEFAULT):
            raise BadUsage(f"{name} is for the command line only")
    return context


def request_of_context(context: click.Context) -> Request:
    """What it asks for; raises BadUsage."""
    options: dict[str, Any] = dict(context.params)
    program = options.pop("program")
    options = with_defaults(context, program, options)
    return request_of(program, options, context.meta.get(PROGRAMS, ()))


def result_of(result: RunResult, outputs: Sequence[str]) -> Result:
    """A run's result as callers get it."""
    cause = result.cause
    return Result(
        result.exit_code,
        result.seconds,
        "" if cause is None else cause.headline,
        "" if cause is None else cause.traceback,
        tuple(
            Node(
                node.node,
                node.peer,
                node.exit_code,
                node.signal,
                node.outcome,
                node.seconds,
                output,
            )
            for node, output in zip(result.nodes, outputs, strict=True)
        ),
        tuple(
            Path(result.collected_in, str(file.node), file.path).absolute()
            for file in result.collected
        ),
        result.notes,
        render_text(result, outputs),
    )


def _texts(value: object) -> list[object]:
    """The values of an option, True for a flag."""
    if value is None or value is False:
        return []
    if isinstance(value, Mapping):
        return [f"{name}={text}" for name, text in value.items()]
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return list(value)
    return [value]


def _print(stream: int, data: bytes) -> None:
    """Lines as they come, to what is our stdout now: a notebook's is no file."""
    file = sys.stdout if stream == STDOUT else sys.stderr
    if file is not None:
        file.write(data.decode(errors="backslashreplace"))
        file.flush()
