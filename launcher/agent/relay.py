"""What an agent passes on to the launcher of a node's notices, as it is; no I/O."""

from __future__ import annotations

from typing import Any

from distrcomp import notices as n

from ..control import messages as m
from ..control import recordings


def relayed(node: int, notice: Any) -> Any | None:
    """The control message that a notice becomes; None for one that the agent deals with itself."""
    match notice:
        case n.LinkUp(dest, address):
            return m.LinkReady(node, dest, address)
        case n.LinkDown(dest, why):
            return m.LinkFailed(node, dest, why)
        case n.Failed(error, traceback, because_of):
            return m.NodeFailed(node, error, traceback, because_of)
        case n.Waiting():
            return m.NodeWaiting(node, notice)
        case n.Resumed(serial):
            return m.NodeResumed(node, serial)
        case n.Standing():
            return m.NodeStanding(node, notice)
        case n.Account():
            return m.NodeLeaves(node, notice)
        case n.Tally():
            return recordings.NodeTally(node, notice)
        case n.Calls():
            return recordings.NodeCalls(node, notice)
    return None
