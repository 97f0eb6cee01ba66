"""Two ends of a link in one process, made as the product makes them."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import select
import socket
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from time import monotonic
from typing import Any

import pytest

from distrcomp import limits
from distrcomp.cores import have_a_core_each
from distrcomp.frames import Message
from distrcomp.limits import KIB, MIB
from distrcomp.links import Link, LinkEnded, ShmLink, StreamLink, offers, pull, ring
from distrcomp.links.handshake import accept, dial
from distrcomp.links.local import Neighbours
from distrcomp.links.memory import memory_pair
from distrcomp.links.mpi import MpiLink
from distrcomp.links.shm import _Outgoing
from distrcomp.links.tls import link_over
from distrcomp.notices import Machine, Ticket
from distrcomp.preamble import PREAMBLE_BYTES, parse_preamble
from distrcomp.segment import create_segment, segment_bytes
from launcher.cluster.run_credentials import RunAuthority

Ends = tuple[Link, Link]
Pair = tuple["End", "End"]

CODEC = 5  # one whose meta comes as it went; a pickle's may be padded

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


def stream_pair(
    make: Callable[[], tuple[socket.socket, socket.socket]], _: contextlib.ExitStack
) -> Ends:
    """Both ends of a link over a pair of sockets; node 0 has the first."""
    one, other = make()
    return link_over(one, 1), link_over(other, 0)


def shm_pair(
    stack: contextlib.ExitStack,
    *,
    n_local: int = 2,
    forbidden: bool = False,
    asked: bool = True,
    fenced: bool = False,
) -> Ends:
    """Both ends of a link over shared memory, nodes 0 and 1 of `n_local` in one process.

    Args:
        forbidden: whether neither may read the other's memory.
        asked: whether both know already that they may.
        fenced: whether there are fences as on a processor that reorders stores.
    """
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    patch.setattr(limits, "PIECE_BYTES_MAX", MIB)
    for module in (ring, offers):
        patch.setattr(module, "STORES_ARE_ORDERED", ring.STORES_ARE_ORDERED and not fenced)
    if forbidden:
        for module in (pull, offers):
            patch.setattr(module, "read_memory", refuse_to_read)
    segment = create_segment(segment_bytes(n_local))
    bells = [os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for _ in range(2)]
    ends = []
    for here in range(2):
        doorbells = [os.dup(bells[min(node, 1)]) for node in range(n_local)]
        neighbours = Neighbours(
            os.dup(segment), range(n_local), here, doorbells, have_a_core_each(n_local)
        )
        stack.callback(neighbours.bells.close)
        ends.append(neighbours.link_to(1 - here))
    for descriptor in (segment, *bells):
        os.close(descriptor)
    if asked and not forbidden:
        ask(ends)
    return ends[0], ends[1]


def refuse_to_read(*_: Any) -> None:
    """What the kernel does where no process may read another's memory."""
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def ask(links: list[ShmLink]) -> None:
    """Has each end learn that the other one can read its memory."""
    large = Message(0, 0, 0, CODEC, b"", [memoryview(bytes(64 * KIB))])
    for writing, reading in (links, links[::-1]):
        writing.post(large)
        while not reading.receive(1):
            writing.flush()
        assert writing.writer.rights == 1


def memory_ends(_: contextlib.ExitStack) -> Ends:
    """Both ends of a link inside a process; nobody sleeps on it here."""
    return memory_pair((0, 1), (lambda: None, lambda: None))


KINDS: dict[str, Callable[[contextlib.ExitStack], Ends]] = {
    **{name: partial(stream_pair, make) for name, make in PAIRS.items()},
    "shm": shm_pair,
    "shm small": partial(shm_pair, n_local=64),
    "shm unasked": partial(shm_pair, asked=False),
    "shm unasked small": partial(shm_pair, n_local=64, asked=False),
    "shm forbidden": partial(shm_pair, forbidden=True),
    "shm forbidden small": partial(shm_pair, n_local=64, forbidden=True),
    "shm fenced": partial(shm_pair, fenced=True),
    "memory": memory_ends,
}
"""Every kind of link, by name: what makes both ends of one, in this process."""


class End:
    """One end of a link, and all that it has received."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.kind = getattr(link, "kind", type(link))
        self.other = self
        self.received: list[Message] = []
        self.ended: LinkEnded | None = None

    def read(self, most: int = 16) -> bool:
        """Reads once; whether anything came."""
        try:
            messages = self.link.receive(most)
        except LinkEnded as end:
            self.ended = end
            return True
        self.received += messages
        return bool(messages) or self.link.fileno() is None  # a part of a message, then

    def move(self) -> bool:
        """Writes and reads once, as far as it can; whether anything moved."""
        written = bool(self.link.queued_bytes) and self.link.flush()
        return (self.ended is None and self.link.can_receive() and self.read()) or written

    def say(self, data: bytes) -> None:
        """Sends these bytes, as a stream would carry them."""
        link = self.link
        if isinstance(link, StreamLink | MpiLink):
            link._post([data])
        elif isinstance(link, ShmLink):
            link._queue(_Outgoing(None, deque([memoryview(data)])))
        else:
            pytest.skip("this link carries no bytes")

    def is_over_mpi(self) -> bool:
        """Whether MPI has it, which gives no sign of what is under way, and moves it in calls only.

        A closed end's process makes these until MPI is done with all that it sent.
        """
        if self.kind is not MpiLink:
            return False
        closed: Any = self.other.link
        if closed.is_closed:
            closed.is_quiet()
        return True

    def close(self) -> None:
        """Closes the link, as by the end of its node, which the other one's agent hears of."""
        self.link.close()
        self.other.link.hang_up()


def move(ends: list[End], until: Callable[[], object]) -> None:
    """Lets the ends read and write whenever they can, until the condition holds."""
    deadline = monotonic() + TIMEOUT_S
    while not until():
        moved = [end.move() for end in ends]
        if any(moved):
            deadline = monotonic() + TIMEOUT_S
            continue
        over_mpi = [end.is_over_mpi() for end in ends]
        if any(over_mpi):
            assert monotonic() < deadline, "nothing moves any more"
            continue
        with_descriptor = [end for end in ends if end.link.fileno() is not None]
        assert with_descriptor, "nothing moves any more"
        readers = [end.link.fileno() for end in with_descriptor if end.ended is None]
        writers = [end.link.fileno() for end in with_descriptor if end.link.queued_bytes]
        assert any(select.select(readers, writers, [], TIMEOUT_S)), "nothing moves any more"


@contextlib.contextmanager
def link_pair(kind: str) -> Iterator[Pair]:
    """Both ends of a fresh link."""
    with contextlib.ExitStack() as stack:
        one, other = (End(link) for link in KINDS[kind](stack))
        one.other, other.other = other, one
        try:
            yield one, other
        finally:
            one.link.close()
            other.link.close()


def message(number: int, *sizes: int, meta: bytes = b"meta") -> Message:
    """A message of node 0 whose buffers have these sizes and contents of their own."""
    chance = random.Random(number)
    buffers = [memoryview(chance.randbytes(size)) for size in sizes]
    return Message(0, number, 7, CODEC, meta, buffers)


def from_node_1(sent: Message) -> Message:
    """The same, from the other end."""
    return sent._replace(source=1)


def as_lists(messages: list[Message]) -> list[Any]:
    """Messages as they compare, whatever types hold their bytes."""
    return [
        each._replace(meta=bytes(each.meta), buffers=[bytes(memoryview(b)) for b in each.buffers])
        for each in messages
    ]


def send(end: End, *messages: Message) -> None:
    """Posts these messages."""
    for each in messages:
        end.link.post(each)


def expect(pair: Pair, *sent: Message) -> None:
    """The second end receives just these."""
    one, other = pair
    move([one, other], lambda: len(other.received) >= len(sent) and not one.link.queued_bytes)
    assert as_lists(list(sent)) == as_lists(other.received)
