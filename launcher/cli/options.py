"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..cluster.peers_file import Peer, parse_hosts, read_peers
from .completion import complete_hosts, complete_program

if TYPE_CHECKING:
    from ..run.addresses import Net

_Function = TypeVar("_Function", bound=Callable[..., Any])


def peers_variable() -> str | None:
    """What DISTRCOMP_PEERS says: a default, so that a command's own variable comes first."""
    return os.environ.get("DISTRCOMP_PEERS") or None


def peers_options(function: _Function) -> _Function:
    """Adds `--peers FILE` and `-H`, which arrive as `peers` and `host`."""
    file = click.option(
        "--peers",
        "--hostfile",
        "--machinefile",
        default=peers_variable,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The peers file: one machine a line, such as `h1 slots=4`.",
    )
    inline = click.option(
        "-H",
        "--host",
        metavar="A:2,B:2",
        help="Peers without a file; the number is that of slots.",
        shell_complete=complete_hosts,
    )
    return file(inline(function))


def debug_option(function: _Function) -> _Function:
    """Adds `--debug`, which also says how errors are shown."""

    def note(ctx: click.Context, _: click.Parameter, is_wanted: bool) -> bool:
        ctx.meta["debug"] = is_wanted
        return is_wanted

    return click.option(
        "--debug", is_flag=True, callback=note, help="Show tracebacks of distrcomp itself."
    )(function)


def policy_options(function: _Function) -> _Function:
    """Adds what is done about nodes that fail, and that wait for each other."""
    failure = click.option(
        "--on-failure",
        type=click.Choice(["abort", "continue"]),
        default="abort",
        show_default=True,
        help="What a failed node does to the others.",
    )
    deadlock = click.option(
        "--on-deadlock",
        type=click.Choice(["abort", "report", "ignore"]),
        default="abort",
        show_default=True,
        help="What is done when nodes wait for each other and none can go on.",
    )
    return failure(deadlock(function))


def strict_options(function: _Function) -> _Function:
    """Adds what is asked of the program beyond that it ends well."""
    strict = click.option(
        "--strict",
        is_flag=True,
        help="Fail when messages were never received, or requests never waited for.",
    )
    sends = click.option(
        "--strict-sends",
        is_flag=True,
        help="Have every send wait until it is received, as `ssend` does: finds programs that rely "
        "on buffers.",
    )
    return strict(sends(function))


def start_options(function: _Function) -> _Function:
    """Adds how the nodes of a Python program are started."""
    return click.option(
        "--cold",
        is_flag=True,
        help="Start an interpreter for each node, instead of forking it from one that is warm.",
    )(function)


def files_options(function: _Function) -> _Function:
    """Adds which files are shipped besides the program."""
    include = click.option(
        "--include",
        "--preload-files",
        "include",
        multiple=True,
        metavar="GLOB",
        help="Ship these files too; they keep their place below the current folder.",
    )
    exclude = click.option(
        "--exclude", multiple=True, metavar="GLOB", help="Leave these out of --include."
    )
    return include(exclude(function))


def program_options(function: _Function) -> _Function:
    """Adds what may stand in the program's place."""
    module = click.option(
        "-m", "module", metavar="MODULE", help="The program is a module, as with `python -m`."
    )
    code = click.option(
        "-c", "code", metavar="CODE", help="The program is this code, as with `python -c`."
    )
    return module(code(function))


def program_argument(metavar: str) -> Callable[[_Function], _Function]:
    """Adds the program and its arguments, which arrive as `program`."""
    return click.argument(
        "program",
        nargs=-1,
        type=click.UNPROCESSED,
        metavar=metavar,
        shell_complete=complete_program,
    )


def collect_option(function: _Function) -> _Function:
    """Adds which files are brought back."""
    return click.option(
        "--collect",
        multiple=True,
        metavar="GLOB",
        help="Bring back these files, which nodes have written, into distrcomp-out/RUN/NODE.",
    )(function)


def net_option(function: _Function) -> _Function:
    """Adds `--net`, which arrives as `net`."""
    return click.option(
        "--net",
        metavar="CIDR|INTERFACE",
        help="Nodes on different machines use these addresses only, such as 10.0.0.0/8 or eth0.",
    )(function)


def chosen_net(text: str | None) -> Net | None:
    """What --net allows, None where it was not given; raises BadUsage."""
    from ..run.addresses import parse_net

    return None if text is None else parse_net(text)


def chosen_peers(peers: Path | None, host: str | None) -> tuple[Peer, ...] | None:
    """The peers that the options name, None for neither; raises BadUsage."""
    if host is not None:
        return parse_hosts(host)
    return None if peers is None else read_peers(peers)


def record_options(function: _Function) -> _Function:
    """Adds `--report FILE` and `--trace FILE`."""
    report = click.option(
        "--report",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Also write the report: .html (a page with charts), .txt or .json.",
    )
    trace = click.option(
        "--trace",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Record every call, and write them as a trace (.json) that Perfetto opens.",
    )
    return report(trace(function))
