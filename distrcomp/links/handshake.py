"""Making a connection to a node on another machine, each end proven by its run certificate.

The dialling node connects to the other machine's agent, sends the preamble, and speaks TLS 1.3 with
the node to which the agent hands the socket. Both ends hold a certificate of the run's own CA that
names node and run; the dialler checks the name by TLS itself, the dialled node checks it against
the preamble and then says so with one byte, because in TLS 1.3 the dialler's handshake is over
before its certificate has been judged. With the data plane "plain" both then end TLS in order and
go on without it. Everything here blocks up to its deadline and runs in a thread of its own.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator
from time import monotonic

from .. import limits
from ..errors import LinkFailed, ProtocolError
from ..notices import Place, Ticket
from ..preamble import Preamble, pack_preamble
from .side_by_side import Address, NoneProven, first_proven, shown
from .stream import send_at_once

_PROVEN = b"\x06"


def dial(ticket: Ticket, node: int) -> socket.socket:
    """A proven connection to `node`, whose machine can be dialled.

    Where the machine may be found at several places they are tried side by side, and the one at
    which the node proves to be itself is taken: another machine may own the same address.

    Raises:
        LinkFailed: names both machines and the reason.
    """
    ways = ticket.machines[ticket.machine_of[node]].ways
    deadline = monotonic() + limits.DIAL_TIMEOUT_S

    def attempt(address: Address, watch: Callable[[socket.socket], None]) -> socket.socket:
        return _prove(ticket, node, _connect(address, deadline, watch), deadline, watch)

    try:
        if len(ways) > 1:
            return first_proven(ways, attempt, deadline)
        raw = socket.create_connection(ways[0], limits.DIAL_TIMEOUT_S)
        return _prove(ticket, node, raw, deadline)
    except NoneProven as error:
        raise _failed(ticket, node, _reasons(error)) from error
    except (OSError, ProtocolError) as error:
        raise _failed(ticket, node, _reason(error)) from error


def _connect(
    address: Address, deadline: float, watch: Callable[[socket.socket], None]
) -> socket.socket:
    raw = socket.socket(address[0], socket.SOCK_STREAM)
    try:
        watch(raw)
        _limit(raw, deadline)
        raw.connect(address[1])
    except BaseException:
        raw.close()
        raise
    return raw


def _prove(
    ticket: Ticket,
    node: int,
    raw: socket.socket,
    deadline: float,
    watch: Callable[[socket.socket], None] = lambda _: None,
) -> socket.socket:
    """Both ends of this connection prove who they are; closed if one doesn't."""
    connection = raw
    try:
        send_at_once(raw)
        raw.sendall(pack_preamble(Preamble(ticket.run_id, ticket.node_id, node)))
        _limit(raw, deadline)
        context, name = _client_context(ticket), _name(ticket, node)
        _refuse_reset(raw)
        connection = secure = context.wrap_socket(
            raw, server_hostname=name, do_handshake_on_connect=False
        )
        watch(secure)
        secure.do_handshake()
        _limit(secure, deadline)
        if secure.recv(1) != _PROVEN:
            raise ProtocolError("it closed the connection")
        return _data_plane(ticket, secure, deadline)
    except BaseException:
        connection.close()
        raise


def reach(ticket: Ticket, node: int, place: Place) -> tuple[float, str, str]:
    """Tries whether `node` is found at a place, up to its proof of who it is; makes no link.

    It shows no certificate of its own, so the other end doesn't take it for the other node of a
    link.

    Returns:
        The seconds that the way there and the proof took, the address, and why it failed; empty if
        it did not.
    """
    begun = monotonic()
    deadline = begun + limits.DIAL_TIMEOUT_S
    address = ""
    try:
        with socket.create_connection(place, limits.DIAL_TIMEOUT_S) as raw:
            address = str(raw.getpeername()[0])
            send_at_once(raw)
            raw.sendall(pack_preamble(Preamble(ticket.run_id, ticket.node_id, node)))
            _limit(raw, deadline)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_verify_locations(cadata=ticket.authority)
            _refuse_reset(raw)
            with context.wrap_socket(raw, server_hostname=_name(ticket, node)):
                return monotonic() - begun, address, ""
    except OSError as error:
        return monotonic() - begun, address, _reason(error)


def accept(
    ticket: Ticket, node: int, raw: socket.socket, admit: Callable[[], bool] = lambda: True
) -> socket.socket:
    """The other end of `dial`: the agent handed `raw` over, on which `node` claims to be.

    Args:
        admit: asked once the other end has proven to be `node`, before it is told so; whoever only
            claims to be a node changes nothing here.

    Raises:
        LinkFailed: it is not that node, or not of this run.
    """
    deadline = monotonic() + limits.DIAL_TIMEOUT_S
    _limit(raw, deadline)
    connection = raw
    try:
        send_at_once(raw)
        context = _server_context(ticket)
        _refuse_reset(raw)
        connection = secure = context.wrap_socket(raw, server_side=True)
        names = (secure.getpeercert() or {}).get("subjectAltName", ())
        if ("DNS", _name(ticket, node)) not in names:
            raise ProtocolError(f"it is not node {node}")
        if not admit():
            raise ProtocolError("there is a link already")
        _limit(secure, deadline)
        secure.sendall(_PROVEN)
        return _data_plane(ticket, secure, deadline)
    except (OSError, ProtocolError) as error:
        connection.close()
        raise _failed(ticket, node, _reason(error)) from error


def address_of(connection: socket.socket) -> str:
    """Where a connection goes, for people; empty once it is broken."""
    try:
        return shown(*connection.getpeername()[:2])
    except OSError:
        return ""


def _data_plane(ticket: Ticket, secure: ssl.SSLSocket, deadline: float) -> socket.socket:
    if ticket.data_plane != "plain":
        return secure
    _limit(secure, deadline)
    return socket.socket(fileno=secure.unwrap().detach())  # what unwrap gives is an SSLSocket still


def _refuse_reset(raw: socket.socket) -> None:
    """Raises OSError where the other end has reset the connection, which leaves it ours to close.

    Before Python 3.13 `wrap_socket` takes such a socket, fails, and closes nothing.
    """
    raw.getpeername()


def _limit(connection: socket.socket, deadline: float) -> None:
    """Has every call on the socket end by the deadline."""
    connection.settimeout(max(0.01, deadline - monotonic()))


def _name(ticket: Ticket, node: int) -> str:
    return f"node-{node}.{ticket.run_id.hex()}"


def _client_context(ticket: Ticket) -> ssl.SSLContext:
    return _context(ticket, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def _server_context(ticket: Ticket) -> ssl.SSLContext:
    context = _context(ticket, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0  # nobody comes back to resume
    return context


def _context(ticket: Ticket, context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=ticket.authority)
    with private_file(ticket.certificate.encode()) as path:
        context.load_cert_chain(path)
    return context


@contextlib.contextmanager
def private_file(data: bytes) -> Iterator[str]:
    """A path from which OpenSSL, which takes keys from files alone, can read `data`."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("certificate")
        try:
            os.write(descriptor, data)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        descriptor, path = tempfile.mkstemp()  # mode 0600
        try:
            os.write(descriptor, data)
            os.close(descriptor)
            yield path
        finally:
            os.unlink(path)


def _failed(ticket: Ticket, node: int, why: str) -> LinkFailed:
    here, there = ticket.label(ticket.node_id), ticket.machines[ticket.machine_of[node]]
    address = f"{there.host}:{there.port}" if there.port else there.label
    return LinkFailed(
        f"node {ticket.node_id} on {here} cannot reach "
        f"node {node} on {there.label} ({address}): {why}"
    )


def _reasons(error: NoneProven) -> str:
    """Why no place led to the node: once, where all say the same."""
    reasons = {what: _reason(failure) for what, failure in error.failures.items()}
    if len(set(reasons.values())) <= 1:
        return next(iter(reasons.values()), _reason(TimeoutError()))
    return "; ".join(f"{what}: {why}" for what, why in reasons.items())


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {limits.DIAL_TIMEOUT_S:g} s (is a firewall between them?)"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused: no agent listens there"
    if isinstance(error, socket.gaierror):
        return "this name is not known on that machine"
    if isinstance(error, ssl.SSLError):
        return f"the other end does not prove to be of this run ({error.reason})"
    return str(error)
