"""A group of nodes with its own message space, and the calls that move objects inside it."""

from __future__ import annotations

from operator import index
from typing import Any

from . import codec, limits
from .engine import Engine
from .errors import BadTag, NoSuchNode
from .mailbox import ANY, awaited

WORLD = 0


class Communicator:
    """The nodes that can talk to each other here; the world holds all of the run.

    Attributes:
        node_id: this node's id, from 0 to `n_node` - 1 (MPI: rank).
        n_node: how many nodes there are (MPI: size).
    """

    def __init__(self, engine: Engine, number: int = WORLD) -> None:
        self.node_id = engine.node_id
        self.n_node = engine.n_node
        self._engine = engine
        self._number = number

    def send(self, dest: int, obj: Any, tag: int = 0) -> None:
        """Sends `obj` to node `dest`; returns when `obj` may be changed again.

        Standard mode (MPI-4.1, 3.4): the call returns once the object is in the kernel or in a
        buffer of up to 64 MiB per destination; beyond that it waits for the receiver, and goes on
        receiving meanwhile, so two nodes that send each other large objects both finish. Two
        messages from one node with one tag never overtake each other.

        Args:
            dest: a node id; sending to oneself works.
            obj: any picklable object; numpy arrays travel without a pickle copy.
            tag: from 0 to 2**31-1, to be matched by the receiver.

        Raises:
            NoSuchNode, BadTag, Unpicklable, WorldClosed: the call was wrong; nothing was sent.
            NodeLost: `dest`, or the node that made the run fail, has ended.
            LinkFailed: the machine of `dest` could not be reached.

        Example:
            >>> import distrcomp as dc
            >>> dc.send(dc.node_id, {"any": "object"})
            >>> dc.recv(dc.node_id)
            {'any': 'object'}
        """
        self._engine.send(self._node(dest), self._number, _tag(tag), obj)

    def recv(self, source: int = ANY, tag: int = ANY, *, timeout: float | None = None) -> Any:
        """Waits for a message and returns its object, which is the caller's own and writable.

        Matching is MPI's (MPI-4.1, 3.5): among the messages that fit, the oldest.

        Args:
            source: a node id, or ANY (-1).
            tag: a tag, or ANY (-1).
            timeout: how long to wait, in seconds; None waits as long as a message can still come.

        Raises:
            RecvTimeout: nothing came in time; says what lies unread.
            NodeLost: the source has ended, or the run has failed: nothing can come any more.
            NoSuchNode, BadTag, WorldClosed: the call was wrong.
            Undecodable: a message came whole but its object cannot be rebuilt here.

        Example:
            >>> import distrcomp as dc
            >>> dc.send(dc.node_id, [1, 2, 3], tag=7)
            >>> dc.recv(dc.node_id, tag=7, timeout=1.0)
            [1, 2, 3]
        """
        whom = ANY if source == ANY else self._node(source)
        what = ANY if tag == ANY else _tag(tag)
        try:
            message = self._engine.receive(self._number, whom, what, timeout)
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(f"in {awaited(whom, what)}")
            raise
        return codec.decode(message.codec, message.meta, message.buffers)

    def _node(self, node: int) -> int:
        try:
            number = index(node)
        except TypeError:
            raise NoSuchNode(node, self.n_node) from None
        if not 0 <= number < self.n_node:
            raise NoSuchNode(node, self.n_node)
        return number


def _tag(tag: int) -> int:
    try:
        number = index(tag)
    except TypeError:
        number = -1
    if not 0 <= number <= limits.TAG_MAX:
        raise BadTag(f"{tag!r} is no tag: tags are integers from 0 to {limits.TAG_MAX}")
    return number
