"""distrcomp.links.handshake: who gets a link, and what everybody else is told."""

from __future__ import annotations

import os
import socket
import ssl
import struct
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from distrcomp import limits
from distrcomp.errors import LinkFailed
from distrcomp.links.handshake import accept, dial
from distrcomp.notices import Machine
from tests.distrcomp.links.kit import handed_over, listener, shake_hands, ticket

OTHER_RUN = b"fedcba9876543210"


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Where h2's agent would listen."""
    with listener() as made:
        yield made


def port_of(server: socket.socket) -> int:
    """The port on which it listens."""
    port: int = server.getsockname()[1]
    return port


def refusals(ends: list[Future[Any]]) -> list[str]:
    """What both ends say; both must have refused."""
    errors = [end.exception() for end in ends]
    assert {LinkFailed} == {type(error) for error in errors}
    return [str(error) for error in errors]


def spoil(
    server: socket.socket, dialling: dict[str, Any] | None = None, **accepting: Any
) -> list[str]:
    """What both say when their tickets are right but for these fields."""
    port = port_of(server)
    one = ticket(0, port)._replace(**(dialling or {}))
    return refusals(shake_hands(one, ticket(1, port)._replace(**accepting), server))


@pytest.mark.parametrize("data_plane", ["tls", "plain"])
def test_proven_connection(server: socket.socket, data_plane: str) -> None:
    """Two nodes of a run get a connection that is TLS 1.3 or, when wished, plain TCP again."""
    port = port_of(server)
    ends = shake_hands(ticket(0, port, data_plane), ticket(1, port, data_plane), server)
    one, other = (end.result() for end in ends)
    with one, other:
        kinds = {"tls": ssl.SSLSocket, "plain": socket.socket}
        assert {kinds[data_plane]} == {type(one), type(other)}
        at_once = [each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in (one, other)]
        assert all(at_once)
        if data_plane == "tls":
            assert (one.version(), other.version()) == ("TLSv1.3", "TLSv1.3")
        one.sendall(b"there")
        other.sendall(b"back")
        assert (other.recv(5), one.recv(4)) == (b"there", b"back")


def test_other_runs_node_dials(server: socket.socket) -> None:
    """A node with another run's certificate gets no link: the proof never comes (S-28)."""
    stranger = ticket(0, 0, run_id=OTHER_RUN)
    one, other = spoil(server, {"certificate": stranger.certificate})
    assert "node 0 on h1 cannot reach node 1 on h2 (127.0.0.1:" in one
    assert "the other end does not prove to be of this run" in other


def test_other_run_answers(server: socket.socket) -> None:
    """A node of another run that answers is refused by the dialler (S-07, S-28)."""
    stranger = ticket(1, 0, run_id=OTHER_RUN)
    one, _ = spoil(server, certificate=stranger.certificate, authority=stranger.authority)
    assert "the other end does not prove to be of this run (CERTIFICATE_VERIFY_FAILED)" in one


def test_claims_to_be_another_node(server: socket.socket) -> None:
    """A node of the run that dials under another one's id is refused (S-27)."""
    port = port_of(server)
    one, other = spoil(server, {"certificate": ticket(1, port).certificate})
    assert "it closed the connection" in one
    assert "cannot reach node 0 on h1 (h1): it is not node 0" in other


def test_answers_for_another_node(server: socket.socket) -> None:
    """A node of the run that answers in another one's place is refused by TLS itself (S-27)."""
    one, _ = spoil(server, certificate=ticket(0, 0).certificate)
    assert "CERTIFICATE_VERIFY_FAILED" in one


@pytest.mark.parametrize("words", [b"", b"hello", b"\x16\x03\x01" + b"\xff" * 40, b"\0" * 200])
def test_plain_stranger(server: socket.socket, words: bytes) -> None:
    """Who does not speak TLS gets no link, whether it talks or just leaves (S-02, S-26)."""
    client = socket.create_connection(server.getsockname())
    connection, _ = server.accept()
    client.sendall(words)
    client.shutdown(socket.SHUT_WR)
    with client, pytest.raises(LinkFailed, match="node 1 on h2 cannot reach node 0 on h1"):
        accept(ticket(1, port_of(server)), 0, connection)


def test_reset_before_it_begins(server: socket.socket) -> None:
    """A connection that the other end has reset is refused and closed: nothing stays open."""
    client = socket.create_connection(server.getsockname())
    connection, _ = server.accept()
    linger_not = struct.pack("ii", 1, 0)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
    client.close()
    descriptor = connection.fileno()
    with pytest.raises(LinkFailed, match="node 1 on h2 cannot reach node 0 on h1") as refused:
        accept(ticket(1, port_of(server)), 0, connection)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    assert isinstance(refused.value.__cause__, OSError)  # which would hold what is still open


def test_without_certificate(server: socket.socket) -> None:
    """Who speaks TLS but shows no certificate gets no link (S-05)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    raw = socket.create_connection(server.getsockname())
    connection, _ = server.accept()
    with ThreadPoolExecutor(1) as threads:
        accepted = threads.submit(accept, ticket(1, port_of(server)), 0, connection)
        with context.wrap_socket(raw) as client, pytest.raises(ssl.SSLError):
            client.recv(1)
    with pytest.raises(LinkFailed, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        accepted.result()


def test_old_tls(server: socket.socket) -> None:
    """TLS 1.2 is refused, whatever certificate comes with it (S-09)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    raw = socket.create_connection(server.getsockname())
    connection, _ = server.accept()
    with ThreadPoolExecutor(1) as threads:
        accepted = threads.submit(accept, ticket(1, port_of(server)), 0, connection)
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(raw)
    with pytest.raises(LinkFailed, match="UNSUPPORTED_PROTOCOL"):
        accepted.result()


def test_silence(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither end waits for a silent other one beyond its bound (S-01)."""
    monkeypatch.setattr(limits, "DIAL_TIMEOUT_S", 0.05)
    with pytest.raises(LinkFailed, match=r"no answer in 0\.05 s \(is a firewall between them\?\)"):
        dial(ticket(0, port_of(server)), 1)
    client = socket.create_connection(server.getsockname())
    handed_over(server).close()  # the dialler's
    connection, _ = server.accept()
    with client, pytest.raises(LinkFailed, match=r"no answer in 0\.05 s"):
        accept(ticket(1, port_of(server)), 0, connection)


def test_nobody_listens() -> None:
    """A closed port is told from a silent one (F-17)."""
    with listener() as server:
        port = port_of(server)
    with pytest.raises(LinkFailed) as caught:
        dial(ticket(0, port), 1)
    assert str(caught.value) == (
        f"node 0 on h1 cannot reach node 1 on h2 (127.0.0.1:{port}): "
        "connection refused: no agent listens there"
    )


def test_unknown_name() -> None:
    """A name that doesn't resolve is told as that (F-17)."""
    there = Machine("h2", "no-such-host.invalid", 1)
    lost = ticket(0, 1)
    lost = lost._replace(machines=(lost.machines[0], there))
    with pytest.raises(LinkFailed, match="this name is not known on that machine"):
        dial(lost, 1)


def test_refused_connections_are_closed(server: socket.socket) -> None:
    """The other end of a refused connection sees it closed at once, not when we are collected."""
    wrong = {"certificate": ticket(1, 0).certificate}
    ends = shake_hands(
        ticket(0, port_of(server))._replace(**wrong), ticket(1, port_of(server)), server
    )
    assert "it closed the connection" in refusals(ends)[0]  # while `ends` holds every frame of it
