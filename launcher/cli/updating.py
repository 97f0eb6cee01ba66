"""`distrcomp agent --update`: the operator brings agents to this machine's distrcomp."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

import distrcomp

from ..cluster.peers_file import Peer
from ..environment.release import Release, own_release
from ..errors import BadUsage, CannotStart, Interrupted
from ..run.connect import Operator, operator_here
from ..run.plain import plain
from ..run.update import Updated, update
from .options import chosen_peers


def update_agents(options: dict[str, Any]) -> None:
    """Updates the agents of the peers, all at once, a line for each; raises CannotStart."""
    peers, host = options["peers"], options["host"]
    chosen = chosen_peers(Path(peers) if peers is not None else None, host)
    if chosen is None:
        raise BadUsage("whose agents? give the peers by --peers FILE, -H, or DISTRCOMP_PEERS")
    try:
        failed = asyncio.run(_update_all(chosen, operator_here(), own_release()))
    except KeyboardInterrupt:
        raise Interrupted("interrupted: try again for the agents that no line tells of") from None
    if failed:
        raise CannotStart(f"{failed} of {len(chosen)} peers are not updated")


async def _update_all(chosen: Sequence[Peer], operator: Operator, release: Release) -> int:
    """How many could not be updated."""
    width = max(len(peer.label) for peer in chosen)

    async def one(peer: Peer) -> bool:
        line, is_well = await _update(peer, operator, release)
        click.echo(f"{peer.label:<{width}}  {plain(line)}")  # a peer has its say in it
        return is_well

    return (await asyncio.gather(*map(one, chosen))).count(False)


async def _update(peer: Peer, operator: Operator, release: Release) -> tuple[str, bool]:
    """A line about one peer, and whether it has our release now."""
    if peer.is_here:
        return "this machine, which needs no agent", True
    try:
        outcome = await update(peer, operator, release)
    except CannotStart as error:
        return f"not updated: {error}", False
    return _told(outcome, distrcomp.__version__), True


def _told(outcome: Updated, version: str) -> str:
    if outcome.sent_bytes is None:
        return f"has distrcomp {version} already: nothing to do"
    sent = f"{outcome.sent_bytes:,} bytes were sent"
    if outcome.was == version:
        return f"updated to distrcomp {version} as it is here; {sent}"
    return f"updated from distrcomp {outcome.was} to {version}; {sent}"
