"""Collectives that move objects and combine nothing; no I/O.

What a node gives to itself it gets as a copy, for what arrives is the receiver's own; the root of a
bcast returns its object itself, as mpi4py does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..codec import own_copy
from .port import Algorithm, Port, family, rotated

EXCHANGE_MAX = 8
"""Up to so many nodes on one machine each sends to each: one wait instead of two."""


def bcast(port: Port, value: Any, root: int, out: Any = None) -> Algorithm:
    """The root's value, by a tree of its machine's nodes; other machines get it once.

    One of each machine gets it first by a tree among these, and gives it to the others there (the
    hierarchy of Karonis et al., 2000).

    Args:
        out: memory for what comes, or None.
    """
    for team in _teams(port, root):
        value = yield from _down(port, team, value, out)
    return value


def gather(port: Port, value: Any, root: int) -> Algorithm:
    """The root gets the list of all values, each from its node directly.

    A tree would save some waiting for small values, and copy large ones twice; nobody but the root
    knows better, for nobody knows the others' sizes.
    """
    if port.here != root:
        port.send(root, value)
        return None
    values = [None] * port.size
    for node in range(port.size):
        values[node] = own_copy(value) if node == root else (yield node)
    return values


def scatter(port: Port, values: Sequence[Any] | None, root: int) -> Algorithm:
    """Each node gets its part of the root's list, directly."""
    if port.here != root:
        return (yield root)
    mine = None
    for node, value in enumerate(values or ()):
        if node == root:
            mine = own_copy(value)
        else:
            port.send(node, value)
    return mine


def allgather(port: Port, value: Any) -> Algorithm:
    """All get the list of all values.

    A few on one machine send each other their values at once. Otherwise the first node of each
    machine collects and all of these exchange what they have (so each value passes between two
    machines once), and give it to the others.
    """
    if len(port.machines) == 1 and port.size <= EXCHANGE_MAX:
        return (yield from alltoall(port, [value] * port.size))
    mine = next(machine for machine in port.machines if port.here in machine)
    values: dict[int, Any] | None = None
    if port.here != mine[0]:
        port.send(mine[0], value)
    else:
        values = {port.here: own_copy(value)}
        for node in mine[1:]:
            values[node] = yield node
        firsts = [machine[0] for machine in port.machines]
        own = dict(values)
        for other in rotated(firsts, port.here)[1:]:
            port.send(other, own)
        for other in rotated(firsts, port.here)[1:]:
            values.update((yield other))
    values = yield from _down(port, mine, values)
    return [values[node] for node in range(port.size)] if values else []


def alltoall(port: Port, values: Sequence[Any]) -> Algorithm:
    """Each node gets what every other has for it, directly.

    In step i each sends to the i-th node after it and so no node is sent to by all at once
    (pairwise exchange; Thakur, Rabenseifner and Gropp, 2005).
    """
    here, size = port.here, port.size
    received = [None] * size
    for distance in range(1, size):
        node = (here + distance) % size
        port.send(node, values[node])
    received[here] = own_copy(values[here])
    for distance in range(1, size):
        node = (here - distance) % size
        received[node] = yield node
    return received


def _down(port: Port, team: Sequence[int], value: Any, out: Any = None) -> Algorithm:
    """What the first of a team has, given to the others of it."""
    if len(team) == 1:
        return value
    parent, children = family(len(team), team.index(port.here))
    if parent is not None:
        value = yield (team[parent] if out is None else (team[parent], out))
    for child in children:
        port.send(team[child], value)
    return value


def _teams(port: Port, root: int) -> list[Sequence[int]]:
    """Those from whom this node gets a value of the root's and to whom it gives it, in order."""
    if len(port.machines) == 1:
        return [rotated(port.machines[0], root)]
    home = next(machine for machine in port.machines if root in machine)
    machines = [rotated(machine, root) if machine is home else machine for machine in port.machines]
    mine = next(machine for machine in machines if port.here in machine)
    firsts = rotated([machine[0] for machine in machines], root)
    return [firsts, mine] if port.here in firsts else [mine]
