"""`distrcomp agent`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from distrcomp.cores import usable_cores

from .. import limits
from ..agent import server
from ..agent.host import Host
from ..agent.interfaces import own_interfaces
from ..agent.releases import Laid, Releases
from ..agent.succession import Inheritance, become, step_aside, take_inheritance
from ..agent.updating import Updating
from ..agent.window import Window
from ..cluster import multicast
from ..cluster.announcement import Announcement, fingerprint_of
from ..cluster.credentials import Credentials, load_agent
from ..cluster.home import Home
from ..cluster.names import join_host_port, parse_port, split_host_port
from ..cluster.peers_file import AGENT_PORT
from ..errors import BadUsage, Interrupted, LauncherError
from ..run.signals import ended_by
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
    type=click.IntRange(1, 4096),
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
    if inheritance is None:
        step_aside(Releases(home), sys.argv[1:])
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
    updating = asyncio.run(_serve(identity, home, (host, port), options, inheritance))
    if updating.successor is not None:
        become(updating.successor, agent_words(options), updating.listeners, updating.base)


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
    credentials: Credentials,
    home: Home,
    address: tuple[str, int],
    options: dict[str, Any],
    inheritance: Inheritance | None,
) -> Updating:
    """Serves until SIGINT or SIGTERM, or until another release is to take over."""
    listeners = inheritance.sockets() if inheritance else server.listen(*address)
    listening = [listener.getsockname()[:2] for listener in listeners]
    host = Host(
        home.make_cache() / "agent",
        credentials.identity.name,
        options["slots"] or usable_cores(),
        interfaces=lambda: own_interfaces(listening),
    )
    if host.swept:
        click.echo(f"removed {len(host.swept)} sandboxes of an agent that was killed", err=True)
    await host.starter.make_ready()
    window = _open_window(home, host)
    serves = server.Server(host, credentials)
    serving = asyncio.ensure_future(serves.serve(listeners))
    words = agent_words(options)
    host.updating = updating = Updating(
        Releases(home), serves, host.guardian, words, inheritance, serving.cancel
    )
    where = ", ".join(join_host_port(*address) for address in listening)
    with contextlib.suppress(*(() if inheritance is None else (OSError,))):  # as in `_becomes`
        click.echo(f"agent {host.name} listens on {where} with {host.slots} slots", err=True)
    gc.freeze()  # what is there now stays: looking for garbage is quick then (server.Server)
    if inheritance is not None:
        inheritance.tell_ready()
    is_told = options["announce"] and (inheritance is None or not inheritance.is_trial)
    announcing = _announce(credentials, host) if is_told else None
    with ended_by(serving.cancel), contextlib.suppress(asyncio.CancelledError):
        await serving
    if announcing is not None:
        announcing.cancel()
        await asyncio.gather(announcing, return_exceptions=True)
    if window is not None:
        await window.close()
    await host.close()
    if updating.successor is None:
        click.echo(f"agent {host.name} has stopped", err=True)
    else:
        _becomes(host.name, updating.successor)
    return updating


def _becomes(name: str, successor: Laid) -> None:
    """Says so, if anybody reads that: whoever has read the log may be gone long since."""
    with contextlib.suppress(OSError):
        click.echo(f"agent {name} becomes distrcomp {successor.version}", err=True)


def _announce(credentials: Credentials, host: Host) -> asyncio.Task[None]:
    """Has the agent announced as long as it serves."""
    fingerprint = fingerprint_of(credentials.ca_pem)

    def now() -> Announcement:
        told = host.interfaces()
        addresses = tuple(each.address for each in told)
        port = told[0].port if told else AGENT_PORT
        return Announcement(host.name, fingerprint, addresses, port)

    return asyncio.ensure_future(multicast.announce(now, limits.ANNOUNCED_LOOK_S))


def _open_window(home: Home, host: Host) -> Window | None:
    """Lets commands on this machine look at what runs here."""
    try:
        window = Window(home, host.guardian)
    except (LauncherError, OSError) as error:
        click.echo(f"`distrcomp ps` on this machine will not see this agent: {error}", err=True)
        return None
    window.open(host)
    return window


def _parse_listen(text: str) -> tuple[str, int]:
    try:
        host, port_text = split_host_port(text)
        port = AGENT_PORT if port_text is None else parse_port(port_text)
    except BadUsage as error:
        raise BadUsage(f"--listen {text}: {error}") from error
    if port is None:
        raise BadUsage(f"--listen {text}: the port must be a number from 1 to 65535")
    return host, port
