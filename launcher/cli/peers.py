"""`distrcomp peers`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ..cluster import multicast
from ..cluster.peers_file import Peer, check_appendable, format_peer
from ..errors import BadUsage, CannotStart
from ..run.connect import Operator, operator_here
from ..run.discover import Discovery, discover
from ..run.ping import Pinged, ping_all
from ..run.plain import plain
from .adding import add_peer
from .help import ToolCommand, ToolGroup
from .options import chosen_peers, peers_options
from .patience import REACHING, said_if_slow


@click.group(cls=ToolGroup, invoke_without_command=True)
@peers_options
@click.pass_context
def peers(ctx: click.Context, peers: Path | None, host: str | None) -> None:
    """List the peers: reachable, round trip, slots, versions.

    Exit code 3 if any of them cannot be used.
    """
    if ctx.invoked_subcommand is not None:
        return
    chosen = chosen_peers(peers, host)
    if chosen is None:
        raise BadUsage("give the peers by --peers FILE, -H, or DISTRCOMP_PEERS")
    told = asyncio.run(_pinged(chosen, operator_here()))
    width = max(len(peer.label) for peer in chosen)
    for peer, each in zip(chosen, told, strict=True):
        click.echo(f"{peer.label:<{width}}  {plain(each.text)}")  # a peer has its say in it
    unusable = sum(not each.is_usable for each in told)
    if unusable:
        raise CannotStart(f"{unusable} of {len(chosen)} peers cannot be used")


@peers.command("discover", cls=ToolCommand, short_help="Find agents on this network.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0.1, max=600),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to listen.",
)
@click.option(
    "--write",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Add the agents to this peers file; what stands there stays.",
)
def discover_peers(wait: float, write: Path | None) -> None:
    """Find the agents of your cluster that are announced on this network.

    Prints a line of a peers file for each. Exit code 3 if there is none.
    """
    if write is not None:
        check_appendable(write)
    found = asyncio.run(_heard(operator_here(), wait))
    for remark in found.remarks:
        click.echo(f"distrcomp: {plain(remark)}", err=True)
    for peer in found.peers:
        click.echo(format_peer(peer))
        if write is not None:
            add_peer(write, peer)
    if not found.peers:
        raise CannotStart(
            f"no agent of this cluster was heard of in {wait:g} s: agents are announced that were "
            "started by `distrcomp agent --announce`, on the same network"
        )


async def _pinged(chosen: tuple[Peer, ...], operator: Operator) -> list[Pinged]:
    async with said_if_slow(REACHING):
        return await ping_all(chosen, operator)


async def _heard(operator: Operator, wait: float) -> Discovery:
    async with said_if_slow(f"listening for {wait:g} s, and then asking who was heard"):
        return await discover(operator, multicast.hear, wait)
