"""A group of nodes with its own message space, and the calls that move objects inside it."""

from __future__ import annotations

from functools import partial
from operator import index
from time import monotonic
from typing import Any

from . import codec, framed
from .engine import Engine, Sending
from .errors import DoesNotFit, InternalError, NoSuchNode, SendTimeout
from .fast_path import IS_COMPILED, FastPath
from .frames import Message
from .link_path import tag_number
from .mailbox import ANY, Receive, awaited
from .out import fill
from .requests import MatchedMessage, ReceiveRequest, Request, SendRequest, Status, seconds

WORLD = 0


class Communicator(FastPath):
    """The nodes that can talk to each other here; the world holds all of the run.

    Attributes:
        node_id: this node's id, from 0 to `n_node` - 1 (MPI: rank).
        n_node: how many nodes there are (MPI: size).

    Args:
        engine: of this process.
        number: tells the message spaces of communicators apart.
        members: the world's ids of its nodes, in order; all nodes by default.
        timeout: the run's default for every wait for a message, in seconds.
    """

    __slots__ = ("_ids", "_timeout", "n_node", "node_id")

    if IS_COMPILED:
        send, recv = framed.send, framed.recv

    def __init__(
        self,
        engine: Engine,
        number: int = WORLD,
        members: tuple[int, ...] | None = None,
        timeout: float | None = None,
    ) -> None:
        nodes = range(engine.n_node) if members is None else members
        super().__init__(engine, number, nodes)
        self.n_node = len(nodes)
        self.node_id = nodes.index(engine.node_id)
        self._ids = {member: node for node, member in enumerate(nodes)}
        self._timeout = timeout

    def ssend(self, dest: int, obj: Any, tag: int = 0, *, timeout: float | None = None) -> None:
        """Sends `obj` and returns when a receive was matched with it.

        Synchronous mode (MPI-4.1, 3.4). Otherwise like `send`.

        Args:
            timeout: seconds to wait for the match.

        Raises:
            SendTimeout: nobody has asked for the message in time; it stays sent.

        Example:
            >>> import distrcomp as dc
            >>> request = dc.irecv(dc.node_id)
            >>> dc.ssend(dc.node_id, "received")
            >>> request.wait()
            'received'
        """
        limit = seconds(timeout)
        self._finish(self._post(dest, tag, codec.encode(obj), synchronous=True), limit)

    def isend(self, dest: int, obj: Any, tag: int = 0) -> Request:
        """Begins to send `obj`, which must not be changed before the request is done.

        Raises:
            NoSuchNode, BadTag, Unpicklable, WorldClosed, NodeLost, LinkFailed: as `send`.

        Example:
            >>> import distrcomp as dc
            >>> request = dc.isend(dc.node_id, [1, 2])
            >>> dc.recv()
            [1, 2]
            >>> request.wait()
        """
        return self._send_request(self._post(dest, tag, codec.encode(obj)))

    def issend(self, dest: int, obj: Any, tag: int = 0) -> Request:
        """Begins to send `obj`; the request is done when a receive was matched with it.

        Example:
            >>> import distrcomp as dc
            >>> request = dc.issend(dc.node_id, "x")
            >>> request.test()
            False
            >>> dc.recv()
            'x'
            >>> request.test()
            True
        """
        return self._send_request(self._post(dest, tag, codec.encode(obj), synchronous=True))

    def irecv(self, source: int = ANY, tag: int = ANY, *, out: Any = None) -> Request:
        """Begins to receive: the next message that fits belongs to the request.

        Args:
            source, tag, out: as `recv`.

        Example:
            >>> import distrcomp as dc
            >>> request = dc.irecv(dc.node_id, tag=1)
            >>> dc.send(dc.node_id, "one", tag=1)
            >>> request.wait(timeout=1.0)
            'one'
        """
        wanted = self._wanted(source, tag)
        self._engine.post_receive(wanted)
        if self._gate.interrupted:
            self._engine.withdraw_interrupted(wanted)
        take = partial(self._open, out=out)
        return ReceiveRequest(self._engine, wanted, take, self._status_of, self._timeout)

    def sendrecv(
        self,
        dest: int,
        obj: Any,
        source: int = ANY,
        *,
        tag: int = 0,
        recv_tag: int = ANY,
        timeout: float | None = None,
    ) -> Any:
        """Sends to one node and receives from another at once, so a ring of these can't lock up.

        Semantics: MPI-4.1, 3.10.

        Args:
            dest, obj, tag: what is sent, as `send`.
            source, recv_tag, timeout: what is received, as `recv`.

        Example:
            >>> import distrcomp as dc
            >>> dc.sendrecv(dc.node_id, "round", dc.node_id)
            'round'
        """
        wanted = self._wanted(source, recv_tag)
        limit = self._time(timeout)
        sending = self._post(dest, tag, codec.encode(obj))
        try:
            self._engine.receive(wanted, limit)
            self._engine.finish(sending)
        except BaseException:
            self._engine.let_go(sending)
            self._engine.withdraw(wanted)
            raise
        return self._take(wanted, None, None)

    def probe(self, source: int = ANY, tag: int = ANY, *, timeout: float | None = None) -> Status:
        """Waits for a message without receiving it, and tells what it is like.

        Semantics: MPI-4.1, 3.8.1. With several threads another one may receive it: see `mprobe`.

        Raises:
            RecvTimeout, NodeLost, NoSuchNode, BadTag, WorldClosed: as `recv`.

        Example:
            >>> import distrcomp as dc
            >>> dc.send(dc.node_id, b"12345", tag=4)
            >>> dc.probe()
            Status(source=0, tag=4, payload_bytes=5)
            >>> dc.recv(tag=4)
            b'12345'
        """
        message = self._engine.find(self._wanted(source, tag), self._time(timeout))
        self._engine.check_interrupt()
        return self._status(message)

    def iprobe(self, source: int = ANY, tag: int = ANY) -> Status | None:
        """What the message is like that `recv` would return now, or None if it would wait.

        Example:
            >>> import distrcomp as dc
            >>> dc.iprobe() is None
            True
        """
        message = self._engine.look_for(self._wanted(source, tag))
        self._engine.check_interrupt()
        return None if message is None else self._status(message)

    def mprobe(
        self, source: int = ANY, tag: int = ANY, *, timeout: float | None = None
    ) -> MatchedMessage:
        """Waits for a message and takes it: only the result's own `recv` can receive it now.

        Semantics: MPI-4.1, 3.8.2.

        Raises:
            RecvTimeout, NodeLost, NoSuchNode, BadTag, WorldClosed: as `recv`.

        Example:
            >>> import distrcomp as dc
            >>> dc.send(dc.node_id, "mine", tag=2)
            >>> matched = dc.mprobe()
            >>> matched.status.tag, matched.recv()
            (2, 'mine')
        """
        wanted = self._wanted(source, tag)
        self._engine.receive(wanted, self._time(timeout))
        return self._matched(wanted)

    def improbe(self, source: int = ANY, tag: int = ANY) -> MatchedMessage | None:
        """Takes the message that `recv` would return now, if there is one; see `mprobe`.

        Example:
            >>> import distrcomp as dc
            >>> dc.improbe() is None
            True
        """
        wanted = self._wanted(source, tag)
        if self._engine.look_for(wanted, take=True) is None:
            return None
        return self._matched(wanted)

    # --- the long way, which can do everything -----------------------------------------------

    def _send_long(self, dest: int, tag: int, encoded: codec.Encoded) -> None:
        self._finish(self._post(dest, tag, encoded))
        self._know(dest)

    def _recv_slow(
        self, source: int, tag: int, timeout: float | None, out: Any, status: Status | None
    ) -> Any:
        wanted = self._wanted(source, tag)
        try:
            self._engine.receive(wanted, self._time(timeout))
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(f"in {awaited(wanted.source, wanted.tag)}")
            raise
        if wanted.source != ANY:
            self._know(source)
        return self._take(wanted, out, status)

    def _post(
        self, dest: int, tag: int, encoded: codec.Encoded, synchronous: bool = False
    ) -> Sending:
        kind, meta, buffers = encoded
        message = Message(self._engine.node_id, tag_number(tag), self._number, kind, meta, buffers)
        return self._engine.send(self._members[self._node(dest)], message, synchronous)

    def _finish(self, sending: Sending, timeout: float | None = None) -> None:
        """Waits for the end of a send; after it, however it ends, the object may be changed."""
        try:
            deadline = None if timeout is None else monotonic() + timeout
            if not self._engine.finish(sending, deadline):
                raise SendTimeout(sending.dest, timeout or 0.0)
            if self._gate.interrupted:
                self._engine.check_interrupt()
        except BaseException:
            self._engine.let_go(sending)
            raise

    def _send_request(self, sending: Sending) -> Request:
        if self._gate.interrupted:
            self._engine.let_go(sending)
            self._engine.check_interrupt()
        self._engine.flush_later()
        return SendRequest(self._engine, sending)

    def _take(self, wanted: Receive, out: Any, status: Status | None) -> Any:
        """What the caller gets for the message matched with `wanted`, which is unread if none."""
        try:
            value = self._open(wanted, out)
            if status is not None:
                there = self._status_of(wanted)
                status.source, status.tag = there.source, there.tag
                status.payload_bytes = there.payload_bytes
            if self._gate.interrupted:
                self._engine.check_interrupt()
        except (DoesNotFit, KeyboardInterrupt):
            self._engine.withdraw(wanted)
            raise
        return value

    def _open(self, wanted: Receive, out: Any) -> Any:
        message = _matched(wanted)
        value = codec.decode(message.codec, message.meta, message.buffers)
        return value if out is None else fill(out, value)

    def _matched(self, wanted: Receive) -> MatchedMessage:
        status = self._status_of(wanted)
        if self._gate.interrupted:
            self._engine.withdraw_interrupted(wanted)
        return MatchedMessage(self._engine, status, partial(self._open, wanted))

    def _status_of(self, wanted: Receive) -> Status:
        return self._status(_matched(wanted))

    def _status(self, message: Message) -> Status:
        return Status(self._ids[message.source], message.tag, message.payload_bytes)

    def _wanted(self, source: int, tag: int) -> Receive:
        whom = ANY if source == ANY else self._members[self._node(source)]
        return Receive(self._number, whom, ANY if tag == ANY else tag_number(tag))

    def _node(self, node: int) -> int:
        try:
            number = index(node)
        except TypeError:
            raise NoSuchNode(node, self.n_node) from None
        if not 0 <= number < self.n_node:
            raise NoSuchNode(node, self.n_node)
        return number

    def _time(self, timeout: float | None) -> float | None:
        """A timeout in seconds as given, or else the run's default."""
        return self._timeout if timeout is None else seconds(timeout)


Communicator.send.__doc__ = """Sends `obj` to node `dest`; returns when `obj` may be changed again.

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

Communicator.recv.__doc__ = """Waits for a message, returns its object, the caller's and writable.

        Matching is MPI's (MPI-4.1, 3.5): among the messages that fit, the oldest.

        Args:
            source: a node id, or ANY (-1).
            tag: a tag, or ANY (-1).
            timeout: how long to wait, in seconds; None is the run's default, which `--recv-timeout`
                sets; without it, and with math.inf, as long as a message can still come.
            out: a numpy array, or a writable buffer, to receive an array of its dtype and shape, or
                bytes of its length, into; it is what the call returns then.
            status: a Status, to be told source, tag and size of the message.

        Raises:
            RecvTimeout: nothing came in time; says what lies unread.
            NodeLost: the source has ended, or the run has failed: nothing can come any more.
            NoSuchNode, BadTag, BadTimeout, WorldClosed: the call was wrong.
            DoesNotFit: the message is not what `out` has room for; it is unread still.
            Undecodable: a message came whole but its object cannot be rebuilt here.

        Example:
            >>> import distrcomp as dc
            >>> dc.send(dc.node_id, [1, 2, 3], tag=7)
            >>> dc.recv(dc.node_id, tag=7, timeout=1.0)
            [1, 2, 3]
        """


def _matched(wanted: Receive) -> Message:
    if wanted.message is None:
        raise InternalError("a receive is over that was never matched")
    return wanted.message
