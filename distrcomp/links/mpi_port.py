"""What all links over MPI share in one process: the communicator, and the looks for packets.

See links.mpi for what packets are. Received packets are filed with the links, which may leave them
there. Where one link has too many, because its mailbox is full, nobody is asked for packets from
anybody any more, but each of the others' for its own.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from .. import limits

PACKET_BYTES = 256 * limits.KIB
# Packets of one node that are found and not received; then it isn't looked at.
_FILED_MAX = 64
_FOUND_AT_ONCE = 16
_COPIES_KEPT = 16


class PortLink(Protocol):
    """What the port needs of a link."""

    rank: int
    is_closed: bool

    def file(self, packet: Any, nbytes: int) -> int:
        """Takes a packet that was found; how many wait here now."""

    def hear_end(self) -> None:
        """The other end is closed; what it sent before is filed."""

    def is_busy(self) -> bool:
        """Whether something can move here without a new packet."""

    def retire(self) -> None:
        """Forgets the packets that MPI is done with."""


class Port:
    """A process's part in a communicator, for all its links.

    Args:
        mpi: the module mpi4py.MPI.
        communicator: a duplicate that nobody else uses.
        hears, says: the tags of packets to us and from us.

    Attributes:
        busy: the links by which something can move, by node.
        wake: has somebody look again soon, though no call may come: MPI holds packets of ours.
        is_mute: this is a forked child, which would speak in its parent's name.
    """

    def __init__(self, mpi: Any, communicator: Any, hears: int = 0, says: int = 0) -> None:
        self.busy: dict[int, PortLink] = {}
        self.flying: dict[PortLink, None] = {}
        self.wake: Any = None
        self.is_mute = False
        self.byte = mpi.BYTE
        self.says = says
        self.isend, self.issend = communicator.Isend, communicator.Issend
        self._hears = hears
        self._improbe = communicator.Improbe
        self._any = mpi.ANY_SOURCE
        self._status = mpi.Status()
        self._links: dict[int, PortLink] = {}  # by rank
        self._full: dict[int, PortLink] = {}  # those with _FILED_MAX packets
        self._unwanted: deque[tuple[Any, bytearray]] = deque()  # packets for closed links
        self._copies: list[bytearray] = []
        self._turn = 0

    def add(self, link: PortLink) -> None:
        """Takes a link; what comes from its rank is for it."""
        self._links[link.rank] = link

    def look(self, most: int = 1) -> bool:
        """Files packets that have arrived, so many at most; whether there were any."""
        if self.flying or self._unwanted:
            self.retire()
        if self._full:
            found = False
            for rank in self._links:
                if rank not in self._full:
                    found = self._find(rank, most) or found
            return found
        return self._find(self._any, most)

    def retire(self) -> None:
        """Forgets what MPI is done with."""
        for link in list(self.flying):
            link.retire()
        while self._unwanted and self._unwanted[0][0].Test():
            self._unwanted.popleft()

    def _find(self, source: int, most: int) -> bool:
        status = self._status
        for count in range(most):
            packet = self._improbe(source, self._hears, status)
            if packet is None:
                return count > 0
            link = self._links[status.Get_source()]
            nbytes = status.Get_count(self.byte)
            if nbytes == 0 or link.is_closed:
                self.discard(packet, nbytes)
                if nbytes == 0:
                    link.hear_end()
            elif link.file(packet, nbytes) >= _FILED_MAX:
                self._full[link.rank] = link
        return True

    def emptied(self, link: PortLink) -> None:
        """A link's filed packets have become fewer."""
        if self._full:
            self._full.pop(link.rank, None)

    def copy(self, view: memoryview) -> bytearray:
        """A copy of at most PACKET_BYTES, in memory that comes back by `give_back`."""
        copy = self._copies.pop() if self._copies else bytearray(PACKET_BYTES)
        memoryview(copy)[: view.nbytes] = view
        return copy

    def give_back(self, packet: Any) -> None:
        """MPI is done with it."""
        if type(packet) is bytearray and len(self._copies) < _COPIES_KEPT:
            self._copies.append(packet)

    def is_quiet(self) -> bool:
        """Whether MPI is done with all packets of ours, those to closed links too."""
        self.look(_FOUND_AT_ONCE)
        return not self.flying and not self._unwanted

    def turns(self) -> list[int]:
        """The nodes whose links can move, after a look; each time another one first."""
        self.look(_FOUND_AT_ONCE)
        for node, link in list(self.busy.items()):
            if not link.is_busy():
                del self.busy[node]
        nodes = list(self.busy)
        self._turn += 1
        first = self._turn % len(nodes) if nodes else 0
        return nodes[first:] + nodes[:first]

    def discard(self, packet: Any, nbytes: int) -> None:
        """Receives a packet for nobody, so that its sender is done with it."""
        scrap = bytearray(nbytes)
        self._unwanted.append((packet.Irecv((scrap, nbytes, self.byte)), scrap))
