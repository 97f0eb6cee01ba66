"""Collectives in which a node gets what the nodes before it contribute; no I/O."""

from __future__ import annotations

from typing import Any

from ..codec import own_copy
from ..errors import CollectiveMismatch
from ..ops import Op, Unlike
from .port import Algorithm, Port


def scan(port: Port, value: Any, op: Op) -> Algorithm:
    """The contributions of this node and all before it, together."""
    before = yield from exscan(port, value, op)
    if port.here == 0:
        return own_copy(value)
    return _together(port, op, before, value, port.here)


def exscan(port: Port, value: Any, op: Op) -> Algorithm:
    """The contributions of all nodes before this one, together; None on node 0.

    By recursive doubling (Hillis and Steele, 1986): after round k each knows what the 2**k nodes up
    to it contribute, in order.
    """
    upto = value
    before: Any = None
    distance = 1
    while distance < port.size:
        if port.here + distance < port.size:
            port.send(port.here + distance, upto)
        if port.here >= distance:
            source = port.here - distance
            lower = yield source
            upto = _together(port, op, lower, upto, source)
            before = lower if distance == 1 else _together(port, op, lower, before, source)
        distance *= 2
    return before


def _together(port: Port, op: Op, lower: Any, upper: Any, source: int) -> Any:
    if op.may_share(upper):  # both are needed once more
        lower, upper = own_copy(lower), own_copy(upper)
    try:
        return op.combine(lower, upper)
    except Unlike as unlike:
        names = port.name(source), port.name(port.here)
        raise CollectiveMismatch(unlike.between(*names)) from None
