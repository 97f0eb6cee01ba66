"""Agents of our cluster that are announced on the network, proven by their certificates.

Whoever announces what, an address is dialled and the agent there has to prove the announced name,
as any peer has. Who can't is told of and not used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from .. import limits
from ..cluster import multicast
from ..cluster.announcement import Announcement, fingerprint_of
from ..cluster.peers_file import Peer
from ..errors import CannotStart, PeerRefused
from ..records import record
from .connect import STAGGER_S, Connection, Operator, dial_agent
from .namesakes import two_of_a_name
from .plain import counted
from .side_by_side import NoWay, first_to_end

Hear = Callable[[float], Awaitable[list[Announcement]]]


@record
class Discovery:
    """What was found.

    Attributes:
        peers: the agents of our cluster, by name, at addresses where they were reached.
        remarks: what else is announced, and why it is not among them.
    """

    peers: tuple[Peer, ...]
    remarks: tuple[str, ...]


async def discover(operator: Operator, hear: Hear, seconds: float) -> Discovery:
    """The agents of our cluster that are heard of within so many seconds."""
    ours = fingerprint_of(operator.credentials.ca_pem)
    announcements = await hear(seconds)
    meant = sorted(
        (each for each in announcements if each.fingerprint == ours), key=lambda each: each.name
    )
    limit = asyncio.Semaphore(limits.DISCOVERED_AT_ONCE_MAX)
    outcomes = await asyncio.gather(*(_prove(each, operator, limit) for each in meant))
    found: dict[str, Connection] = {}
    remarks: list[str] = []
    for announcement, outcome in zip(meant, outcomes, strict=True):
        if isinstance(outcome, str):
            remarks.append(f"{announcement.name} is announced and not used: {outcome}")
            continue
        await outcome.channel.close()
        known = found.setdefault(announcement.name, outcome)
        if known.welcome.process != outcome.welcome.process:
            both = f"{known.peer.address} and {outcome.peer.address}"
            remarks.append(f"{both}: {two_of_a_name(announcement.name)}")
    others = len(announcements) - len(meant)
    if others:
        remarks.append(f"{counted(others, 'agent')} of other clusters are announced, too")
    return Discovery(tuple(each.peer for each in found.values()), tuple(remarks))


async def find_again(peer: Peer, operator: Operator, hear: Hear, seconds: float) -> Connection:
    """The agent of `peer`, whose address has changed, by its name.

    Raises:
        CannotStart: nobody who is heard of proves to be it.
    """
    ours = fingerprint_of(operator.credentials.ca_pem)
    for each in await hear(seconds):
        if (each.name, each.fingerprint) == (peer.certificate_name, ours):
            outcome = await _prove(each, operator, asyncio.Semaphore(1))
            if isinstance(outcome, Connection):
                return outcome
    raise CannotStart(f"nobody announces {peer.certificate_name}")


async def by_name(peer: Peer, operator: Operator, lost: CannotStart) -> Connection:
    """The agent of a peer that is not where it was, if it is announced; else raises `lost`."""
    if not multicast.is_there():
        raise lost
    try:
        found = await find_again(peer, operator, multicast.hear, limits.FIND_AGAIN_S)
    except (CannotStart, OSError):
        raise lost from None
    there = replace(peer, host=found.peer.host, port=found.peer.port, name=peer.label)
    return replace(found, peer=there, was_at=peer.address)


async def _prove(
    announcement: Announcement, operator: Operator, limit: asyncio.Semaphore
) -> Connection | str:
    """The agent that is announced, or why nobody there proves to be it."""
    peers = [
        Peer(address, announcement.port, name=announcement.name)
        for address in announcement.addresses
    ]

    async def go(peer: Peer) -> Connection:
        return await dial_agent(peer, operator)

    try:
        async with limit:
            won = await first_to_end(peers, go, _drop, STAGGER_S)
    except PeerRefused as error:
        return str(error)
    except NoWay as failed:
        return _listed(list(failed.failures.values()))
    return won.end


def _listed(failures: Sequence[CannotStart]) -> str:
    return "; ".join(dict.fromkeys(str(failure) for failure in failures))


async def _drop(connection: Connection) -> None:
    await connection.channel.close()
