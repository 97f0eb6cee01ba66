"""`distrcomp peers`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import perf_counter

import click

from distrcomp.errors import ProtocolError

from .. import limits
from ..cluster import multicast
from ..cluster.peers_file import Peer, append_peer, check_appendable, format_peer
from ..control import messages as m
from ..control.channel import Channel
from ..errors import BadUsage, CannotStart, ChannelClosed
from ..run.connect import Operator, dial_fitting, operator_here
from ..run.discover import discover
from ..run.plain import plain
from .help import ToolCommand
from .options import chosen_peers, peers_options

_PINGS = 3


@click.group(invoke_without_command=True)
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
    lines = asyncio.run(_ask_all(chosen, operator_here()))
    width = max(len(peer.label) for peer in chosen)
    for peer, (line, _) in zip(chosen, lines, strict=True):
        click.echo(f"{peer.label:<{width}}  {plain(line)}")  # a peer has its say in it
    unusable = sum(not usable for _, usable in lines)
    if unusable:
        raise CannotStart(f"{unusable} of {len(chosen)} peers cannot be used")


@peers.command("discover", cls=ToolCommand)
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
    found = asyncio.run(discover(operator_here(), multicast.hear, wait))
    for remark in found.remarks:
        click.echo(f"distrcomp: {plain(remark)}", err=True)
    for peer in found.peers:
        click.echo(format_peer(peer))
        if write is not None:
            _add(write, peer)
    if not found.peers:
        raise CannotStart(
            f"no agent of this cluster was heard of in {wait:g} s: agents are announced that were "
            "started by `distrcomp agent --announce`, on the same network"
        )


def _add(path: Path, peer: Peer) -> None:
    """Adds a line, and says what became of it."""
    known = append_peer(path, peer)
    if known is None:
        said = f"{peer.label} was added to {path}"
    else:
        where, other = known
        moved = "" if other.host == peer.host else f" as {other.address}: change it by hand"
        said = f"{peer.label} stands in {where} already{moved}"
    click.echo(f"distrcomp: {plain(said)}", err=True)


async def _ask_all(chosen: tuple[Peer, ...], operator: Operator) -> list[tuple[str, bool]]:
    return await asyncio.gather(*(_ask(peer, operator) for peer in chosen))


async def _ask(peer: Peer, operator: Operator) -> tuple[str, bool]:
    """A line about one peer, and whether it can be used."""
    if peer.is_here:
        return "this machine, which needs no agent", True
    try:
        connection = await dial_fitting(peer, operator)
    except CannotStart as error:
        return str(error), False
    channel, welcome, best = connection.channel, connection.welcome, float("inf")
    try:
        for number in range(_PINGS):
            best = min(best, await _ping(channel, number))
    except TimeoutError:
        return f"{peer.address} does not answer a ping within {limits.SILENCE_TIMEOUT_S:g} s", False
    except (ChannelClosed, ProtocolError) as error:
        return f"{peer.address} broke off: {error}", False
    finally:
        await channel.close()
    slots = peer.slots or welcome.slots
    return (
        f"{peer.address}  {best * 1000:.1f} ms  {slots} slots  "
        f"distrcomp {welcome.version}  Python {welcome.python}",
        True,
    )


async def _ping(channel: Channel, number: int) -> float:
    """How long an answer takes, in seconds."""
    begun = perf_counter()
    async with asyncio.timeout(limits.SILENCE_TIMEOUT_S):
        await channel.send(m.Ping(number))
        answer = await channel.receive()
    if isinstance(answer, m.Refused):
        raise ProtocolError(answer.why)
    if not isinstance(answer, m.Pong) or answer.number != number:
        raise ProtocolError(f"it answered a ping with {type(answer).__name__}")
    return perf_counter() - begun
