"""Asks every peer how it fares: reachable, round trip, slots, versions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import perf_counter

from distrcomp.errors import ProtocolError

from .. import limits
from ..agent.host import python_version
from ..cluster.peers_file import Peer
from ..control import messages as m
from ..control.channel import Channel
from ..errors import CannotStart, ChannelClosed, VersionsDiffer
from ..records import record
from .connect import Connection, Operator, dial_agent

_PINGS = 3


@record
class Pinged:
    """What there is to say of one peer, and whether runs can use it."""

    text: str
    is_usable: bool


async def ping_all(peers: Sequence[Peer], operator: Operator) -> list[Pinged]:
    """All of them at once."""
    return await asyncio.gather(*(_ping(peer, operator) for peer in peers))


async def _ping(peer: Peer, operator: Operator) -> Pinged:
    if peer.is_here:
        return Pinged("this machine, which needs no agent", is_usable=True)
    try:
        connection = await _dial_fitting(peer, operator)
    except CannotStart as error:
        return Pinged(str(error), is_usable=False)
    channel, welcome, best = connection.channel, connection.welcome, float("inf")
    try:
        for number in range(_PINGS):
            best = min(best, await _ask(channel, number))
    except TimeoutError:
        text = f"{peer.address} does not answer a ping within {limits.SILENCE_TIMEOUT_S:g} s"
        return Pinged(text, is_usable=False)
    except (ChannelClosed, ProtocolError) as error:
        return Pinged(f"{peer.address} broke off: {error}", is_usable=False)
    finally:
        await channel.close()
    slots = peer.slots or welcome.slots
    return Pinged(
        f"{peer.address}  {best * 1000:.1f} ms  {slots} slots  "
        f"distrcomp {welcome.version}  Python {welcome.python}",
        is_usable=True,
    )


async def _dial_fitting(peer: Peer, operator: Operator) -> Connection:
    """Connects to an agent; raises CannotStart, also where it has another Python than we."""
    connection = await dial_agent(peer, operator)
    welcome, ours = connection.welcome, python_version()
    if welcome.python != ours:
        await connection.channel.close()
        raise VersionsDiffer(
            f"{peer.address} has Python {welcome.python} and this machine {ours}: run the agent "
            "with the same x.y",
            *(welcome.name, welcome.version, welcome.python),
        )
    return connection


async def _ask(channel: Channel, number: int) -> float:
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
