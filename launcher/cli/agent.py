"""`distrcomp agent`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from .. import limits
from ..agent.daemon import Daemon, Options
from ..agent.releases import Releases
from ..agent.succession import Inheritance, step_aside, take_inheritance
from ..cluster import multicast
from ..cluster.credentials import Credentials, load_agent
from ..cluster.home import Home
from ..cluster.names import parse_port, split_host_port
from ..cluster.peers_file import AGENT_PORT
from ..errors import BadUsage, Interrupted
from ..run.signals import ended_by
from ..ship.folders import know_temporary_folder
from .help import ToolCommand
from .options import peers_options
from .service import agent_words


@click.command(cls=ToolCommand)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default=f":{AGENT_PORT}",
    help=f"Where to listen; by default port {AGENT_PORT} of every interface.",
)
@click.option(
    "--slots",
    type=click.IntRange(1, limits.SLOTS_MAX),
    metavar="N",
    help="Nodes to offer; default: the cores.",
)
@click.option(
    "--name",
    metavar="NAME",
    help="This machine's name in the cluster when it joins; default: its own.",
)
@click.option(
    "--join",
    metavar="LINE",
    allow_from_autoenv=False,  # a secret
    help="Join by the line of `cluster invite` first; - reads it from stdin.",
)
@click.option(
    "--credentials",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A credential file of `cluster issue`, instead of joining.",
)
@click.option(
    "--announce",
    is_flag=True,
    help="Announce this agent on its network, for `distrcomp peers discover`.",
)
@click.option("--install", is_flag=True, help="Write a service unit of systemd and start nothing.")
@click.option("--uninstall", is_flag=True, help="Remove that unit.")
@click.option(
    "--system/--user",
    default=False,
    help="A unit of the system, or one of yours (default).",
)
@click.option("--run-as", metavar="USER", help="With --system: as whom; default: distrcomp.")
@click.option(
    "--update",
    is_flag=True,
    help="Bring the agents of --peers or -H to the distrcomp of this machine, the operator's.",
)
@peers_options
def agent(**options: Any) -> None:
    """Receive programs from the cluster's operator and run their nodes here.

    A program runs with all rights of the user who runs the agent: that is not a sandbox.
    """
    if options["update"]:
        from .updating import update_agents

        _refuse_beside("--update", ("update", "peers", "host"))
        update_agents(options)
        return
    if options["host"] is not None:
        raise BadUsage("-H and --peers are for --update")
    host, port = _parse_listen(options["listen"])
    if options["install"] or options["uninstall"]:
        from . import service

        if options["join"] is not None:
            raise BadUsage("a service does not join: do that first, by `distrcomp agent --join -`")
        (service.install if options["install"] else service.uninstall)(options)
        return
    join, credentials = options["join"], options["credentials"]
    home = Home.find(os.environ)
    inheritance = take_inheritance(os.environ)
    if inheritance is None and (why := step_aside(Releases(home), sys.argv[1:])):
        click.echo(f"distrcomp: {why}", err=True)
    if join is not None:
        if credentials is not None:
            raise BadUsage("--join makes credentials of its own: leave --credentials away")
        line = sys.stdin.readline().strip() if join == "-" else join
        _join(line, home, options["name"], port)
    if options["announce"]:
        multicast.require()
    identity = load_agent(home, credentials)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    words = agent_words(options)
    own = Options((host, port), options["slots"], options["announce"], words)
    asyncio.run(_serve(identity, home, own, inheritance)).give_way()


def _refuse_beside(option: str, allowed: tuple[str, ...]) -> None:
    """Refuses what has been typed beside an option that it has no meaning for."""
    ctx = click.get_current_context()
    for param in ctx.command.params:
        name = param.name or ""
        if name not in allowed and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise BadUsage(f"{max(param.opts, key=len)} has no meaning beside {option}")


def _join(line: str, home: Home, name: str | None, port: int) -> None:
    from ..cluster.join import default_name, join
    from ..cluster.join_line import parse_join_line

    label = name or default_name()
    try:
        path = asyncio.run(join(parse_join_line(line), home, label, port))
    except KeyboardInterrupt:
        raise Interrupted("interrupted: this machine has not joined") from None
    click.echo(f"joined as {label}; the credentials are in {path}", err=True)


async def _serve(
    credentials: Credentials, home: Home, options: Options, inheritance: Inheritance | None
) -> Daemon:
    """Serves until SIGINT or SIGTERM, or until another release is to take over."""
    know_temporary_folder()
    daemon = Daemon(credentials, home, options, inheritance)
    host = daemon.host
    if host.swept:
        click.echo(f"removed {len(host.swept)} sandboxes of an agent that was killed", err=True)
    await daemon.start()
    if daemon.blind:
        click.echo(
            f"`distrcomp ps` on this machine will not see this agent: {daemon.blind}", err=True
        )
    # Whoever has read the log of the release before may be gone long since.
    with contextlib.suppress(*(() if inheritance is None else (OSError,))):
        click.echo(f"agent {host.name} listens on {daemon.where} with {host.slots} slots", err=True)
    with ended_by(daemon.stop):
        await daemon.serve()
    await daemon.close()
    if daemon.successor is None:
        click.echo(f"agent {host.name} has stopped", err=True)
    else:
        with contextlib.suppress(OSError):
            click.echo(f"agent {host.name} becomes distrcomp {daemon.successor.version}", err=True)
    return daemon


def _parse_listen(text: str) -> tuple[str, int]:
    try:
        host, port_text = split_host_port(text)
        port = AGENT_PORT if port_text is None else parse_port(port_text)
    except BadUsage as error:
        raise BadUsage(f"--listen {text}: {error}") from error
    if port is None:
        raise BadUsage(f"--listen {text}: the port must be a number from 1 to 65535")
    return host, port
