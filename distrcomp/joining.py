"""Joins this process to its run: ticket, links, world communicator.

A process is one of four things. A node: its agent has left it a control socket, whose descriptor
DISTRCOMP_CONTROL_FD names; joining takes the variable away, so only this process is the node. A
node of an MPI job: mpiexec or srun has started it, and its links are MPI's (see mpi_joining). A
world of one: started as plain `python prog.py`. Outside: a child of a node, forked or started by
it; what it would send could not be told from its parent's words, so every call raises OutsideRun.

(The module is not called `world`: importing it would then put itself in the place of `dc.world`.)
"""

from __future__ import annotations

import atexit
import os
import socket
import sys
import threading
from functools import partial
from typing import Any, cast

from .accounts import Trace
from .collective_end import mismatch_left
from .communicator import Communicator
from .control import Control, NoticeSocket
from .cores import have_a_core_each
from .engine import Engine
from .errors import CollectiveMismatch, OutsideRun
from .interrupts import put_off_handlers
from .links.local import Neighbours
from .notices import Ready, Ticket, WritesStacks
from .progress import Progress
from .requests import Request
from .stacks import StackWriter

_CLOSED = (
    "the program has closed descriptors that it had not opened: what it sent last may be lost, and "
    "nobody learns what it left unread"
)


class World:
    """This process as a member of its run.

    Args:
        descriptor: of the control socket that an agent has left.
        mpi_place: node id and number of nodes in an MPI job.

    Attributes:
        communicator: the world communicator.
        control: the control thread; None where no agent has started this process.
        notices: the agent's ear; None there.
        stacks: where the agent reads where this node is; None where it has given no file.
        job: the MPI job, if this is one.
    """

    def __init__(self, descriptor: int | None, mpi_place: tuple[int, int] | None = None) -> None:
        self.control: Control | None = None
        self.notices: NoticeSocket | None = None
        self.stacks: StackWriter | None = None
        self.job: Any = None  # its module is loaded where there is one
        if mpi_place is not None:
            from .mpi_joining import Job

            self.job = Job(*mpi_place)
            engine: Engine = self.job.engine
        elif descriptor is None:
            engine = Engine((0, 1), lambda _: "localhost", lambda _: None, lambda: None)
            engine.is_alone = True
            engine.waits.folder = os.path.join(os.getcwd(), "")
        else:
            os.set_inheritable(descriptor, False)
            self.notices = NoticeSocket(socket.socket(fileno=descriptor))
            engine = self._take_ticket(self.notices)
        self._engine = engine
        engine.sends_synchronously = "DISTRCOMP_STRICT_SENDS" in os.environ
        if "DISTRCOMP_DEBUG" in os.environ:
            engine.trace = Trace(os.getcwd())
        self._recording: Any = None  # its module is loaded where something is recorded
        if self.notices is not None and "DISTRCOMP_RECORD" in os.environ:
            from .recording import Recording

            self._recording = Recording(os.environ["DISTRCOMP_RECORD"], engine)
        self.communicator = Communicator(engine, timeout=_default_timeout())
        os.register_at_fork(after_in_child=self._disown)
        atexit.register(self.end)
        put_off_handlers(engine.signals.arrive)

    def close(self, in_order: bool) -> None:
        """Ends this node's part in the run; `in_order` is False after a failure."""
        notices, recording = self.notices, self._recording
        self._recording = None
        self._engine.signals.hear()
        if self._engine.close(in_order, hears_out=notices is not None) and in_order and notices:
            account = self._engine.account(self._is_forsaken)
            if any(account):
                notices.send(account)
        if notices and recording:
            recording.tell(notices.send)
        if self.job is not None:
            self.job.close()

    def mismatch_left(self, is_last: bool) -> CollectiveMismatch | None:
        """What nobody was told of so far; `is_last`: this node makes no call any more."""
        return mismatch_left(self._engine, is_last) if self._engine.is_whole else None

    def end(self) -> None:
        """At exit: ends this node's part in order, and its part in its MPI job."""
        mismatch = self.mismatch_left(is_last=True)
        if mismatch is not None:
            sys.stderr.write(f"distrcomp: {mismatch}\n")
        if not self._engine.is_whole:
            sys.stderr.write(f"distrcomp: {_CLOSED}\n")
        self.close(in_order=True)
        if self.job is not None:
            self.job.end()

    def fail(self, code: int, why: str) -> None:
        """Ends this node's part after a failure; an MPI job ends with it, by this exit code."""
        self.close(in_order=False)
        if self.job is not None:
            self.job.fail(code, why)

    def _is_forsaken(self, living: object) -> bool:
        is_one = issubclass(type(living), Request)  # what it says of itself may be a proxy's answer
        return is_one and cast(Request, living).is_forsaken_in(self._engine)

    def _take_ticket(self, notices: NoticeSocket) -> Engine:
        try:
            ticket = notices.receive()
        except EOFError:
            raise OutsideRun("the agent that started this node has vanished") from None
        if not isinstance(ticket, Ticket):
            raise OutsideRun(f"the agent began with {type(ticket).__name__}, not with the ticket")
        for descriptor in (ticket.segment, *ticket.doorbells):
            if descriptor >= 0:
                os.set_inheritable(descriptor, False)
        control = Control(notices, ticket)
        nodes = ticket.local_nodes
        neighbours: Neighbours | None = None
        spins = have_a_core_each(len(nodes))
        if ticket.segment >= 0:
            here = nodes.index(ticket.node_id)
            neighbours = Neighbours(ticket.segment, nodes, here, ticket.doorbells, spins)
        engine = Engine(
            (ticket.node_id, ticket.n_node),
            ticket.label,
            control.want_link,
            control.wake,
            partial(Progress, neighbours=neighbours, spins=spins),
        )
        control.start(engine)
        self.control = control
        if ticket.stacks >= 0:
            self.stacks = StackWriter(ticket.stacks)
            notices.send(WritesStacks(self.stacks.signal))
        notices.send(Ready())
        return engine

    def _disown(self) -> None:
        """In a forked child."""
        if self.job is not None:
            self.job.disown()
        self._engine.disown(
            OutsideRun("this process was forked from a node and is not a node itself")
        )
        if self.control is not None:
            self.control.disown()
        if self.stacks is not None:
            self.stacks.disown()


def _default_timeout() -> float | None:
    """What `--recv-timeout` of the run says, in seconds."""
    text = os.environ.get("DISTRCOMP_RECV_TIMEOUT")
    return None if text is None else float(text)


_lock = threading.Lock()
_world: World | None = None


def _shorten(communicator: Communicator) -> None:
    """Makes the world's calls the package's own, so that `dc.send` is one call and not two."""
    package = sys.modules[__package__]
    for name in package._CALLS:
        setattr(package, name, getattr(communicator, name))


def join() -> World:
    """The world of this process, joined by the first call.

    Raises:
        OutsideRun: the process is a child of a node.
    """
    global _world
    with _lock:
        if _world is None:
            descriptor = os.environ.pop("DISTRCOMP_CONTROL_FD", None)
            guard = sys.modules[__package__]._guard
            if descriptor is None and guard is not None and guard.is_here():
                _world = World(None, (guard.node_id, guard.n_node))
            elif descriptor is None and "DISTRCOMP_NODE_ID" in os.environ:
                raise OutsideRun(
                    f"this process was started by node {os.environ['DISTRCOMP_NODE_ID']} "
                    "and is not a node itself"
                )
            else:
                _world = World(None if descriptor is None else int(descriptor))
            _shorten(_world.communicator)
        return _world


def joined() -> World | None:
    """The world of this process, if it has joined one."""
    return _world
