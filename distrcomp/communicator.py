"""A group of nodes with its own message space, and the calls that move objects inside it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from . import codec, framed
from .arguments import seconds
from .errors import InternalError
from .fast_path import IS_COMPILED
from .grids import Grid as Layout
from .grids import make_grid
from .long_path import WORLD
from .mailbox import ANY
from .out import check
from .request_kinds import ReceiveRequest
from .requests import Request
from .services import ServiceCalls
from .status import MatchedMessage, Status
from .targets import target_of


class Communicator(ServiceCalls):
    """The nodes that can talk to each other here; the world holds all of the run.

    Attributes:
        node_id: this node's id, from 0 to `n_node` - 1 (MPI: rank).
        n_node: how many nodes there are (MPI: size).
        members: their ids in the world, in order.
    """

    __slots__ = ()

    if IS_COMPILED:
        send, recv = framed.send, framed.recv

    def __repr__(self) -> str:
        kind = "Communicator world" if self._number == WORLD else "Communicator"
        return f"<{kind}: {self._place()}>"

    def _place(self) -> str:
        """Which of its nodes this one is."""
        if self._is_freed:
            return "freed"
        here, _, elsewhere = self._name(self.node_id).partition(" (")
        return f"{here} of {self.n_node}{elsewhere and f' ({elsewhere}'}"

    def _of(self, number: int, members: tuple[int, ...]) -> Communicator:
        return Communicator(self._engine, number, members, self._timeout)

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
        return self._send_request(self._post(dest, tag, codec.encode(obj)), tag)

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
        return self._send_request(self._post(dest, tag, codec.encode(obj), synchronous=True), tag)

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
        check(out)
        if out is not None:
            wanted.target = target_of(out)
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

    def grid(self, shape: Sequence[int], closed: bool | Sequence[bool] = False) -> Grid | None:
        """These nodes on a grid, as a communicator of its own; all must call it (MPI-4.1, 8.5.1).

        Args:
            shape: how many nodes along each axis; zeros are chosen to be as even as can be.
            closed: which axes are closed to a ring: one truth for all, or one for each.

        Returns:
            The communicator, or None on the nodes that are left over.

        Raises:
            CallError: there are not so many nodes.

        Example:
            >>> import distrcomp as dc
            >>> grid = dc.world.grid((0, 0), closed=True)
            >>> grid.coords, grid.shift(axis=0)
            ((0, 0), (0, 0))
            >>> grid.free()
        """
        layout = make_grid(self.n_node, shape, closed)
        made = self.create(range(layout.size))
        return None if made is None else Grid.of(made, layout)


class Grid(Communicator):
    """Nodes on a grid, from `Communicator.grid`; row by row in the order of their ids.

    Attributes:
        layout: its shape, which axes are closed, and who lies where.
    """

    __slots__ = ("layout",)

    layout: Layout

    @staticmethod
    def of(communicator: Communicator, layout: Layout) -> Grid:
        """The nodes of a communicator on a grid; it takes the communicator's place."""
        made = Grid(
            communicator._engine, communicator._number, communicator.members, communicator._timeout
        )
        made.layout = layout
        return made

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.layout.shape))
        return f"<Grid {shape}: {self._place()}, at {self.coords}>"

    @property
    def coords(self) -> tuple[int, ...]:
        """Where this node lies."""
        return self.layout.coords(self.node_id)

    def shift(self, axis: int, steps: int = 1) -> tuple[int | None, int | None]:
        """From whom this node receives and to whom it sends when all shift data along an axis.

        None stands for nobody, beyond the end of an axis that is not closed (MPI-4.1, 8.5.6).
        """
        return self.layout.shift(self.node_id, axis, steps)

    def sub(self, keep: Sequence[int]) -> Grid:
        """The grid of the nodes that agree with this one in all axes but `keep` (MPI-4.1, 8.5.7).

        Args:
            keep: the axes that it has, by number. All nodes must call it with the same ones.
        """
        stays = [axis in keep for axis in range(len(self.layout.shape))]
        which, where = self.layout.place_in_sub(self.node_id, stays)
        made = self.split(which, where)
        if made is None:
            raise InternalError("a part of a grid was made without a node that is in it")
        return Grid.of(made, self.layout.sub(stays))

    def dup(self) -> Grid:
        """The same nodes on the same grid, with a message space of their own."""
        return Grid.of(super().dup(), self.layout)


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
            Undecodable: a message came whole but its object cannot be rebuilt here; it is gone.
                Where only memory is short that is Python's MemoryError.

        Example:
            >>> import distrcomp as dc
            >>> dc.send(dc.node_id, [1, 2, 3], tag=7)
            >>> dc.recv(dc.node_id, tag=7, timeout=1.0)
            [1, 2, 3]
        """

# What Python says of wrong arguments names the call as the program knows it.
Communicator.send.__qualname__ = "Communicator.send"
Communicator.recv.__qualname__ = "Communicator.recv"
