"""`distrcomp run`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import click

from ..cluster.peers_file import Peer
from ..control.messages import Setting
from ..errors import BadManifest, BadUsage, CannotWrite, Interrupted
from ..run.launch import Display, Launch, Preparation, Request
from ..run.plain import counted, plain, plain_lines
from ..run.plan import parse_n
from ..run.report import render_json, render_text, report_format, where_nodes_were
from ..run.results import RunResult
from ..run.sinks import STDOUT, Sinks
from ..run.table import LiveView, NoView, View
from ..ship.bundle import Wanted, collect
from ..ship.manifest import check_path
from .options import chosen_peers, peers_options, policy_options, strict_options
from .version import version_option

_RUNS_REST = ("-m", "-c")


class RunCommand(click.Command):
    """Ends its options at the program, and after `-m MODULE` or `-c CODE`, as Python does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
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
                args = [*args[:index], "--", *args[index:]]
                break
        return super().parse_args(ctx, args)


@dataclass(frozen=True)
class _Show:
    """How the user wants the run shown."""

    output: str
    report: Path | None
    folder: Path | None
    quiet: bool
    verbose: bool


@click.command(
    cls=RunCommand, context_settings={"allow_interspersed_args": False}, options_metavar="[OPTIONS]"
)
@click.option("-n", "-np", "n", metavar="N|auto", help="Number of nodes.")
@peers_options
@click.option(
    "--oversubscribe", is_flag=True, help="Allow more nodes than slots on other machines."
)
@click.option(
    "--include",
    "--preload-files",
    "include",
    multiple=True,
    metavar="GLOB",
    help="Ship these files too; they keep their place below the current folder.",
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these out of --include.")
@click.option(
    "--dry-run", is_flag=True, help="Print what would be shipped and where nodes would run."
)
@click.option(
    "-x",
    "--env",
    "env",
    multiple=True,
    metavar="VAR[=VALUE]",
    help="Forward a variable; no other travels to other machines.",
)
@click.option("--wdir", default="", metavar="DIR", help="Folder to start in, below the sandbox.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Time limit of the run; exit code 124.",
)
@click.option(
    "--recv-timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long a `recv` without timeout= waits before it raises RecvTimeout.",
)
@click.option(
    "--output",
    type=click.Choice(["report", "live", "raw", "none"]),
    default="report",
    show_default=True,
    help="A merged report at the end; tagged lines as they come; untagged lines; nothing.",
)
@click.option(
    "--report", type=click.Path(path_type=Path), help="Also write the report: .txt or .json."
)
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    help="Write each node's raw bytes to NODE.out and NODE.err here.",
)
@click.option("--stdin", default="0", metavar="NODE|none", help="The node that reads our stdin.")
@policy_options
@strict_options
@click.option(
    "--data-plane",
    type=click.Choice(["tls", "plain"]),
    default="tls",
    show_default=True,
    help="plain proves both ends and then sends without encryption, for trusted networks.",
)
@click.option(
    "--mpi4py", is_flag=True, help="`from mpi4py import MPI` in the program gives distrcomp's."
)
@click.option(
    "--engine",
    type=click.Choice(["own", "mpi"]),
    default="own",
    show_default=True,
    help="mpi starts the nodes by the mpiexec of this environment.",
)
@click.option("-m", "module", metavar="MODULE", help="Run a module, as `python -m`.")
@click.option("-c", "code", metavar="CODE", help="Run this code, as `python -c`.")
@click.option("-q", "--quiet", is_flag=True, help="No table and no remarks.")
@click.option("-v", "--verbose", is_flag=True, help="Say where each node runs.")
@version_option
@click.option("--debug", is_flag=True, help="Show tracebacks of distrcomp itself.")
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="PROGRAM [ARGS]...")
@click.pass_context
def run(ctx: click.Context, /, program: tuple[str, ...], **options: Any) -> None:
    """Run a program on many nodes and print one merged report.

    A .py file runs under Python, in a fresh folder to which it and the local modules it imports
    were copied; anything else is a command run on every node. Options end at PROGRAM.
    """
    ctx.meta["debug"] = options["debug"]
    request = _request(program, options)
    if options["engine"] == "mpi":
        from .mpi import run_by_mpi

        ctx.exit(run_by_mpi(ctx, request))
    show = _Show(
        options["output"],
        options["report"],
        options["output_dir"],
        options["quiet"],
        options["verbose"],
    )
    if show.report is not None:
        report_format(str(show.report))
        _check_writable(show.report)
    try:
        code = asyncio.run(_run(request, show, dry=options["dry_run"]))
    except KeyboardInterrupt:
        raise Interrupted("interrupted before the program started") from None
    ctx.exit(code)


def _request(program: tuple[str, ...], options: dict[str, Any]) -> Request:
    """What the options ask for; raises BadUsage."""
    recv_timeout_s = options["recv_timeout"]
    _require_text([*program, options["module"], options["code"], *options["env"], options["wdir"]])
    for name, seconds in (("timeout", options["timeout"]), ("recv-timeout", recv_timeout_s)):
        if seconds is not None and not isfinite(seconds):
            raise BadUsage(f"--{name} takes a number of seconds; got {seconds}")
    n_node = parse_n(options["n"])
    peers = chosen_peers(options["peers"], options["host"])
    is_python, arguments, wanted = _program(program, options)
    if options["mpi4py"] and not is_python:
        raise BadUsage(f"--mpi4py is for Python programs; {arguments[0]} is a command")
    if options["wdir"]:
        try:
            check_path(options["wdir"])
        except BadManifest as error:
            raise BadUsage(f"--wdir takes a folder below the sandbox: {error}") from error
    return Request(
        arguments=arguments,
        is_python=is_python,
        wanted=wanted,
        peers=peers or (Peer("localhost"),),
        n_node=n_node,
        oversubscribe=options["oversubscribe"],
        environment=(
            *map(_setting, options["env"]),
            *_recv_timeout(recv_timeout_s),
            *_told(options),
        ),
        wdir=options["wdir"],
        timeout_s=options["timeout"],
        stdin_node=_stdin_node(options["stdin"]),
        continue_on_failure=options["on_failure"] == "continue",
        on_deadlock=options["on_deadlock"],
        is_strict=options["strict"],
        data_plane=options["data_plane"],
    )


def _require_text(words: Sequence[str | None]) -> None:
    """Raises BadUsage for bytes that are no UTF-8, which could not be sent to other machines."""
    for word in words:
        if word is not None and not word.isascii():
            try:
                word.encode()
            except UnicodeEncodeError as error:
                raise BadUsage(f"{word!a} is not UTF-8: arguments must be text") from error


def _program(
    program: tuple[str, ...], options: dict[str, Any]
) -> tuple[bool, tuple[str, ...], Wanted]:
    """Whether Python runs it, the arguments, and what to ship."""
    module, code = options["module"], options["code"]
    include, exclude, folder = options["include"], options["exclude"], Path.cwd()
    if module is not None:
        wanted = Wanted(None, module, include, exclude, folder, arguments=program)
        return True, ("-m", module, *program), wanted
    if code is not None:
        return True, ("-c", code, *program), Wanted(None, None, include, exclude, folder)
    if not program:
        raise BadUsage("which program? distrcomp run [OPTIONS] PROGRAM [ARGS]...")
    first = program[0]
    if first == "-":
        raise BadUsage("a program is not read from stdin: use -c CODE, or a file")
    if first.endswith(".py"):
        return True, program, Wanted(Path(first), None, include, exclude, folder)
    if Path(first).is_dir():
        raise BadUsage(f"{first} is a folder, not a program")
    if "/" in first and not first.startswith("/"):  # a command of ours travels with the run
        if not Path(first).exists():
            raise BadUsage(f"there is no program {first}")
        include = (*include, os.path.normpath(first))
    return False, program, Wanted(None, None, include, exclude, folder)


def _setting(text: str) -> Setting:
    name, equals, value = text.partition("=")
    if not name.isidentifier() or name.startswith("DISTRCOMP_"):
        raise BadUsage(f"-x {text}: {name!r} is not a variable that can be forwarded")
    if not equals:
        if name not in os.environ:
            raise BadUsage(f"-x {name}: it is not set here; give a value by -x {name}=VALUE")
        value = os.environ[name]
    return Setting(name, value)


def _recv_timeout(seconds: float | None) -> tuple[Setting, ...]:
    """How the nodes learn of --recv-timeout."""
    return () if seconds is None else (Setting("DISTRCOMP_RECV_TIMEOUT", repr(seconds)),)


def _told(options: dict[str, Any]) -> tuple[Setting, ...]:
    """How the nodes learn what the options ask of them."""
    settings = {
        "mpi4py": Setting("DISTRCOMP_PREPARE", "distrcomp.mpi.shim"),
        "strict_sends": Setting("DISTRCOMP_STRICT_SENDS", "1"),
        "debug": Setting("DISTRCOMP_DEBUG", "1"),
    }
    return tuple(setting for name, setting in settings.items() if options[name])


def _stdin_node(text: str) -> int:
    if text == "none":
        return -1
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise BadUsage(f"--stdin takes a node id or none; got {text!r}")
    return int(text)


async def _run(request: Request, show: _Show, *, dry: bool) -> int:
    bundle = collect(request.wanted)
    if bundle.entry is not None and request.is_python and not request.arguments[0].startswith("-"):
        request = _with_entry(request, bundle.entry)
    async with Launch(request) as launch:
        preparation = await launch.prepare(bundle)
        _check_stdin(request, preparation)
        if dry:
            _print_plan(preparation)
            return 0
        if show.verbose:
            _print_placement(preparation, err=True)
        if show.output == "live" and not show.quiet:  # else they stand in the report
            for note in preparation.notes:
                click.echo(f"distrcomp: {note}", err=True)
        display = Display(_view(show), lambda n: Sinks(n, show.output, show.folder, _write_through))
        result, outputs = await launch.run(preparation, display)
    _print_result(result, outputs, show)
    return result.exit_code


def _with_entry(request: Request, entry: str) -> Request:
    path = f"./{entry}" if entry.startswith("-") else entry
    return replace(request, arguments=(path, *request.arguments[1:]))


def _check_stdin(request: Request, preparation: Preparation) -> None:
    n_node = preparation.plan.n_node
    if request.stdin_node >= n_node:
        raise BadUsage(
            f"--stdin {request.stdin_node}: the run has {counted(n_node, 'node')}, from 0 on"
        )


def _view(show: _Show) -> View:
    shown = show.output == "report" and not show.quiet
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    return LiveView() if shown and on_terminal else NoView()


def _write_through(stream: int, data: bytes) -> None:
    file = sys.stdout if stream == STDOUT else sys.stderr
    if file is not None:  # None where it was closed before we started
        file.buffer.write(data)
        file.buffer.flush()


def _print_result(result: RunResult, outputs: list[str], show: _Show) -> None:
    """Prints what is to be printed, and then writes the report file."""
    try:
        _print(result, outputs, show)
    except OSError as error:
        raise CannotWrite(f"the report cannot be printed: {error.strerror}") from error
    finally:
        if show.report is not None:
            _write_report(result, outputs, show.report)


def _write_report(result: RunResult, outputs: list[str], path: Path) -> None:
    is_json = report_format(str(path)) == "json"
    content = (render_json if is_json else render_text)(result, outputs)
    try:
        path.write_bytes(content.encode(errors="backslashreplace"))
    except OSError as error:
        raise CannotWrite(f"--report {path} cannot be written: {error.strerror}") from error


def _print(result: RunResult, outputs: list[str], show: _Show) -> None:
    if result.cause is not None and _never_began(result, outputs):
        for line in result.cause.headline.splitlines():
            click.echo(f"distrcomp: {plain(line)}", err=True)
        return
    if show.output == "report":
        text = render_text(replace(result, notes=()) if show.quiet else result, outputs)
        _write_through(STDOUT, text.encode(errors="backslashreplace"))
    elif result.cause is not None:
        if show.output == "live" and not show.quiet:
            for line in where_nodes_were(result.nodes):
                click.echo(line, err=True)
        click.echo(f"distrcomp: {plain(result.cause.headline)}", err=True)
        if result.cause.node is None and result.cause.traceback:  # no node has printed it
            click.echo(plain_lines(result.cause.traceback), err=True)


def _never_began(result: RunResult, outputs: list[str]) -> bool:
    """Whether there is nothing to report but why."""
    return not any(outputs) and all(node.outcome == "never started" for node in result.nodes)


def _print_plan(preparation: Preparation) -> None:
    """What --dry-run prints: the manifest, then the plan."""
    bundle = preparation.bundle
    total = sum(entry.size for entry in bundle.manifest.files)
    click.echo(f"{counted(len(bundle.manifest.files), 'file')}, {total:,} bytes:")
    for entry in bundle.manifest.files:
        reason = bundle.reasons.get(entry.path, "")
        click.echo(f"  {entry.path}  {entry.size:,} bytes  {reason}")
    _print_placement(preparation, err=False)


def _print_placement(preparation: Preparation, *, err: bool) -> None:
    click.echo(f"{counted(preparation.plan.n_node, 'node')}:", err=err)
    for node, peer in enumerate(preparation.plan.placement):
        click.echo(f"  node {node} on {preparation.connections[peer].peer.label}", err=err)


def _check_writable(path: Path) -> None:
    if not path.parent.is_dir():
        raise BadUsage(f"--report {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise BadUsage(f"--report {path} is a folder")
