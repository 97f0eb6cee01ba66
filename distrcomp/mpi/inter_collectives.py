"""The collectives on objects between two groups (MPI-4.1, 6.2.3).

Each node gives to and takes from nodes of the other group directly. With a root the others of its
group pass PROC_NULL and do nothing; they don't even know who it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..collectives import (
    ALLGATHER,
    ALLREDUCE,
    ALLTOALL,
    BCAST,
    GATHER,
    REDUCE,
    SCATTER,
    Algorithm,
    Port,
)
from . import buffer_plans
from .collective_base import CollectiveBase
from .object_collectives import opened, packed, packed_items
from .object_operations import operation
from .op import SUM, Op
from .reduction_plans import together


class InterCollectives(CollectiveBase):
    """Collectives on objects, of communicators of two groups."""

    def barrier(self) -> None:
        """Wait for all nodes of both groups."""
        self._run(buffer_plans.barrier())

    def bcast(self, obj: Any, root: int = 0) -> Any:
        """Give the root's object to all of the other group; None in the root's."""
        who = self._side.root(root)
        value = packed(obj) if who.is_root else None
        sends = [(peer, value) for peer in self._side.peers] if who.is_root else ()
        values = self._trade(BCAST, sends, _one(who.node, who.is_peer))
        return values[0] if who.is_peer else None

    def gather(self, sendobj: Any, root: int = 0) -> list[Any] | None:
        """Gather the objects of the other group at the root; None elsewhere."""
        who = self._side.root(root)
        sends = [(node, packed(sendobj)) for node in _one(who.node, who.is_peer)]
        values = self._trade(GATHER, sends, self._side.peers if who.is_root else ())
        return values if who.is_root else None

    def scatter(self, sendobj: Iterable[Any] | None, root: int = 0) -> Any:
        """Give each node of the other group an item of the root's sequence."""
        side = self._side
        who = side.root(root)
        items = packed_items(sendobj, len(side.peers)) if who.is_root else ()
        sends = list(zip(side.peers, items, strict=True)) if who.is_root else ()
        values = self._trade(SCATTER, sends, _one(who.node, who.is_peer))
        return values[0] if who.is_peer else None

    def allgather(self, sendobj: Any) -> list[Any]:
        """Gather the objects of the other group."""
        value, peers = packed(sendobj), self._side.peers
        return self._trade(ALLGATHER, [(peer, value) for peer in peers], peers)

    def alltoall(self, sendobj: Iterable[Any]) -> list[Any]:
        """Give each node of the other group an item of each one's sequence."""
        peers = self._side.peers
        items = packed_items(sendobj, len(peers))
        return self._trade(ALLTOALL, list(zip(peers, items, strict=True)), peers)

    def reduce(
        self, sendobj: Any, op: Op | Callable[[Any, Any], Any] = SUM, root: int = 0
    ) -> Any | None:
        """Combine the objects of the other group at the root; None elsewhere."""
        side = self._side
        who = side.root(root)
        to, froms = _one(who.node, who.is_peer), side.peers if who.is_root else ()
        core_op = operation(op)
        return self._run(lambda: (REDUCE, 0, together, sendobj, to, froms, core_op))

    def allreduce(self, sendobj: Any, op: Op | Callable[[Any, Any], Any] = SUM) -> Any:
        """Combine the objects of the other group at all nodes of this one."""
        peers, core_op = self._side.peers, operation(op)
        return self._run(lambda: (ALLREDUCE, 0, together, sendobj, peers, peers, core_op))

    def _trade(
        self, kind: int, sends: Sequence[tuple[int, Any]], froms: Sequence[int]
    ) -> list[Any]:
        values: list[Any] = self._run(lambda: (kind, 0, trade, sends, froms))
        return opened(values)


def trade(port: Port, sends: Sequence[tuple[int, Any]], froms: Sequence[int]) -> Algorithm:
    """Objects to some nodes and from some; what came, in order."""
    for node, value in sends:
        port.send(node, value)
    values = []
    for node in froms:
        values.append((yield node))
    return values


def _one(node: int | None, is_peer: bool) -> Sequence[int]:
    return (node,) if is_peer and node is not None else ()
