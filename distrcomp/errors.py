"""Every exception a program can meet, in one tree; the class says whose fault it was.

DistrcompError
├── CallError            your call
│   ├── NoSuchNode       a node id outside the communicator
│   ├── BadTag           a tag outside 0 … 2**31-1
│   ├── Unpicklable      an object that cannot travel
│   ├── BadTimeout       a time to wait that is no number of seconds
│   ├── DoesNotFit       a message that is not what `out` has room for
│   ├── RequestCancelled  a request that was taken back
│   ├── AlreadyReceived  a message that was received before
│   ├── Truncated        a raw message longer than the memory that it was to go into
│   ├── CommunicatorFreed  a call on a communicator after its `free`
│   ├── CollectiveMismatch  nodes of a communicator that are in different collectives
│   ├── NestedCall       a call from a signal handler that has cut into another one
│   ├── WorldClosed      a call after the end of the world
│   └── OutsideRun       a process that is not itself a node
├── RecvTimeout          nothing came in time
├── SendTimeout          nobody took it in time
├── NodeLost             another node's end
├── Deadlock             nodes that wait for each other
├── LinkFailed           the network
├── Undecodable          an object that arrived and could not be rebuilt
├── ProtocolError        bytes that no distrcomp sends
└── InternalError        our bug
"""

from __future__ import annotations


class DistrcompError(Exception):
    """Base of every exception that distrcomp raises."""


class CallError(DistrcompError):
    """The call itself was wrong; the run is intact."""


class NoSuchNode(CallError, LookupError):
    """A node id that the communicator does not have."""

    def __init__(self, node: object, n_node: int) -> None:
        self.node = node
        self.n_node = n_node
        if n_node > 1:
            advice = f"node ids are 0 to {n_node - 1}"
        else:
            advice = "the only one is 0; `distrcomp run -n N` starts more"
        if node is None:
            advice += "; None is what a grid's shift gives beyond an open end"
        super().__init__(f"there is no node {node!r} here: {advice}")


class BadTag(CallError, ValueError):
    """A tag that is not an integer from 0 to 2**31-1."""


class Unpicklable(CallError, TypeError):
    """An object that neither pickle nor cloudpickle can take; no byte of it was sent."""


class BadTimeout(CallError, ValueError):
    """A timeout that is not a number of seconds, 0 or more."""


class DoesNotFit(CallError, ValueError):
    """The message is not of the kind and size that `out` has room for; it stays unread."""


class RequestCancelled(CallError):
    """A request that was cancelled has no result."""


class AlreadyReceived(CallError):
    """What was asked for was returned before."""


class Truncated(CallError, ValueError):
    """A raw message is longer than the memory given for it; the memory holds its beginning."""

    def __init__(
        self, source: int, tag: int, nbytes: int, room: int, name: str | None = None
    ) -> None:
        self.source = source
        self.tag = tag
        self.nbytes = nbytes
        self.room = room
        super().__init__(
            f"a message of {nbytes} bytes came from {name or f'node {source}'} with tag {tag}; "
            f"there is room for {room}"
        )


class CommunicatorFreed(CallError):
    """A call on a communicator after `free()`."""


class CollectiveMismatch(CallError):
    """The nodes of a communicator have come into different collectives, or with other roots."""


class NestedCall(CallError):
    """A signal handler or a finalizer made it while its thread was inside another call."""


class WorldClosed(CallError):
    """A call after `close_connection()`."""


class OutsideRun(CallError):
    """This process is not a node: a forked child or a subprocess of one."""


class RecvTimeout(DistrcompError, TimeoutError):
    """`recv` waited for its whole timeout; says what was awaited and what lies unmatched.

    A collective says `whom` it has waited for.
    """

    def __init__(self, awaited: str, timeout_s: float, unmatched: str, whom: str = "") -> None:
        self.awaited = awaited
        self.timeout_s = timeout_s
        self.unmatched = unmatched
        told = f"{awaited}: nothing came in {timeout_s:g} s; {unmatched}"
        if whom:
            has = "has" if whom.startswith("node ") else "have"
            told = f"{awaited} waited {timeout_s:g} s for {whom}, which {has} not come"
        super().__init__(told)


class SendTimeout(DistrcompError, TimeoutError):
    """A send was not done in its whole timeout; it goes on.

    Args:
        dest: whom it is for, by its id in the world.
        name: what it is called where the call was made.
    """

    def __init__(self, dest: int, timeout_s: float, name: str | None = None) -> None:
        self.dest = dest
        self.timeout_s = timeout_s
        whom = name or f"node {dest}"
        super().__init__(f"send to {whom}: not done in {timeout_s:g} s; it goes on")


class NodeLost(DistrcompError, ConnectionError):
    """Another node has ended, so what this call waits for cannot happen.

    Args:
        node: which one, by its id in the world.
        peer: on which it ran.
        why: how it ended.
        name: what it is called where it is missed.
    """

    def __init__(self, node: int, peer: str, why: str, name: str | None = None) -> None:
        self.node = node
        self.peer = peer
        self.why = why
        super().__init__(f"{name or f'node {node}'} on {peer} is gone: {why}")


class Deadlock(DistrcompError):
    """Nodes of the run wait for each other and no message is on its way, so none can go on.

    The report of the run says who waits where, and for whom.
    """


class LinkFailed(DistrcompError, ConnectionError):
    """A connection to another node could not be made.

    Attributes:
        node: that node, by its id in the world, where the call knows it.
    """

    def __init__(self, message: str = "", node: int | None = None) -> None:
        self.node = node
        super().__init__(message)


class Undecodable(DistrcompError):
    """A message arrived whole but its object could not be rebuilt here."""


class ProtocolError(DistrcompError):
    """The bytes received are not what distrcomp sends; the connection is of no more use."""


class InternalError(DistrcompError):
    """A state that distrcomp holds to be impossible: please report it."""
