"""Collectives of small objects among few nodes of one machine, in as few steps as can be.

They send what the algorithms of `collectives` send there, message by message, so it doesn't matter
which nodes come this way: `bcast` from the root to each, `gather` from each to the root, `alltoall`
from each to each, `allreduce` and `barrier` by node 0, or by a pair to each other. What differs is
that nothing stands between the call and its messages: no generator, no port.

Arrays, on which a sender may have to wait, go the other way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .codec import own_copy
from .collective_path import CollectivePath
from .collectives import ALLREDUCE, ALLTOALL, BARRIER, BCAST, GATHER
from .collectives.pairs import Pairs
from .ops import Op

SCALARS = frozenset((int, float, bool, complex))
"""Numbers, which no operation can change."""


def barrier(path: CollectivePath) -> None:
    """See collectives.barriers."""
    tag = path.enter(BARRIER, 0, 3)
    if path.n_node == 2:
        other = 1 - path.node_id
        path.send(other, 0, tag)
        path.recv(other, tag)
    elif path.node_id:
        path.send(0, 0, tag)
        path.recv(0, tag)
    else:
        for node in range(1, path.n_node):
            path.recv(node, tag)
        for node in range(1, path.n_node):
            path.send(node, 0, tag)


def bcast(path: CollectivePath, value: Any, root: int) -> Any:
    """See collectives.moving."""
    tag = path.enter(BCAST, root, 3)
    if path.node_id != root:
        return path.recv(root, tag)
    for node in path.others:
        path.send(node, value, tag)
    return value


def gather(path: CollectivePath, value: Any, root: int) -> list[Any] | None:
    """See collectives.moving."""
    tag = path.enter(GATHER, root, 3)
    if path.node_id != root:
        path.send(root, value, tag)
        return None
    values = [None] * path.n_node
    values[root] = own_copy(value)
    for node in path.others if root == 0 else sorted(path.others):
        values[node] = path.recv(node, tag)
    return values


def alltoall(path: CollectivePath, values: Sequence[Any]) -> list[Any]:
    """See collectives.moving."""
    tag = path.enter(ALLTOALL, 0, 3)
    here, n_node = path.node_id, path.n_node
    for node in path.others:
        path.send(node, values[node], tag)
    received = [None] * n_node
    received[here] = own_copy(values[here])
    for node in reversed(path.others):
        received[node] = path.recv(node, tag)
    return received


def allreduce(path: CollectivePath, value: Any, op: Op) -> Any:
    """See collectives.reducing; of numbers only."""
    tag = path.enter(ALLREDUCE, 0, 3)
    here, n_node = path.node_id, path.n_node
    if n_node == 2:
        path.send(1 - here, value, tag)
    elif here:
        path.send(0, value, tag)
        return path.recv(0, tag)
    pairs = Pairs(op, path._name)
    for node in range(n_node):
        pairs.add(node, value if node == here else path.recv(node, tag))
    together = pairs.together()
    if n_node > 2:
        for node in path.others:
            path.send(node, together, tag)
    return together
