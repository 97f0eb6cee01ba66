"""What an agent and the nodes it started tell each other, over the node's control socket.

The agent speaks first, with the ticket. `LinkMade` travels with one descriptor (SCM_RIGHTS); since
notices and descriptors both keep their order, the n-th `LinkMade` owns the n-th descriptor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .schema import Schema


class Place(NamedTuple):
    """A host, by name or address, and a port: something to dial."""

    host: str
    port: int


class Machine(NamedTuple):
    """A peer as the nodes see it; `port` is 0 where nothing there can be dialled.

    Attributes:
        places: where its agent may be found, the most promising first; none: at host and port.
    """

    label: str
    host: str
    port: int
    places: tuple[Place, ...] = ()

    @property
    def ways(self) -> tuple[Place, ...]:
        """All that can be dialled in order to reach it."""
        return self.places or (Place(self.host, self.port),)


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
    """The run has failed because of `node`: every call shall raise NodeLost.

    None: because its nodes wait for each other; every call shall raise Deadlock.
    """

    node: int | None
    why: str


class AskTraffic(NamedTuple):
    """How many bytes has the node received and sent so far? Answered by Traffic."""


class Ask(NamedTuple):
    """How do you stand? To be answered by Standing with the same number."""

    number: int


class Ready(NamedTuple):
    """The node has its ticket and waits for Go."""


class Exits(NamedTuple):
    """The node is about to end by this exit code, should nobody else tell the agent."""

    code: int


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
    """The link to `node`, which this node dialled at `address`, is proven."""

    node: int
    address: str = ""


class LinkDown(NamedTuple):
    """The link to `node` could not be made."""

    node: int
    why: str


class Failed(NamedTuple):
    """The program ended by an exception; `because_of` is the lost node that it names, if any."""

    error: str
    traceback: str
    because_of: int | None


class Envelope(NamedTuple):
    """What a receive asks for: a message space, a node by its id in the world, a tag; -1 is any."""

    space: int
    source: int
    tag: int


class Waiting(NamedTuple):
    """A thread of the node has waited for some time now.

    Attributes:
        serial: which wait this is; each has one of its own.
        operation: the call, in words.
        place: where in the program, as FILE:LINE; empty where that is not known.
        has_deadline: whether the wait ends by itself.
        sources: the nodes, by their ids in the world, that can end it; none: every node can.
        wanted: the message that it waits for, if it waits for one.
        members: the nodes of its communicator, in order; none: all nodes.
    """

    serial: int
    operation: str
    place: str
    waited_s: float
    has_deadline: bool
    sources: tuple[int, ...]
    wanted: Envelope | None
    members: tuple[int, ...]


class Resumed(NamedTuple):
    """That wait is over."""

    serial: int


class Unread(NamedTuple):
    """Messages of one kind that nobody has asked for; `nbytes` of all together."""

    space: int
    source: int
    tag: int
    n_message: int
    nbytes: int


class Standing(NamedTuple):
    """How a node stands: the answer to Ask.

    Attributes:
        is_waiting: every thread of its program waits for other nodes, in a wait that neither a
            clock nor what has arrived will end. All that follows is empty where it is not so.
        serials: of these waits.
        wakers: the nodes that can end one of them, or make the node act inside them; see Waiting.
        wakes_all: every node can.
        arrivals: how many messages have ever come the long way.
        unread_from: the nodes from which something has come that the node will read without ado.
        unsent_to: the nodes that may not have all of what this one has sent.
        held: the nodes from which it reads nothing now, because too much from there lies unread.
        is_linking: a link is being made, or the end of one is not settled.
        unread: what lies unread, the first kinds of it.
    """

    number: int
    is_waiting: bool
    serials: tuple[int, ...] = ()
    wakers: tuple[int, ...] = ()
    wakes_all: bool = False
    arrivals: int = 0
    unread_from: tuple[int, ...] = ()
    unsent_to: tuple[int, ...] = ()
    held: tuple[int, ...] = ()
    is_linking: bool = False
    unread: tuple[Unread, ...] = ()


class Unreceived(NamedTuple):
    """Messages of one kind that came to the node and that nobody received; `nbytes` of all.

    Attributes:
        collective: to which one they belong, in words; empty for messages of the program.
    """

    source: int
    communicator: int
    tag: int
    n_message: int
    nbytes: int
    collective: str


class Undelivered(NamedTuple):
    """Bytes that the node still had for another one when that had finished."""

    dest: int
    nbytes: int


class Unwaited(NamedTuple):
    """Requests of one kind for which nobody waited; `place` is where, if that is known."""

    what: str
    n_request: int
    place: str


class SentFrom(NamedTuple):
    """Where the program sent its latest messages of one kind, the oldest of them first."""

    dest: int
    communicator: int
    tag: int
    places: tuple[str, ...]


class Account(NamedTuple):
    """What the node leaves behind at its end; of `n_message` and `n_request` the first kinds."""

    n_message: int
    unreceived: tuple[Unreceived, ...]
    undelivered: tuple[Undelivered, ...]
    n_request: int
    unwaited: tuple[Unwaited, ...]
    sent: tuple[SentFrom, ...]


class LinkBytes(NamedTuple):
    """The bytes that came from another node and went to it, by the link between the two."""

    node: int
    bytes_in: int
    bytes_out: int


class Tally(NamedTuple):
    """What the node has recorded of itself; `waited_s` of all its threads together."""

    waited_s: float
    links: tuple[LinkBytes, ...]


class Calls(NamedTuple):
    """A part of the calls that the node has recorded (see `recording`), in order.

    Attributes:
        n_dropped: how many more there were, of all parts together.
    """

    n_dropped: int
    records: bytes


TO_NODE = Schema(Ticket, Go, LinkMade, Dial, NoLink, NodeEnded, Abort, Ask, AskTraffic)
TO_AGENT = Schema(
    Ready,
    WritesStacks,
    Traffic,
    WantLink,
    LinkUp,
    LinkDown,
    Failed,
    Waiting,
    Resumed,
    Standing,
    Account,
    Exits,
    Tally,
    Calls,
)
