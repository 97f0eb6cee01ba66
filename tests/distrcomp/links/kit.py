"""Two ends of a link in one process, made as the product makes them."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

from distrcomp.links import Link, LinkEnded
from distrcomp.links.handshake import accept, dial
from distrcomp.links.tls import link_over
from distrcomp.notices import Machine, Ticket
from distrcomp.preamble import PREAMBLE_BYTES, parse_preamble
from launcher.cluster.run_credentials import RunAuthority

TIMEOUT_S = 30.0
RUN_ID = b"0123456789abcdef"


@cache
def credentials(run_id: bytes, node: int) -> tuple[str, str]:
    """(certificate, authority) of a node of a run."""
    return authority(run_id).node(node), authority(run_id).ca_pem


@cache
def authority(run_id: bytes) -> RunAuthority:
    """The one authority of a run."""
    return RunAuthority(run_id)


def ticket(node: int, port: int, data_plane: str = "tls", run_id: bytes = RUN_ID) -> Ticket:
    """The ticket of one of two nodes on two machines, of which the second listens on `port`."""
    certificate, ca = credentials(run_id, node)
    machines = (Machine("h1", "127.0.0.1", 0), Machine("h2", "127.0.0.1", port))
    return Ticket(run_id, node, 2, machines, (0, 1), certificate, ca, data_plane)


@contextlib.contextmanager
def listener() -> Iterator[socket.socket]:
    """A listening socket on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT_S)
        yield server


def handed_over(server: socket.socket) -> socket.socket:
    """A connection as the agent hands it over: its preamble is read."""
    connection, _ = server.accept()
    connection.settimeout(TIMEOUT_S)
    parse_preamble(connection.recv(PREAMBLE_BYTES, socket.MSG_WAITALL))
    return connection


def shake_hands(dialling: Ticket, accepting: Ticket, server: socket.socket) -> list[Future[Any]]:
    """What became of dial and accept between two nodes."""
    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(dial, dialling, 1)
        other = threads.submit(lambda: accept(accepting, 0, handed_over(server)))
    return [one, other]


def unix_pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with listener() as server:
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
        return one, other


def proven_pair(data_plane: str) -> tuple[socket.socket, socket.socket]:
    with listener() as server:
        port = server.getsockname()[1]
        ends = shake_hands(ticket(0, port, data_plane), ticket(1, port, data_plane), server)
        one, other = (end.result() for end in ends)
        return one, other


PAIRS: dict[str, Callable[[], tuple[socket.socket, socket.socket]]] = {
    "unix": unix_pair,
    "tcp": tcp_pair,
    "tls": lambda: proven_pair("tls"),
    "plain": lambda: proven_pair("plain"),
}


class End:
    """One end of a link, and all that it has received."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.received: list[Any] = []
        self.ended: LinkEnded | None = None

    def read(self) -> None:
        """Reads once."""
        try:
            self.received += self.link.receive()
        except LinkEnded as end:
            self.ended = end


def move(ends: list[End], until: Callable[[], object]) -> None:
    """Lets the ends read and write whenever they can, until the condition holds."""
    while not until():
        readers = [end for end in ends if end.ended is None]
        writers = [end for end in ends if end.link.queued_bytes]
        files = [[end.link.fileno() for end in some] for some in (readers, writers)]
        readable, writable, _ = select.select(*files, [], TIMEOUT_S)
        assert readable or writable, "nothing moves any more"
        for end in writers:
            if end.link.fileno() in writable:
                end.link.flush()
        for end in readers:
            if end.link.fileno() in readable:
                end.read()


@contextlib.contextmanager
def link_pair(kind: str) -> Iterator[tuple[End, End]]:
    """Both ends of a fresh link."""
    one, other = (End(link_over(connection)) for connection in PAIRS[kind]())
    try:
        yield one, other
    finally:
        one.link.close()
        other.link.close()
