"""What an agent tells of the nodes that it runs. Parts of `messages`."""

from __future__ import annotations

from distrcomp.notices import Account, Standing, Waiting

from ..records import record


@record
class NodeFailed:
    """A node's program ended by an exception; `because_of` is the lost node it names, if any."""

    node: int
    error: str
    traceback: str
    because_of: int | None


@record
class NodeWaiting:
    """A thread of a node has waited for other nodes for a while."""

    node: int
    waiting: Waiting


@record
class NodeResumed:
    """That wait is over."""

    node: int
    serial: int


@record
class NodeStanding:
    """How a node stands: the answer to AskNodes."""

    node: int
    standing: Standing


@record
class NodeLeaves:
    """What a node leaves behind at its end, which follows."""

    node: int
    account: Account


@record
class NodeFindings:
    """What is found at a node that did not end well; comes before its NodeExited.

    Attributes:
        at: when it failed, by the agent's monotonic clock (see Pong).
        memory: what speaks for its having been killed for lack of memory; "" if nothing does.
        crash: what Python wrote when it crashed.
    """

    node: int
    at: float
    memory: str
    crash: str


@record
class NodeExited:
    """A node's process has ended, and all its output was sent before this."""

    node: int
    code: int | None
    signal: int | None
