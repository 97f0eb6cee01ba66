"""Collectives that combine what all contribute; no I/O.

Contributions are combined in the order of the nodes, and how they are grouped depends on the number
of nodes, on who sits on which machine, and on the shape of an array. So results are the same bits
each time, and the same on every node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..codec import own_copy
from ..ops import Op
from .moving import EXCHANGE_MAX, _down, bcast
from .pairs import Pairs
from .port import PAIRWISE_MAX, Algorithm, Port, family, is_in_order, rotated

LARGE_BYTES = 32 * 1024
"""From here on an array is reduced in parts, a part by each node."""


def reduce(port: Port, value: Any, op: Op, root: int) -> Algorithm:
    """The root gets all contributions together.

    By a tree whose subtrees are consecutive nodes, so the order is kept without commutativity; it
    is rooted at node 0, which sends the result on. A few nodes send to the root directly.
    """
    team: Sequence[int] = range(port.size)
    if port.size <= EXCHANGE_MAX:
        if port.here != root:
            port.send(root, value)
            return None
        return (yield from _fold(port, value, op, team))
    value = yield from _up(port, value, op, team)
    if root != 0:
        if port.here == 0:
            port.send(root, value)
            return None
        if port.here == root:
            return (yield 0)
    return value if port.here == root else None


def allreduce(port: Port, value: Any, op: Op, out: Any = None) -> Algorithm:
    """All get all contributions together.

    Two nodes send each other what they have, and each combines it by itself: one wait. Otherwise
    each machine's contributions go up a tree to its first node, the first nodes exchange theirs,
    and what comes out goes down the trees; where that would break the order, and it may matter, all
    go to node 0 and back. That must not depend on the contributions, for nobody knows those of
    others.
    """
    everyone: Sequence[int] = range(port.size)
    value = _apart(value, out)
    if port.size <= PAIRWISE_MAX:
        if port.size == PAIRWISE_MAX:
            port.send(1 - port.here, value)
        value = yield from _fold(port, value, op, everyone)
    elif len(port.machines) > 1 and (op.is_orderless or is_in_order(port.machines)):
        mine = next(machine for machine in port.machines if port.here in machine)
        value = yield from _up(port, value, op, mine)
        if port.here == mine[0]:
            firsts = [machine[0] for machine in port.machines]
            for other in rotated(firsts, port.here)[1:]:
                port.send(other, value)
            value = yield from _fold(port, value, op, firsts)
        value = yield from _down(port, mine, value)
    else:
        value = yield from _up(port, value, op, everyone)
        value = yield from bcast(port, value, 0)
    return _filled(out, value)


def reduce_scatter(port: Port, values: Sequence[Any], op: Op) -> Algorithm:
    """Node i gets the i-th contributions of all together, directly from each."""
    for distance in range(1, port.size):
        node = (port.here + distance) % port.size
        port.send(node, values[node])
    return (yield from _fold(port, values[port.here], op, range(port.size)))


def large_allreduce(port: Port, array: Any, op: Op, out: Any = None) -> Algorithm:
    """The same as `allreduce` for a large array: each node combines one part of it for all.

    A reduce-scatter followed by an allgather (Rabenseifner, 2004), by direct exchange: each byte of
    a contribution is sent once and each byte of the result once to each node. Two nodes exchange
    all they have instead.
    """
    import numpy

    if port.size == PAIRWISE_MAX:
        return (yield from _exchanged(port, array, op, out))
    has_room = out is not None and out.flags.c_contiguous
    result = out if has_room else numpy.empty(array.shape, array.dtype)
    if out is not array:  # else what arrives in a part is made of what was sent of it
        array = _apart(array, out)
    whole = result.reshape(-1)
    parts = _parts(array.size, port.size)
    mine = yield from _own_part(port, array, op, parts)
    for distance in range(1, port.size):
        port.send((port.here + distance) % port.size, mine)
    whole[parts[port.here]] = mine
    for distance in range(1, port.size):
        node = (port.here - distance) % port.size
        yield node, whole[parts[node]]
    return result if has_room else _filled(out, result)


def _exchanged(port: Port, array: Any, op: Op, out: Any) -> Algorithm:
    """Two nodes give each other all they have: one wait where there would be two.

    Each then says that it has the other's, which may be overwritten from there on.
    """
    import numpy

    other = 1 - port.here
    port.send(other, array)
    has_room = out is not None and out.flags.c_contiguous
    is_apart = has_room and not numpy.may_share_memory(array, out)
    came = yield (other, out) if is_apart else other
    port.send(other, 0)
    yield other
    pairs = Pairs(op, port.name)
    for node in range(PAIRWISE_MAX):
        if node == port.here:
            pairs.add(node, array)
        else:
            pairs.add(node, came, out if has_room else came)
    together = pairs.together()
    return together if has_room else _filled(out, together)


def large_reduce(port: Port, array: Any, op: Op, root: int) -> Algorithm:
    """The same as `reduce` for a large array: each node combines one part of it for the root."""
    import numpy

    parts = _parts(array.size, port.size)
    mine = yield from _own_part(port, array, op, parts)
    if port.here != root:
        port.send(root, mine)
        return None
    result = numpy.empty(array.shape, array.dtype)
    whole = result.reshape(-1)
    whole[parts[root]] = mine
    for node in rotated(range(port.size), root)[1:]:
        yield node, whole[parts[node]]
    return result


def _own_part(port: Port, array: Any, op: Op, parts: list[slice]) -> Algorithm:
    flat = array.reshape(-1)  # a copy, where the array has gaps
    for distance in range(1, port.size):
        node = (port.here + distance) % port.size
        port.send(node, flat[parts[node]])
    return (yield from _fold(port, flat[parts[port.here]], op, range(port.size)))


def _parts(length: int, size: int) -> list[slice]:
    """What each node combines of an array of so many elements."""
    return [slice(length * node // size, length * (node + 1) // size) for node in range(size)]


def _up(port: Port, value: Any, op: Op, team: Sequence[int]) -> Algorithm:
    """What the nodes below this one in a team's tree have, with its own; its parent gets it."""
    parent, children = family(len(team), team.index(port.here))
    below = [port.here, *(team[child] for child in children)]
    value = yield from _fold(port, value, op, below)
    if parent is not None:
        port.send(team[parent], value)
    return value


def _fold(port: Port, value: Any, op: Op, nodes: Sequence[int]) -> Algorithm:
    """What `nodes` send, combined in their order; one of them is this node with its `value`."""
    if len(nodes) == 1:
        return own_copy(value)
    pairs = Pairs(op, port.name)
    for node in nodes:
        if node == port.here:
            pairs.add(node, own_copy(value) if op.may_share(value) else value)
        else:
            came = yield node
            pairs.add(node, came, came)
    return pairs.together()


def _apart(value: Any, out: Any) -> Any:
    """The value, or a copy where `out` lies in its memory: that is filled before all is sent."""
    if out is None:
        return value
    import numpy

    return own_copy(value) if numpy.may_share_memory(value, out) else value


def _filled(out: Any, value: Any) -> Any:
    if out is None:
        return value
    out[...] = value
    return out
