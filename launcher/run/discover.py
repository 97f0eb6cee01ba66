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

Hear = Callable[[float, Sequence[str]], Awaitable[list[Announcement]]]


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
    members = [each.name for each in operator.members.all() if each.removed_unix_s is None]
    announcements = await hear(seconds, members)
    of_ours = [each for each in announcements if each.fingerprint == ours]
    meant = _in_turn([each for each in of_ours if each.name in members])
    limit = asyncio.Semaphore(limits.DISCOVERED_AT_ONCE_MAX)
    proofs = [asyncio.ensure_future(_prove(each, operator, limit)) for each in meant]
    if proofs:
        _, late = await asyncio.wait(proofs, timeout=limits.DISCOVERED_PROVE_S)
        for each in late:
            each.cancel()
        await asyncio.wait(proofs)
    found: dict[str, Connection] = {}
    remarks: list[str] = []
    unused: dict[str, list[str]] = {}
    for announcement, proof in zip(meant, proofs, strict=True):
        outcome = "it has not answered in time" if proof.cancelled() else proof.result()
        if isinstance(outcome, str):
            unused.setdefault(announcement.name, []).append(outcome)
            continue
        await outcome.channel.close()
        known = found.setdefault(announcement.name, outcome)
        if known.welcome.process != outcome.welcome.process:
            both = f"{known.peer.address} and {outcome.peer.address}"
            remarks.append(f"{both}: {two_of_a_name(announcement.name)}")
    for name in sorted(unused):
        remarks += _not_used(name, unused[name])
    remarks += _of_others(
        [each.name for each in of_ours if each.name not in members],
        len(announcements) - len(of_ours),
    )
    return Discovery(tuple(found[name].peer for name in sorted(found)), tuple(remarks))


def _in_turn(announcements: Sequence[Announcement]) -> list[Announcement]:
    """The first of each name, then the second: many of one name keep no other one waiting."""
    seen: dict[str, int] = {}
    placed: list[tuple[int, str, Announcement]] = []
    for each in announcements:
        seen[each.name] = seen.get(each.name, 0) + 1
        placed.append((seen[each.name], each.name, each))
    return [each for *_, each in sorted(placed, key=lambda place: place[:2])]


def _not_used(name: str, reasons: Sequence[str]) -> list[str]:
    """Why announcements of one name led to nobody who bears it."""
    told = [
        f"{name} is announced and not used: {why}" for why in reasons[: limits.DISCOVERED_TOLD_MAX]
    ]
    more = len(reasons) - len(told)
    return [*told, f"{name} is announced {more} times more, and not used"] if more else told


def _of_others(strangers: Sequence[str], n_other: int) -> list[str]:
    """Of whom is announced and not meant."""
    remarks = []
    if strangers:
        more = len(strangers) - 1
        who = f"{strangers[0]} is" if not more else f"{strangers[0]} and {more} more are"
        remarks.append(f"{who} announced as of this cluster, and no member of it")
    if n_other:
        remarks.append(f"{counted(n_other, 'agent')} of other clusters are announced, too")
    return remarks


async def find_again(peer: Peer, operator: Operator, hear: Hear, seconds: float) -> Connection:
    """The agent of `peer`, whose address has changed, by its name.

    Raises:
        CannotStart: nobody who is heard of proves to be it.
    """
    ours = fingerprint_of(operator.credentials.ca_pem)
    for each in await hear(seconds, [peer.certificate_name]):
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
