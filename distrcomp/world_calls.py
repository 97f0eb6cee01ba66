"""The world's point-to-point calls as functions of the package; see Communicator for all of it.

Joining puts the world's own methods in their place.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in the package: `typing` would take most of the import
if TYPE_CHECKING:
    from typing import Any

    from .communicator import Communicator
    from .requests import Request
    from .status import MatchedMessage, Status

ANY = -1
"""Any source or any tag."""


def world() -> Communicator:
    """The world communicator of this process, joined by the first call."""
    from .joining import join

    return join().communicator


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
        >>> import distrcomp as dc
        >>> dc.send(dc.node_id, "to myself")
        >>> dc.recv(dc.node_id)
        'to myself'
    """
    world().send(dest, obj, tag)


def ssend(dest: int, obj: Any, tag: int = 0, *, timeout: float | None = None) -> None:
    """Sends an object and waits until it is being received: `Communicator.ssend` of the world.

    Example:
        >>> import distrcomp as dc
        >>> request = dc.irecv(dc.node_id)
        >>> dc.ssend(dc.node_id, "received")
        >>> request.wait()
        'received'
    """
    world().ssend(dest, obj, tag, timeout=timeout)


def isend(dest: int, obj: Any, tag: int = 0) -> Request:
    """Begins to send an object: `Communicator.isend` of the world.

    Example:
        >>> import distrcomp as dc
        >>> request = dc.isend(dc.node_id, "on its way")
        >>> dc.recv(dc.node_id)
        'on its way'
        >>> request.wait()
    """
    return world().isend(dest, obj, tag)


def issend(dest: int, obj: Any, tag: int = 0) -> Request:
    """Begins to send; done when it is being received: `Communicator.issend` of the world.

    Example:
        >>> import distrcomp as dc
        >>> request = dc.issend(dc.node_id, "asked for?")
        >>> request.test(), dc.recv(dc.node_id), request.test()
        (False, 'asked for?', True)
    """
    return world().issend(dest, obj, tag)


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
        >>> import distrcomp as dc
        >>> dc.send(dc.node_id, "hello", tag=3)
        >>> dc.recv(tag=3, timeout=1.0)
        'hello'
    """
    return world().recv(source, tag, timeout=timeout, out=out, status=status)


def irecv(source: int = ANY, tag: int = ANY, *, out: Any = None) -> Request:
    """Begins to receive: `Communicator.irecv` of the world.

    Example:
        >>> import distrcomp as dc
        >>> request = dc.irecv(dc.node_id, tag=4)
        >>> dc.send(dc.node_id, "later", tag=4)
        >>> request.wait(timeout=1.0), request.status
        ('later', Status(source=0, tag=4, payload_bytes=5))
    """
    return world().irecv(source, tag, out=out)


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
        >>> import distrcomp as dc
        >>> dc.sendrecv((dc.node_id + 1) % dc.n_node, "round", (dc.node_id - 1) % dc.n_node)
        'round'
    """
    return world().sendrecv(dest, obj, source, tag=tag, recv_tag=recv_tag, timeout=timeout)


def probe(source: int = ANY, tag: int = ANY, *, timeout: float | None = None) -> Status:
    """Waits for a message without receiving it: `Communicator.probe` of the world.

    Example:
        >>> import distrcomp as dc
        >>> dc.send(dc.node_id, b"12345", tag=4)
        >>> dc.probe()
        Status(source=0, tag=4, payload_bytes=5)
        >>> dc.recv(tag=4)
        b'12345'
    """
    return world().probe(source, tag, timeout=timeout)


def iprobe(source: int = ANY, tag: int = ANY) -> Status | None:
    """Looks for a message without waiting: `Communicator.iprobe` of the world.

    Example:
        >>> import distrcomp as dc
        >>> dc.iprobe() is None
        True
    """
    return world().iprobe(source, tag)


def mprobe(source: int = ANY, tag: int = ANY, *, timeout: float | None = None) -> MatchedMessage:
    """Waits for a message and reserves it: `Communicator.mprobe` of the world.

    Example:
        >>> import distrcomp as dc
        >>> dc.send(dc.node_id, "mine", tag=2)
        >>> matched = dc.mprobe()
        >>> matched.status.tag, matched.recv()
        (2, 'mine')
    """
    return world().mprobe(source, tag, timeout=timeout)


def improbe(source: int = ANY, tag: int = ANY) -> MatchedMessage | None:
    """Reserves a message if there is one: `Communicator.improbe` of the world.

    Example:
        >>> import distrcomp as dc
        >>> dc.improbe() is None
        True
    """
    return world().improbe(source, tag)
