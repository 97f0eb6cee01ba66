"""Run one Python program on many machines and let its copies talk.

    import distrcomp as dc

    dc.send((dc.node_id + 1) % dc.n_node, {"any": "picklable object"})
    print(dc.recv((dc.node_id - 1) % dc.n_node))

Start it with `distrcomp run -n 4 prog.py`, or by `mpiexec` or `srun` where there is an MPI; started as
plain `python prog.py` it is a world of one.
"""

from __future__ import annotations

import os

from .errors import (
    AlreadyReceived,
    BadTag,
    BadTimeout,
    CallError,
    DistrcompError,
    DoesNotFit,
    InternalError,
    LinkFailed,
    NestedCall,
    NodeLost,
    NoSuchNode,
    OutsideRun,
    ProtocolError,
    RecvTimeout,
    RequestCancelled,
    SendTimeout,
    Undecodable,
    Unpicklable,
    WorldClosed,
)
from .surroundings import mpi_place

TYPE_CHECKING = False  # type checkers know it by its name; `typing` would take most of the import
if TYPE_CHECKING:
    from typing import Any

    from .communicator import Communicator
    from .requests import Request
    from .status import MatchedMessage, Status

__version__ = "0.1.0"

__all__ = [
    "ANY",
    "AlreadyReceived",
    "BadTag",
    "BadTimeout",
    "CallError",
    "Communicator",
    "DistrcompError",
    "DoesNotFit",
    "InternalError",
    "LinkFailed",
    "MatchedMessage",
    "NestedCall",
    "NoSuchNode",
    "NodeLost",
    "OutsideRun",
    "ProtocolError",
    "RecvTimeout",
    "Request",
    "RequestCancelled",
    "SendTimeout",
    "Status",
    "Undecodable",
    "Unpicklable",
    "WorldClosed",
    "close_connection",
    "improbe",
    "iprobe",
    "irecv",
    "isend",
    "issend",
    "mprobe",
    "n_node",
    "node_id",
    "probe",
    "recv",
    "send",
    "sendrecv",
    "setup_connection",
    "ssend",
    "world",
]

ANY = -1
"""Any source or any tag."""

_place = mpi_place(os.environ)
_guard = None
if _place is not None:  # mpiexec or srun has started this process
    from .mpi_guard import install

    _guard = install(_place)  # tells what follows, too, who we are

node_id: int = int(os.environ.get("DISTRCOMP_NODE_ID", "0"))
"""Which of the run's nodes this process is, from 0 (MPI: rank)."""

n_node: int = int(os.environ.get("DISTRCOMP_N_NODE", "1"))
"""How many nodes the run has (MPI: size)."""

if TYPE_CHECKING:
    world: Communicator

# Joining puts the world's own methods in the place of these functions.
_CALLS = (
    "improbe",
    "iprobe",
    "irecv",
    "isend",
    "issend",
    "mprobe",
    "probe",
    "recv",
    "send",
    "sendrecv",
    "ssend",
)

# Loaded when they are named: importing this package must cost next to nothing.
_CLASSES = {
    "Communicator": "communicator",
    "MatchedMessage": "status",
    "Request": "requests",
    "Status": "status",
}


def setup_connection() -> None:
    """Joins the run now; without it the first call does.

    Raises:
        OutsideRun: this process is a child of a node, not a node.

    Example:
        >>> setup_connection()
    """
    _world()


def close_connection() -> None:
    """Ends this node's part in the run, once all it has sent has arrived; exit does it too.

    Calls after it raise WorldClosed; a second one does nothing.
    """
    from .joining import join

    join().close(in_order=True)


def send(dest: int, obj: Any, tag: int = 0) -> None:
    """Sends any picklable object to node `dest`: `Communicator.send` of the world.

    It returns when `obj` may be changed again, be it received or not. There is no time limit: for
    one see `ssend`, or `isend` and `Request.wait`.

    Args:
        dest: a node id.
        obj: numpy arrays travel without a pickle copy.
        tag: from 0 to 2**31-1, to be matched by the receiver.

    Raises:
        NoSuchNode, BadTag, Unpicklable, WorldClosed: the call was wrong; nothing was sent.
        NodeLost, LinkFailed: it can't get there any more.

    Example:
        >>> send(node_id, "to myself")
        >>> recv(node_id)
        'to myself'
    """
    _world().send(dest, obj, tag)


def ssend(dest: int, obj: Any, tag: int = 0, *, timeout: float | None = None) -> None:
    """Sends an object and waits until it is being received: `Communicator.ssend` of the world.

    Example:
        >>> request = irecv(node_id)
        >>> ssend(node_id, "received")
        >>> request.wait()
        'received'
    """
    _world().ssend(dest, obj, tag, timeout=timeout)


def isend(dest: int, obj: Any, tag: int = 0) -> Request:
    """Begins to send an object: `Communicator.isend` of the world.

    Example:
        >>> request = isend(node_id, "on its way")
        >>> recv(node_id)
        'on its way'
        >>> request.wait()
    """
    return _world().isend(dest, obj, tag)


def issend(dest: int, obj: Any, tag: int = 0) -> Request:
    """Begins to send; done when it is being received: `Communicator.issend` of the world.

    Example:
        >>> request = issend(node_id, "asked for?")
        >>> request.test(), recv(node_id), request.test()
        (False, 'asked for?', True)
    """
    return _world().issend(dest, obj, tag)


def recv(
    source: int = ANY,
    tag: int = ANY,
    *,
    timeout: float | None = None,
    out: Any = None,
    status: Status | None = None,
) -> Any:
    """Waits for a message and returns its object: `Communicator.recv` of the world.

    Args:
        source: a node id, or ANY.
        tag: a tag, or ANY.
        timeout: how long to wait, in seconds; None is the run's default.
        out: an array or buffer to receive into.
        status: a Status, to be told source, tag and size.

    Raises:
        RecvTimeout: nothing came in time.
        NodeLost: nothing can come any more.
        NoSuchNode, BadTag, BadTimeout, DoesNotFit, WorldClosed: the call was wrong.
        Undecodable: a message came whole but its object cannot be rebuilt here.

    Example:
        >>> send(node_id, "hello", tag=3)
        >>> recv(tag=3, timeout=1.0)
        'hello'
    """
    return _world().recv(source, tag, timeout=timeout, out=out, status=status)


def irecv(source: int = ANY, tag: int = ANY, *, out: Any = None) -> Request:
    """Begins to receive: `Communicator.irecv` of the world.

    Example:
        >>> request = irecv(node_id, tag=4)
        >>> send(node_id, "later", tag=4)
        >>> request.wait(timeout=1.0), request.status
        ('later', Status(source=0, tag=4, payload_bytes=5))
    """
    return _world().irecv(source, tag, out=out)


def sendrecv(
    dest: int,
    obj: Any,
    source: int = ANY,
    *,
    tag: int = 0,
    recv_tag: int = ANY,
    timeout: float | None = None,
) -> Any:
    """Sends to one node and receives from another at once: `Communicator.sendrecv` of the world.

    Example:
        >>> sendrecv((node_id + 1) % n_node, "round", (node_id - 1) % n_node)
        'round'
    """
    return _world().sendrecv(dest, obj, source, tag=tag, recv_tag=recv_tag, timeout=timeout)


def probe(source: int = ANY, tag: int = ANY, *, timeout: float | None = None) -> Status:
    """Waits for a message without receiving it: `Communicator.probe` of the world.

    Example:
        >>> send(node_id, b"12345", tag=4)
        >>> probe()
        Status(source=0, tag=4, payload_bytes=5)
        >>> recv(tag=4)
        b'12345'
    """
    return _world().probe(source, tag, timeout=timeout)


def iprobe(source: int = ANY, tag: int = ANY) -> Status | None:
    """Looks for a message without waiting: `Communicator.iprobe` of the world.

    Example:
        >>> iprobe() is None
        True
    """
    return _world().iprobe(source, tag)


def mprobe(source: int = ANY, tag: int = ANY, *, timeout: float | None = None) -> MatchedMessage:
    """Waits for a message and reserves it: `Communicator.mprobe` of the world.

    Example:
        >>> send(node_id, "mine", tag=2)
        >>> matched = mprobe()
        >>> matched.status.tag, matched.recv()
        (2, 'mine')
    """
    return _world().mprobe(source, tag, timeout=timeout)


def improbe(source: int = ANY, tag: int = ANY) -> MatchedMessage | None:
    """Reserves a message if there is one: `Communicator.improbe` of the world.

    Example:
        >>> improbe() is None
        True
    """
    return _world().improbe(source, tag)


def _world() -> Communicator:
    from .joining import join

    return join().communicator


def __getattr__(name: str) -> Any:
    if name == "world":
        return _world()
    if name in _CLASSES:
        from importlib import import_module

        found = getattr(import_module(f".{_CLASSES[name]}", __name__), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
