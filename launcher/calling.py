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
from .cli.program_needs import read_program
from .cli.programs import PROGRAMS, SEPARATOR
from .cli.request import request_of
from .cli.run import run as command
from .errors import BadUsage, RunFailed
from .run.background import BackgroundRun
from .run.report import render_text
from .run.request import Display, Request
from .run.results import RunResult
from .run.sinks import STDOUT, Sinks
from .run.stdin import FedStdin
from .run.table import View

Name = str | os.PathLike[str]

_OF_THE_COMMAND = ("engine", "dry_run")
"""Parameters of the command that a call has no use for."""
_TELL_ONLY = ("help", "version")


class ProgramOptions(TypedDict, total=False):
    """The options that each program of a run has of its own.

    Attributes:
        n: the number of nodes; by default one for each slot of the peers, or core of this machine.
            Where there are several programs each has to say it.
        env: variables to forward, with their values, or names of variables that are set here.
        m, c: the program is a module, or code.
    """

    n: int
    env: Mapping[str, str] | Sequence[str]
    wdir: str
    m: bool
    c: bool


class Options(ProgramOptions, total=False):
    """The options of a run, as `distrcomp run --help` tells them; `_` stands for `-` in a name.

    Attributes:
        peers: the peers file; host: peers inline.
        include, exclude, collect: patterns.
        with_: `--with`, `with` being a word of Python's.
        input: what the node `stdin` (0) reads as its standard input; nothing by default.
        output: "none" shows nothing, "live" and "raw" print lines to our stdout as they come.
    """

    peers: Name
    host: str
    map_by: Literal["slot", "node"]
    oversubscribe: bool
    include: Sequence[str]
    exclude: Sequence[str]
    collect: Sequence[str]
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


class Program:
    """One of several programs of a run: `run(Program("a.py", n=1), Program("b.py", n=3))`.

    Args:
        program: see `run`.
        arguments: of the program.
        options: see `ProgramOptions`.
    """

    def __init__(self, program: Name, *arguments: str, **options: Unpack[ProgramOptions]) -> None:
        self.words = command_words(program, arguments, options)


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


def run(program: Name | Program, *arguments: str | Program, **options: Unpack[Options]) -> Result:
    """Runs a program on many nodes, and waits until all is over and cleaned up.

    It works in any thread, also where an event loop runs. Ctrl-C ends the run and is raised when
    that is done. That the program fails is no exception: see `Result.check`.

    Args:
        program: a .py file, a command, with `m=True` a module, with `c=True` code; or the first of
            several `Program`s.
        arguments: of the program; or the other programs.
        options: see `Options`.

    Raises:
        BadUsage: the options are wrong, or name what there is not.
        CannotStart: the run could not be started.

    Example:
        >>> result = run("print(6 * 7)", n=2, c=True)
        >>> [node.output for node in result.check().nodes]
        ['42\\n', '42\\n']
    """
    fed = _fed(options.pop("input", None))
    context = context_from(words_of(program, arguments, options))
    keep, request = keep_of(context), request_of_context(context)
    folder = options.get("output_dir")
    shown = options.get("output", "none")
    display = Display(
        View(),
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


def words_of(
    program: Name | Program, arguments: Sequence[str | Program], options: Options
) -> list[str]:
    """The words of `distrcomp run` that ask for a program, or for several."""
    if not isinstance(program, Program):
        return command_words(program, [_text(each) for each in arguments], options)
    for name in ProgramOptions.__annotations__:
        if name in options:
            raise BadUsage(
                f"{name} is for each of several programs: launcher.Program(..., {name}=)"
            )
    words = [*_option_words(options), *program.words]
    for other in arguments:
        if not isinstance(other, Program):
            raise BadUsage(f"beside a launcher.Program only others can stand; got {other!r}")
        words += [SEPARATOR, *other.words]
    return words


def command_words(
    program: Name, arguments: Sequence[str], options: Options | ProgramOptions
) -> list[str]:
    """The words of `distrcomp run` that ask for one program."""
    words = _option_words(
        {name: value for name, value in options.items() if name not in ("m", "c")}
    )
    first = _text(program)
    start = "-m" if options.get("m") else "-c" if options.get("c") else "--"
    kept = [
        "\\" + word if word.lstrip("\\") == SEPARATOR else word for word in map(_text, arguments)
    ]
    return [*words, start, first, *kept]


def _option_words(options: Mapping[str, object]) -> list[str]:
    words: list[str] = []
    for name, value in options.items():
        if name in _TELL_ONLY:
            raise BadUsage(f"{name} is for the command line only")
        option = f"--{name.rstrip('_').replace('_', '-')}" if len(name) > 1 else f"-{name}"
        for text in _texts(value):
            words += [option] if text is True else [option, str(text)]
    return words


def _text(value: object) -> str:
    """A program, or an argument of it; raises BadUsage."""
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str):
        raise BadUsage(f"a program and its arguments are text or paths; got {value!r}")
    return text


def _fed(given: object) -> FedStdin:
    fed = FedStdin()
    if isinstance(given, str | bytes):
        fed.feed(given.encode() if isinstance(given, str) else given)
    elif given is not None:
        raise BadUsage(f"input is text or bytes; got {given!r}")
    fed.end()
    return fed


def request_from(words: Sequence[str]) -> Request:
    """What `distrcomp run WORDS` asks for; raises BadUsage."""
    return request_of_context(context_from(words))


def context_from(words: Sequence[str]) -> click.Context:
    """What the command reads in these words; raises BadUsage."""
    for word in words:
        if "\0" in word:
            raise BadUsage(f"{word!r} holds a NUL, which neither an argument nor a variable can")
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
    said = read_program(program, options)
    options = with_defaults(context, said, options)
    return request_of(program, options, said, context.meta.get(PROGRAMS, ()))


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
        for name, text in value.items():
            if text is None:
                raise BadUsage(f"{name} has no value: a list of names forwards what is set here")
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
