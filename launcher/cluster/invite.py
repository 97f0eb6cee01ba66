"""The operator's end of a join: serves one join line until one machine has used it.

The shell round `join_protocol`: every connection is a task of its own with HANDSHAKE_TIMEOUT_S in
all, however it spends them (S-01); the accept loop never makes a handshake; strangers beyond the
cap put out the oldest of their own crowd, so the right machine is served while others hold theirs.
From the desk's grant to the machine's `Stored` a connection can't be put out, and if it breaks
there the new member is removed again and the line stays good.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import secrets
import socket
import ssl
import time
from collections.abc import Callable

import psutil

from distrcomp.errors import ProtocolError

from .. import limits
from ..control.channel import StreamChannel
from ..errors import BadUsage, CannotStart, ChannelClosed
from . import names
from .authority import Authority, Signed
from .credentials import load_operator
from .home import Home
from .join_line import TOKEN_BYTES, JoinLine
from .join_protocol import (
    PROTOCOL,
    SCHEMA,
    AskAuthority,
    AskMembership,
    AuthorityIs,
    Desk,
    Event,
    Membership,
    Refusal,
    Stored,
)
from .lobby import Lobby
from .members import Member
from .ports import holder_of, listener_at
from .streams import open_tls

JOIN_PORT = 6970

_ANYWHERE = "192.0.2.1"  # TEST-NET-1 (RFC 5737): only asks the kernel which way out it would take


@dataclasses.dataclass(frozen=True)
class Joined:
    """A machine that has joined.

    Args:
        member: its entry.
        port: where its agent listens, as it says.
    """

    member: Member
    port: int


async def serve_invite(
    home: Home,
    listen_host: str | None,
    listen_port: int,
    ttl_s: float,
    announce: Callable[[JoinLine], None],
) -> Joined:
    """Waits until one machine has joined.

    Args:
        home: the operator's.
        listen_host: where to listen; None for this machine's primary address. It stands in the
            line, so the new machine must be able to reach it.
        listen_port: 0 lets the kernel choose.
        ttl_s: how long to wait.
        announce: is given the line as soon as a machine can use it.

    Raises:
        CannotStart: there is no cluster, the address cannot be listened on, or nobody came.
        BadUsage: `listen_host` is no host.
    """
    context = load_operator(home).join_server_context()
    authority = Authority(home)
    token = secrets.token_bytes(TOKEN_BYTES)
    desk = Desk(token, time.monotonic() + ttl_s)
    host = primary_address() if listen_host is None else listen_host
    with _listen(host, listen_port) as listener:
        line = JoinLine(
            host=primary_address() if _is_unspecified(host) else host,
            port=listener.getsockname()[1],
            ca_pin=hashlib.sha256(authority.ca_der).digest(),
            token=token,
            expires=int(time.time() + ttl_s),
        )
        invite = Invite(authority, context, desk)
        announce(line)
        return await invite.serve(listener, ttl_s)


class Invite:
    """One invite, on a listener that the caller opens and closes.

    Args:
        authority: signs.
        context: TLS with the operator's certificate.
        desk: decides, by `clock`.
        visit_s: what one connection may take in all.
    """

    def __init__(
        self,
        authority: Authority,
        context: ssl.SSLContext,
        desk: Desk,
        clock: Callable[[], float] = time.monotonic,
        visit_s: float = limits.HANDSHAKE_TIMEOUT_S,
    ) -> None:
        self._authority = authority
        self._context = context
        self._desk = desk
        self._clock = clock
        self._visit_s = visit_s
        self._lobby = Lobby(limits.JOIN_STRANGERS_MAX, limits.JOIN_STRANGERS_PER_SOURCE_MAX)
        self._visits: dict[int, asyncio.Task[None]] = {}
        self._connections: dict[int, socket.socket] = {}
        self._newcomer: Joined | None = None

    async def serve(self, listener: socket.socket, ttl_s: float) -> Joined:
        """Serves `listener` until a machine has joined; raises CannotStart if none does."""
        self._joined: asyncio.Future[Joined] = asyncio.get_running_loop().create_future()
        accepting = asyncio.create_task(self._accept(listener))
        try:
            async with asyncio.timeout(ttl_s):
                return await self._joined
        except TimeoutError as error:
            if self._newcomer is not None:
                return self._newcomer
            raise CannotStart(
                f"no machine joined within {ttl_s:g} s: `distrcomp cluster invite` makes a new line"
            ) from error
        finally:
            accepting.cancel()
            await asyncio.sleep(0)  # a visit cancelled before its first step would close nothing
            visits = list(self._visits.values())
            for visit in visits:
                visit.cancel()
            await asyncio.gather(accepting, *visits, return_exceptions=True)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        number = 0
        while True:
            await asyncio.sleep(0)  # a waiting connection is taken at once: let others run (S-15)
            try:
                connection, address = await loop.sock_accept(listener)
            except OSError:
                await asyncio.sleep(limits.ACCEPT_PAUSE_S)
                continue
            number += 1
            source = names.normal_host(str(address[0])) or str(address[0])
            self._connections[number] = connection
            put_out = self._lobby.enter(number, source)
            if put_out is not None:
                with contextlib.suppress(OSError):  # its task sees the end of the stream
                    self._connections[put_out].shutdown(socket.SHUT_RDWR)
            self._visits[number] = asyncio.create_task(self._visit(number, connection, source))

    async def _visit(self, number: int, connection: socket.socket, source: str) -> None:
        """One connection from its first byte to its last."""
        # What a stranger does wrong is no affair of the operator's: the connection ends.
        try:
            with contextlib.suppress(OSError, ProtocolError, ChannelClosed):
                async with asyncio.timeout(self._visit_s):
                    await self._talk(number, connection, source)
        finally:
            self._lobby.leave(number)
            del self._visits[number], self._connections[number]
        if self._joined.done():
            return
        if self._newcomer is not None:
            self._joined.set_result(self._newcomer)
        elif self._desk.is_under_attack:
            self._joined.set_exception(
                CannotStart(
                    f"{limits.JOIN_TRIES_MAX:,} wrong tokens came, the last one from {source}: "
                    "somebody is guessing; the invite has ended"
                )
            )

    async def _talk(self, number: int, connection: socket.socket, source: str) -> None:
        reader, writer = await open_tls(connection, self._context, server_side=True)
        try:
            channel = StreamChannel(reader, writer, SCHEMA)
            question = await channel.receive()
            if isinstance(question, AskAuthority):
                await channel.send(self._show_authority(question))
            elif isinstance(question, AskMembership):
                await self._admit(number, channel, question, source)
            else:
                raise ProtocolError("a question was expected")
            await channel.close()
        finally:
            writer.transport.abort()

    def _show_authority(self, question: AskAuthority) -> AuthorityIs | Refusal:
        if question.protocol != PROTOCOL:
            return Refusal(
                "the operator runs another version of distrcomp: install the same on both machines"
            )
        return AuthorityIs(self._authority.ca_der, int(time.time()))

    async def _admit(
        self, number: int, channel: StreamChannel, question: AskMembership, source: str
    ) -> None:
        """Grants or refuses `question`; a grant holds once its certificate has been stored."""
        reason = self._desk.ask(question.token, source, self._clock())
        if reason is not None:
            await channel.send(Refusal(reason))
            return
        self._lobby.leave(number)
        try:
            signed = self._sign(question, source)
        except (BadUsage, CannotStart) as error:
            self._desk.settle(Event.GIVEN_BACK)
            await channel.send(Refusal(str(error)))
            return
        try:
            await channel.send(Membership(signed.certificate_pem))
            if not isinstance(await channel.receive(), Stored):
                raise ProtocolError("the new member did not say that it is one")
        except BaseException:
            self._desk.settle(Event.GIVEN_BACK)
            self._authority.members.remove(signed.member.name)
            raise
        self._desk.settle(Event.STORED)
        self._newcomer = Joined(signed.member, question.port)

    def _sign(self, question: AskMembership, source: str) -> Signed:
        """Signs for the name asked for, and for those addresses that are nobody else's yet.

        The address that the machine comes from must be free; of those it claims besides, ones
        that others have too (a container bridge has the same on every machine) are left out.
        """
        members = self._authority.members
        name = names.checked_name(question.name)
        if members.holder(name) is not None:
            raise BadUsage(
                f"the name {name} is taken by another machine of this cluster: join with --name "
                f"OTHER, or let the operator run `distrcomp cluster remove {name}` first"
            )
        if question.port not in names.PORTS:
            raise BadUsage(f"{question.port} is not a port to listen on: a number from 1 to 65535")
        if len(question.addresses) > limits.JOIN_ADDRESSES_MAX:
            raise BadUsage(f"at most {limits.JOIN_ADDRESSES_MAX} addresses fit into a certificate")
        claimed = [names.normal_host(address) for address in question.addresses]
        free = [
            host
            for host in claimed
            if host is not None and names.is_distinctive(host) and members.holder(host) is None
        ]
        return self._authority.sign_agent(question.request, name, (source, *free))


def primary_address() -> str:
    """The address of this machine that others most likely reach it by."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect((_ANYWHERE, 9))  # sends nothing
        return str(probe.getsockname()[0])
    return next(iter(own_addresses()), "127.0.0.1")


def own_addresses() -> tuple[str, ...]:
    """This machine's addresses that can mean no other machine, IPv4 first."""
    wanted = (socket.AF_INET, socket.AF_INET6)
    found = [
        (wanted.index(address.family), address.address.partition("%")[0])
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family in wanted
    ]
    hosts = (names.normal_host(text) for _, text in sorted(found))
    return tuple(dict.fromkeys(h for h in hosts if h is not None and names.is_distinctive(h)))


def _is_unspecified(host: str) -> bool:
    return host in ("0.0.0.0", "::")  # noqa: S104  the question here, not the answer


def _listen(host: str, port: int) -> socket.socket:
    """A listener at `host`, a normal host; raises BadUsage or CannotStart."""
    if names.normal_host(host) != host:
        raise BadUsage(f"{names.shown(host)} is neither a host name nor an IP address")
    where = names.join_host_port(host, port)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # One socket, and where it is at `::`, an IPv4 address in the line (`primary_address`).
        return listener_at(family, address, is_ipv6_alone=False)
    except socket.gaierror as error:
        raise BadUsage(f"{host} cannot be resolved to an address to listen on") from error
    except OSError as error:
        raise CannotStart(
            f"cannot listen on {where}: {error.strerror}{holder_of(port)}; choose another place "
            "with --listen HOST:PORT"
        ) from error
