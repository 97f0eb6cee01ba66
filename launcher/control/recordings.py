"""What a run records of its nodes, where its launcher asked for it. Parts of `messages`.

All come from an agent. What is to be recorded stands in one variable of the nodes' environment,
RECORD_VARIABLE, which agent and node both read: `tally`, or `calls:N` for N calls as well.
"""

from __future__ import annotations

from distrcomp.notices import Calls, Tally

from ..records import record

RECORD_VARIABLE = "DISTRCOMP_RECORD"


@record
class NodeSample:
    """What a node has used so far, at a moment of the agent's monotonic clock."""

    node: int
    at: float
    cpu_s: float
    memory_bytes: int


@record
class NodeUsed:
    """What a node has used in all, by the kernel's account; comes before its NodeExited."""

    node: int
    cpu_s: float
    peak_bytes: int


@record
class NodeTally:
    """What a node says at its end of its waits and its links."""

    node: int
    tally: Tally


@record
class NodeCalls:
    """A part of the calls that a node has recorded."""

    node: int
    calls: Calls


FROM_AGENT = (NodeSample, NodeUsed, NodeTally, NodeCalls)
