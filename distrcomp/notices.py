"""What an agent and the nodes it started tell each other, over the node's control socket.

The agent speaks first, with the ticket. `LinkMade` travels with one descriptor (SCM_RIGHTS); since
notices and descriptors both keep their order, the n-th `LinkMade` owns the n-th descriptor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .schema import Schema


class Machine(NamedTuple):
    """A peer as the nodes see it; `port` is 0 where nothing there can be dialled."""

    label: str
    host: str
    port: int


class Ticket(NamedTuple):
    """Who a node is, who the others are, and the run's secrets.

    Attributes:
        machine_of: the index in `machines` of each node, by node id.
        certificate: PEM of this node's key and certificate, empty on a run of one machine.
        authority: PEM of the run's own CA.
        data_plane: "tls" or "plain", for links between machines.
        segment: the inherited descriptor of the memory that the nodes of this machine share; -1
            where there is none.
        doorbells: the inherited descriptors of their eventfds, in the order of `local_nodes`; none
            without a segment.
        stacks: the inherited descriptor of the file for this node's stacks; -1 where there is none.
    """

    run_id: bytes
    node_id: int
    n_node: int
    machines: tuple[Machine, ...]
    machine_of: tuple[int, ...]
    certificate: str
    authority: str
    data_plane: str
    segment: int = -1
    doorbells: tuple[int, ...] = ()
    stacks: int = -1

    @property
    def local_nodes(self) -> tuple[int, ...]:
        """The nodes of this machine; where one stands is its local id."""
        here = self.machine_of[self.node_id]
        return tuple(node for node, machine in enumerate(self.machine_of) if machine == here)

    def label(self, node: int) -> str:
        """The name of the peer on which `node` runs."""
        return self.machines[self.machine_of[node]].label

    def is_local(self, node: int) -> bool:
        """Whether `node` runs on this machine."""
        return self.machine_of[node] == self.machine_of[self.node_id]

    def dials(self, node: int) -> bool:
        """Whether this node, of the two, is the one that dials."""
        return dialler(self.machines, self.machine_of, self.node_id, node) == self.node_id


def dialler(machines: Sequence[Machine], machine_of: Sequence[int], one: int, other: int) -> int:
    """Which of two nodes on different machines dials the other, so that they never have two links.

    It is the lower one, unless the higher one's machine cannot be dialled.
    """
    lower, higher = min(one, other), max(one, other)
    return lower if machines[machine_of[higher]].port else higher


class Go(NamedTuple):
    """Every node of the run is ready: start the program."""


class LinkMade(NamedTuple):
    """A socket to `node` comes with this notice; `local` says that it needs no handshake."""

    node: int
    local: bool


class Dial(NamedTuple):
    """`node` or the launcher wants a link between you and `node`, and dialling is yours."""

    node: int


class NoLink(NamedTuple):
    """The link to `node` that was wanted cannot be made."""

    node: int
    why: str


class NodeEnded(NamedTuple):
    """Another node has ended, and how."""

    node: int
    why: str


class Abort(NamedTuple):
    """The run has failed because of `node`: every call shall raise NodeLost."""

    node: int
    why: str


class AskTraffic(NamedTuple):
    """How many bytes has the node received and sent so far? Answered by Traffic."""


class Ready(NamedTuple):
    """The node has its ticket and waits for Go."""


class WritesStacks(NamedTuple):
    """At this signal the node writes its stacks into the file that the ticket names."""

    signal: int


class Traffic(NamedTuple):
    """The bytes that a node has received and sent so far; None where that is not known."""

    bytes_in: int | None
    bytes_out: int | None


class WantLink(NamedTuple):
    """The node needs a link to `node` that it cannot make itself."""

    node: int


class LinkUp(NamedTuple):
    """The link to `node`, which this node dialled, is proven."""

    node: int


class LinkDown(NamedTuple):
    """The link to `node` could not be made."""

    node: int
    why: str


class Failed(NamedTuple):
    """The program ended by an exception; `because_of` is the lost node that it names, if any."""

    error: str
    traceback: str
    because_of: int | None


TO_NODE = Schema(Ticket, Go, LinkMade, Dial, NoLink, NodeEnded, Abort, AskTraffic)
TO_AGENT = Schema(Ready, WritesStacks, Traffic, WantLink, LinkUp, LinkDown, Failed)
