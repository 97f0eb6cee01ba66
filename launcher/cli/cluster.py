"""`distrcomp cluster`: makes a cluster, lets machines in, lists them, puts them out."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import time
from pathlib import Path

import click

from ..cluster import names, peers_file
from ..cluster.home import Home, write_private
from ..cluster.peers_file import Peer
from ..errors import BadUsage, Interrupted
from .adding import add_peer
from .help import ToolGroup
from .options import peers_variable

_DURATION = re.compile(r"([0-9]{1,9})([smh]?)")
_UNIT_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


@click.group(cls=ToolGroup)
def cluster() -> None:
    """Make a cluster of machines that know each other."""


@cluster.command()
@click.option(
    "--name", metavar="NAME", help="What to call the cluster; this machine's name if not given."
)
def init(name: str | None) -> None:
    """Make a cluster: its authority and your operator certificate."""
    from ..cluster.authority import create_cluster

    home = Home.find(os.environ)
    label = names.checked_name(name or names.name_from_host(socket.gethostname()))
    create_cluster(home, label)
    click.echo(f"Made cluster {label} in {home.cluster}; keep that folder to yourself.")
    click.echo("Next: `distrcomp cluster invite` lets a machine join.")


@cluster.command()
@click.option("--listen", metavar="HOST[:PORT]", help="Where the new machine can reach this one.")
@click.option(
    "--ttl",
    default="15m",
    show_default=True,
    metavar="TIME",
    help="How long the line is good: 90s, 15m, 2h.",
)
@click.option(
    "--peers",
    type=click.Path(path_type=Path, dir_okay=False),
    default=peers_variable,
    help="Add the machine that joins to this peers file.",
)
def invite(listen: str | None, ttl: str, peers: Path | None) -> None:
    """Print a line that lets one machine join, and wait until it has."""
    from ..cluster.invite import JOIN_PORT, serve_invite
    from ..cluster.join_line import JoinLine

    host, port = _parse_listen(listen) if listen else (None, None)
    ttl_s = parse_ttl(ttl)
    if peers is not None:
        peers_file.check_appendable(peers)

    def announce(line: JoinLine) -> None:
        click.echo("On the new machine run:")
        click.echo(f"  distrcomp agent --join {line.text}")
        click.echo(f"It works once, within {ttl}. Waiting at {line.address} ...")

    home = Home.find(os.environ)
    serving = serve_invite(home, host, JOIN_PORT if port is None else port, ttl_s, announce)
    try:
        joined = asyncio.run(serving)
    except KeyboardInterrupt as error:
        raise Interrupted("interrupted: no machine joined") from error
    member = joined.member
    click.echo(f"{member.name} joined from {member.addresses[0]}.")
    if peers is not None:
        add_peer(peers, Peer(member.addresses[0], joined.port, name=member.name))


@cluster.command()
@click.argument("name")
@click.option(
    "--address", multiple=True, metavar="ADDRESS", help="Where it is dialled; repeatable."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file to write; NAME.pem here if not given.",
)
def issue(name: str, address: tuple[str, ...], output: Path | None) -> None:
    """Write credentials for a machine that cannot reach this one."""
    from ..cluster.authority import Authority

    label = names.checked_name(name)
    path = output or Path(f"{label}.pem")
    if path.exists():
        raise BadUsage(f"{path} exists already: move it away, or choose another with --output")
    authority = Authority(Home.find(os.environ))
    pem = authority.issue_agent(label, address)
    try:
        write_private(path, pem, replace=False)
    except BaseException:
        authority.members.remove(label)
        raise
    click.echo(f"Wrote {path}: whoever has it can be {label}, so copy it by a safe way and")
    click.echo(f"then run there: distrcomp agent --credentials {path.name}")


@cluster.command()
def members() -> None:
    """List the machines of the cluster."""
    from ..cluster.authority import Authority

    found = Authority(Home.find(os.environ)).members.all()
    if not found:
        click.echo("No machine has joined yet: `distrcomp cluster invite` lets one in.")
        return
    width = max(len(member.name) for member in found)
    for member in found:
        state = f"{'issued' if member.issued else 'joined'} {_date(member.joined_unix_s)}"
        if member.removed_unix_s is not None:
            state += f", removed {_date(member.removed_unix_s)}"
        addresses = ", ".join(member.addresses) or "no address"
        click.echo(f"{member.name:<{width}}  {state}  {addresses}")


@cluster.command()
@click.argument("name")
def remove(name: str) -> None:
    """Put a machine out: no run will use it any more."""
    from ..cluster.authority import Authority

    member = Authority(Home.find(os.environ)).members.remove(name)
    click.echo(f"Removed {member.name}: its certificate is refused from now on.")


def parse_ttl(text: str) -> float:
    """The seconds in `90s`, `15m`, `2h` or `90`; raises BadUsage.

    Example:
        >>> parse_ttl("15m")
        900.0
    """
    from .. import limits

    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) * _UNIT_S[match[2]] if match else 0.0
    if not 0 < seconds <= limits.JOIN_TTL_S_MAX:
        raise BadUsage(f"--ttl {names.shown(text)} is not a time from 1s to 168h, like 90s or 15m")
    return seconds


def _parse_listen(text: str) -> tuple[str, int | None]:
    host_text, port_text = names.split_host_port(text)
    host = names.normal_host(host_text)
    port = names.parse_port(port_text) if port_text is not None else None
    if port_text == "0":  # the kernel chooses
        port = 0
    if host is None or (port is None and port_text is not None):
        raise BadUsage(f"--listen {names.shown(text)} is not HOST or HOST:PORT")
    return host, port


def _date(unix_s: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(unix_s))
