"""Reaching the agents: an authenticated channel and a welcome from each, or one clear sentence.

A peer that has several addresses is tried at all of them side by side; the one at which an agent
that bears the peer's name says welcome wins, whoever else may answer at the others.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

import distrcomp
from distrcomp.errors import ProtocolError

from .. import limits
from ..agent.host import Host
from ..cluster.credentials import (
    Credentials,
    explain_tls,
    load_operator,
    name_at,
    peer_identity,
)
from ..cluster.home import Home
from ..cluster.members import Members
from ..cluster.peers_file import Peer
from ..cluster.ports import tcp_socket
from ..control import messages as m
from ..control.channel import Channel, StreamChannel, memory_pair
from ..errors import CannotStart, ChannelClosed, PeerRefused, VersionsDiffer
from ..records import record
from .namesakes import Agent, namesakes
from .side_by_side import NoWay, Winner, first_to_end

# An address as the system gives it: family, and what `connect` takes.
Address = tuple[int, tuple[Any, ...]]
# How long one address is tried before the next one is tried beside it: what RFC 8305 recommends.
STAGGER_S = 0.25


@record
class Operator:
    """What proves to agents that we may run programs.

    Attributes:
        members: the registry, which knows which agents were removed.
    """

    credentials: Credentials
    members: Members


def operator_here() -> Operator:
    """Who this user is to agents, by the credentials in the home; raises CannotStart."""
    home = Home.find(os.environ)
    return Operator(load_operator(home), Members(home.cluster))


@record
class Connection:
    """An agent that has welcomed us.

    Attributes:
        address: where it was reached; empty where it is this machine.
        addresses: all that the peer's host stands for, this one first.
        failures: why those failed that had failed by then, by address.
        was_at: where it should have been, if it was found elsewhere by its name.
        welcomed_at: when that was (monotonic seconds).
    """

    peer: Peer
    channel: Channel
    welcome: m.Welcome
    address: str = ""
    addresses: tuple[str, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    was_at: str = ""
    welcomed_at: float = 0.0


FindAgain = Callable[[Peer, Operator, CannotStart], Awaitable[Connection]]


async def connect_all(
    peers: Sequence[Peer],
    operator: Operator | None,
    here: Host | None,
    find_again: FindAgain | None = None,
) -> list[Connection]:
    """Connects to every peer at once.

    Args:
        peers: whom to reach; `here` serves those that are this machine.
        operator: None where all peers are here.
        find_again: looks elsewhere for a peer that does not answer; raises what it is given if it
            is nowhere.

    Raises:
        CannotStart: what is wrong with each peer that cannot be used, a line each.
    """
    attempts = [_connect(peer, operator, here, find_again) for peer in peers]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    connections = [outcome for outcome in outcomes if isinstance(outcome, Connection)]
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if not failures:
        agents = [
            Agent(each.peer.address, each.welcome.name, each.welcome.process)
            for each in connections
            if not each.peer.is_here
        ]
        failures += [CannotStart(sentence) for sentence in namesakes(agents)]
    if not failures:
        return connections
    for connection in connections:
        await connection.channel.close()
    for failure in failures:
        if not isinstance(failure, CannotStart):
            raise failure
    raise CannotStart("\n".join(str(failure) for failure in failures))


async def _connect(
    peer: Peer, operator: Operator | None, here: Host | None, find_again: FindAgain | None
) -> Connection:
    if peer.is_here and here is not None:
        ours, theirs = memory_pair()
        here.serve_here(theirs)
        return await greet(peer, ours)
    if operator is None:
        raise CannotStart(f"{peer.label} is another machine, and there are no credentials for it")
    try:
        return await dial_agent(peer, operator)
    except (PeerRefused, VersionsDiffer):
        raise
    except CannotStart as lost:
        if find_again is None:
            raise
        return await find_again(peer, operator, lost)


async def dial_agent(peer: Peer, operator: Operator, *, is_any_version: bool = False) -> Connection:
    """Connects to the agent of one peer; raises CannotStart.

    Args:
        is_any_version: whether its distrcomp may be another than ours.
    """
    addresses = await resolve(peer)
    several = len(addresses) > 1

    async def go(address: Address) -> Connection:
        return await dial_at(peer, operator, address, is_any_version=is_any_version)

    async def drop(connection: Connection) -> None:
        await connection.channel.close()

    try:
        won = await first_to_end(addresses, go, drop, STAGGER_S)
    except NoWay as failed:
        if not several:
            raise next(iter(failed.failures.values())) from failed
        raise CannotStart(_explain_all(peer, failed.failures)) from failed
    return _told(won, addresses)


async def resolve(peer: Peer) -> list[Address]:
    """All addresses of a peer, in the system's order; raises CannotStart."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(limits.CONNECT_TIMEOUT_S):
            found = await loop.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
    except TimeoutError as error:
        raise CannotStart(
            f"the name {peer.host} is not found within {limits.CONNECT_TIMEOUT_S:g} s: is the name "
            "server up? The machine's address in the peers file does without"
        ) from error
    except OSError as error:
        raise CannotStart(_explain_connect(peer, error)) from error
    addresses: list[Address] = [(family, address) for family, _, _, _, address in found]
    return list(dict.fromkeys(addresses))[: limits.ADDRESSES_TRIED_MAX]


async def dial_at(
    peer: Peer, operator: Operator, address: Address, *, is_any_version: bool = False
) -> Connection:
    """The agent of `peer`, if it is found at this address; raises CannotStart."""
    try:
        async with asyncio.timeout(limits.CONNECT_TIMEOUT_S):
            raw = await _reach(address)
    except TimeoutError as error:
        raise CannotStart(
            f"{peer.address} does not answer within {limits.CONNECT_TIMEOUT_S:g} s: is the machine "
            f"up, and does its firewall let port {peer.port} through?"
        ) from error
    except OSError as error:
        raise CannotStart(_explain_connect(peer, error)) from error
    channel = await _secure(peer, operator, raw, address)
    try:
        connection = await greet(peer, channel, is_any_version=is_any_version)
    except BaseException:
        await channel.close()
        raise
    channel.trust()
    return connection


def _told(won: Winner[Address, Connection], addresses: Sequence[Address]) -> Connection:
    """The connection, with where it goes."""
    rest = [shown_address(address) for address in addresses if address != won.way]
    failures = tuple((shown_address(way), str(error)) for way, error in won.failures.items())
    address = shown_address(won.way)
    return replace(won.end, address=address, addresses=(address, *rest), failures=failures)


def _explain_all(peer: Peer, failures: dict[Address, CannotStart]) -> str:
    """Why none of several addresses leads to the peer: one sentence where all say the same."""
    sentences = list(dict.fromkeys(str(error) for error in failures.values()))
    if len(sentences) == 1:
        return sentences[0]
    each = "; ".join(f"at {shown_address(way)}: {error}" for way, error in failures.items())
    return f"{peer.label} is not found at any of its {len(failures)} addresses: {each}"


def shown_address(address: Address) -> str:
    """The address alone, without its port, as it can be dialled again."""
    host = str(address[1][0])
    zone = address[1][3] if len(address[1]) > 3 else 0
    return f"{host}%{socket.if_indextoname(zone)}" if zone and "%" not in host else host


async def greet(peer: Peer, channel: Channel, *, is_any_version: bool = False) -> Connection:
    """Says hello and reads the welcome; raises CannotStart if the two do not fit."""
    try:
        async with asyncio.timeout(limits.HANDSHAKE_TIMEOUT_S):
            await channel.send(m.Hello())
            answer = await channel.receive()
    except ssl.SSLError as error:
        raise CannotStart(explain_tls(error, peer.address)) from error
    except TimeoutError as error:
        raise CannotStart(f"the agent on {peer.address} does not say welcome") from error
    except ChannelClosed as error:
        reason = error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error
        raise CannotStart(explain_tls(reason, peer.address)) from error
    except ProtocolError as error:
        raise CannotStart(f"{peer.address} speaks another protocol: {error}") from error
    if isinstance(answer, m.Refused):
        raise PeerRefused(f"{peer.address} refuses: {answer.why}")
    if not isinstance(answer, m.Welcome):
        raise CannotStart(f"{peer.address} speaks another protocol: no welcome came")
    if not is_any_version:
        _check_versions(peer, answer)
    return Connection(peer, channel, answer, welcomed_at=monotonic())


def _check_versions(peer: Peer, welcome: m.Welcome) -> None:
    ours, named = distrcomp.__version__, (welcome.name, welcome.version, welcome.python)
    if welcome.protocol != m.PROTOCOL:  # nor could it be updated from here
        raise VersionsDiffer(
            f"{peer.address} has distrcomp {welcome.version}, which speaks protocol "
            f"{welcome.protocol}, and this machine {ours}, which speaks {m.PROTOCOL}: install the "
            "same version on both",
            *named,
        )
    if welcome.version != ours:
        raise VersionsDiffer(
            f"{peer.address} has distrcomp {welcome.version} and this machine {ours}: install the "
            "same version on both, or bring this one there by `distrcomp agent --update`",
            *named,
        )


async def _reach(address: Address) -> socket.socket:
    """A TCP connection to this address."""
    connection = tcp_socket(address[0])
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, address[1])
    except BaseException:
        connection.close()
        raise
    return connection


async def _secure(
    peer: Peer, operator: Operator, raw: socket.socket, address: Address
) -> StreamChannel:
    """TLS with the agent that the certificate says it is."""
    try:
        reader, writer = await asyncio.open_connection(
            sock=raw,
            ssl=operator.credentials.client_context(),
            server_hostname=peer.certificate_name,
            ssl_handshake_timeout=limits.HANDSHAKE_TIMEOUT_S,
        )
    except ConnectionAbortedError as error:  # asyncio's name for a handshake that takes too long
        raise CannotStart(explain_tls(TimeoutError(), peer.address)) from error
    except ssl.SSLCertVerificationError as error:
        itself = await name_at(operator.credentials, shown_address(address), int(address[1][1]))
        raise CannotStart(explain_tls(error, peer.address, itself)) from error
    except OSError as error:
        raise CannotStart(explain_tls(error, peer.address)) from error
    try:
        identity = peer_identity(writer.get_extra_info("ssl_object"))
        if identity.role != m.AGENT:
            raise CannotStart(f"{peer.address} shows the certificate of an {identity.role}")
        if operator.members.is_removed(identity.serial):
            raise CannotStart(
                f"{peer.address} ({identity.name}) was removed from the cluster: take it out of "
                "the peers file, or invite it again"
            )
    except (CannotStart, ProtocolError) as error:
        writer.transport.abort()
        raise CannotStart(str(error)) from error
    return StreamChannel(reader, writer, m.CONTROL)


def _explain_connect(peer: Peer, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return (
            f"the name {peer.host} is not known here: correct it in the peers file, or write the "
            "machine's address"
        )
    if isinstance(error, ConnectionRefusedError):
        return (
            f"{peer.address} refuses the connection: nothing listens there; start "
            "`distrcomp agent` on that machine"
        )
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return f"there is no way to {peer.address}: {os.strerror(error.errno)}"
    why = error.strerror or str(error)
    if error.errno is not None and not isinstance(error, ssl.SSLError):
        why = os.strerror(error.errno)  # asyncio's own words are of calls and sockets
    return f"{peer.address} cannot be reached: {why}"
