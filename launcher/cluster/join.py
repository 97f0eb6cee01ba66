"""The new machine's end of a join.

The order is the point: the first connection trusts nobody and tells nothing, it only fetches the
authority's certificate, which must match the pin in the line; the second verifies the operator by
that certificate, and only then does the token leave this machine (S-13). The private key is made
here and never leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from distrcomp.errors import ProtocolError

from .. import limits
from ..control.channel import StreamChannel
from ..errors import CannotStart, ChannelClosed, PeerRefused
from . import certificates, names
from .credentials import JOIN_ALPN, Credentials, join_client_context, peer_identity, speaks
from .home import Home, write_private
from .invite import own_addresses
from .join_line import JoinLine
from .join_protocol import (
    PROTOCOL,
    SCHEMA,
    AskAuthority,
    AskMembership,
    AuthorityIs,
    Membership,
    Refusal,
    Stored,
)
from .peers_file import AGENT_PORT
from .ports import tcp_socket
from .streams import open_tls

_NEW_LINE = "ask the operator for a new one (`distrcomp cluster invite`)"


def default_name() -> str:
    """This machine's short host name, made valid."""
    return names.name_from_host(socket.gethostname())


async def join(
    line: JoinLine,
    home: Home,
    name: str,
    port: int = AGENT_PORT,
    clock: Callable[[], float] = time.time,
) -> Path:
    """Makes this machine a member of the cluster that `line` invites to.

    Args:
        line: from `parse_join_line`.
        home: of the agent; its `agent.pem` is written, and replaced if there is one.
        name: what the machine is to be called.
        port: where its agent will listen, 1 to 65535.

    Returns:
        The credential file.

    Raises:
        BadUsage: `name` cannot be a machine's name.
        CannotStart: the invite cannot be reached, is not the one in the line, or the credentials
            cannot be kept here.
        PeerRefused: the invite says no.
    """
    label = names.checked_name(name)
    home.make_config()  # what is wrong here is found before the token is spent
    ca_pem, operator_clock = await _fetch_authority(line, clock)
    key = certificates.new_key()
    context = join_client_context(ca_pem)
    skew_s = clock() - operator_clock
    async with _conversation(line, context, clock, skew_s) as (channel, connection):
        if peer_identity(connection, JOIN_ALPN).role != certificates.ROLE_OPERATOR:
            raise PeerRefused(f"{line.address} is of the right cluster but is not its operator")
        request, hosts = certificates.make_request(key), _claimed_hosts(label)
        await channel.send(AskMembership(line.token, label, request, hosts, port))
        answer = await channel.receive()
        if isinstance(answer, Refusal):
            raise PeerRefused(_printable(answer.reason))
        if not isinstance(answer, Membership):
            raise ProtocolError("a membership was expected")
        pem = certificates.credentials_pem(key, answer.certificate_pem, ca_pem)
        path = _store(home, pem, label)
        await channel.send(Stored(label))
    return path


async def _fetch_authority(line: JoinLine, clock: Callable[[], float]) -> tuple[str, int]:
    """The authority's certificate, proven by the pin, and the operator's clock, unproven."""
    async with _conversation(line, join_client_context(None), clock, 0.0) as (channel, connection):
        if not speaks(connection, JOIN_ALPN):
            raise ProtocolError("not an invite")
        await channel.send(AskAuthority(PROTOCOL))
        answer = await channel.receive()
    if isinstance(answer, Refusal):
        raise PeerRefused(_printable(answer.reason))
    if not isinstance(answer, AuthorityIs):
        raise PeerRefused(f"{line.address} answers but is not a distrcomp invite")
    if not hmac.compare_digest(hashlib.sha256(answer.ca_der).digest(), line.ca_pin):
        raise PeerRefused(
            f"{line.address} is not the cluster that this join line is for; the line's secret was "
            f"not sent. Somebody may stand in between: {_NEW_LINE}"
        )
    return ssl.DER_cert_to_PEM_cert(answer.ca_der), answer.clock_unix_s


@contextlib.asynccontextmanager
async def _conversation(
    line: JoinLine, context: ssl.SSLContext, clock: Callable[[], float], skew_s: float
) -> AsyncIterator[tuple[StreamChannel, ssl.SSLObject]]:
    """One connection to the invite; whatever goes wrong on it leaves as one sentence."""
    dialled = await _dial(line, clock)
    try:
        async with asyncio.timeout(limits.HANDSHAKE_TIMEOUT_S):
            reader, writer = await open_tls(dialled, context, server_side=False)
            try:
                channel = StreamChannel(reader, writer, SCHEMA)
                yield channel, writer.get_extra_info("ssl_object")
                await channel.close()
            finally:
                writer.transport.abort()
    except ssl.SSLCertVerificationError as error:
        raise PeerRefused(_explain_verification(error, line, skew_s)) from error
    except TimeoutError as error:
        raise PeerRefused(f"{line.address} accepted the connection and then fell silent") from error
    except ChannelClosed as error:
        raise PeerRefused(f"{line.address} closed the connection: try once more") from error
    except (OSError, ProtocolError) as error:
        raise PeerRefused(f"{line.address} answers but is not a distrcomp invite") from error


def _explain_verification(
    error: ssl.SSLCertVerificationError, line: JoinLine, skew_s: float
) -> str:
    if error.verify_code in (9, 10):  # X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED
        direction = "ahead of" if skew_s > 0 else "behind"
        return (
            f"this machine's clock is {abs(skew_s):.0f} s {direction} the operator's at "
            f"{line.address}, so the operator's certificate is not valid here: set the clocks"
        )
    return (
        f"{line.address} could not prove to be the operator ({error.verify_message}); the line's "
        f"secret was not sent: {_NEW_LINE}"
    )


async def _dial(line: JoinLine, clock: Callable[[], float]) -> socket.socket:
    """A socket connected to the invite; raises CannotStart, with one sentence for each reason."""
    try:
        async with asyncio.timeout(limits.CONNECT_TIMEOUT_S):
            return await _connect(line.host, line.port)
    except socket.gaierror as error:
        raise CannotStart(
            f"{line.host} in the join line cannot be resolved: {_NEW_LINE}"
        ) from error
    except ConnectionRefusedError as error:
        raise CannotStart(_explain_refused(line, clock())) from error
    except TimeoutError as error:
        raise CannotStart(
            f"{line.address} does not answer within {limits.CONNECT_TIMEOUT_S:g} s: is a firewall "
            "between, or must the operator give another address by --listen?"
        ) from error
    except OSError as error:
        raise CannotStart(f"{line.address} cannot be reached: {error.strerror}") from error


async def _connect(host: str, port: int) -> socket.socket:
    """A socket connected to the first address of `host` that answers; raises the last OSError."""
    loop = asyncio.get_running_loop()
    places = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = socket.gaierror(f"{host} has no address")
    for family, _, _, _, address in places:
        connection = tcp_socket(family)
        connection.setblocking(False)
        try:
            async with asyncio.timeout(limits.CONNECT_TIMEOUT_S / (len(places) + 1)):
                await loop.sock_connect(connection, address)
        except OSError as error:  # includes TimeoutError
            connection.close()
            failure = error
        except asyncio.CancelledError:
            connection.close()
            raise
        else:
            return connection
    raise failure


def _explain_refused(line: JoinLine, now: float) -> str:
    if now > line.expires:
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(line.expires))
        return f"this join line expired at {when}: {_NEW_LINE}"
    return (
        f"no invite is waiting at {line.address} any more: each join line works once; {_NEW_LINE}"
    )


def _store(home: Home, pem: bytes, name: str) -> Path:
    """Puts `pem` into its place once it has been proven to make us the agent `name`."""
    path = home.agent_credentials
    draft = path.with_name(f"{path.name}.joining")
    write_private(draft, pem)
    try:
        identity = Credentials.load(draft).identity
        if (identity.name, identity.role) != (name, certificates.ROLE_AGENT):
            raise PeerRefused("the operator sent a certificate for another machine")
        draft.replace(path)
    except OSError as error:
        raise CannotStart(f"{path} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return path


def _claimed_hosts(name: str) -> tuple[str, ...]:
    """By what else this machine may be dialled: its addresses and its full host name."""
    host = names.normal_host(socket.gethostname())
    also = (host,) if host not in (None, name) else ()
    return (*own_addresses(), *also)[: limits.JOIN_ADDRESSES_MAX]


def _printable(text: str) -> str:
    """A sentence from the network, without a character that could move a terminal (S-37)."""
    cut = text[: limits.JOIN_REASON_CHARACTERS_MAX]
    return "".join(character if character.isprintable() else "?" for character in cut)
