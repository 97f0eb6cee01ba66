"""What the buffer calls of collectives mean: from a program's arguments to an algorithm.

Each function here looks at the arguments of one collective once and returns a plan: what to run
each time it is started. The blocking, the non-blocking and the persistent form of a collective so
are one thing. What a node's role in the collective doesn't use is not looked at (MPI-4.1, 6.5 to
6.8).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..collectives import ALLGATHER, ALLTOALL, BARRIER, BCAST, GATHER, SCATTER
from ..collectives import barrier as run_barrier
from . import buffer_moves as moves
from .buffer_moves import Room, byte_array
from .collective_side import Side
from .specs import MessageSpec, is_in_place, message, vector, vector_w

Call = tuple[Any, ...]
"""Kind, number of the root, algorithm and its arguments."""
Plan = Callable[[], Call]
Split = Callable[[Any, int, bool], list[MessageSpec]]
"""Makes so many blocks of a buffer, which is or isn't to be received into."""


def barrier() -> Plan:
    """All nodes of both groups wait for each other."""
    return lambda: (BARRIER, 0, run_barrier)


def bcast(side: Side, buf: Any, root: int) -> Plan:
    """The root's memory to all."""
    who = side.root(root)
    if not (who.is_root or who.is_peer):
        return lambda: (BCAST, 0, moves.scatter, None, None, (), None)
    spec = message(buf, writable=not who.is_root)
    if not side.is_inter:
        if who.is_root:
            return lambda: (BCAST, root, moves.bcast, bytes_of(spec), root, None)
        return lambda: (BCAST, root, moves.bcast, None, root, Room(spec))
    if who.is_root:
        n = len(side.peers)
        return lambda: (BCAST, 0, moves.scatter, [bytes_of(spec)] * n, None, side.peers, None)
    return lambda: (BCAST, 0, moves.scatter, None, who.node, (), Room(spec))


def gather(side: Side, sendbuf: Any, recvbuf: Any, root: int, split: Split) -> Plan:
    """The memory of all to the root, in the blocks that `split` makes there."""
    who = side.root(root)
    is_kept = who.is_root and who.is_peer and is_in_place(sendbuf)
    into = split(recvbuf, len(side.peers), True) if who.is_root else None
    spec = message(sendbuf) if who.is_peer and not is_kept else None

    def call() -> Call:
        rooms = None if into is None else [Room(block) for block in into]
        value = None if spec is None else bytes_of(spec)
        return GATHER, who.number, moves.gather, value, who.node, side.peers, rooms

    return call


def scatter(side: Side, sendbuf: Any, recvbuf: Any, root: int, split: Split) -> Plan:
    """A block of the root's memory to each."""
    who = side.root(root)
    is_kept = who.is_root and who.is_peer and is_in_place(recvbuf)
    out_of = split(sendbuf, len(side.peers), False) if who.is_root else None
    spec = message(recvbuf, True) if who.is_peer and not is_kept else None

    def call() -> Call:
        parts = None if out_of is None else [bytes_of(block) for block in out_of]
        room = None if spec is None else Room(spec)
        return SCATTER, who.number, moves.scatter, parts, who.node, side.peers, room

    return call


def allgather(side: Side, sendbuf: Any, recvbuf: Any, split: Split) -> Plan:
    """The memory of all to all."""
    into = split(recvbuf, len(side.peers), True)
    is_kept = not side.is_inter and is_in_place(sendbuf)
    spec = into[side.here] if is_kept else message(sendbuf)

    def call() -> Call:
        parts = [bytes_of(spec)] * len(side.peers)
        if is_kept:
            parts[side.here] = None
        return ALLGATHER, 0, moves.alltoall, parts, side.peers, [Room(block) for block in into]

    return call


def alltoall(
    side: Side,
    sendbuf: Any,
    recvbuf: Any,
    split: Split,
) -> Plan:
    """A block of each one's memory to each.

    Args:
        split: makes the blocks of a buffer.
    """
    into = split(recvbuf, len(side.peers), True)
    is_kept = not side.is_inter and is_in_place(sendbuf)
    out_of = into if is_kept else split(sendbuf, len(side.peers), False)

    def call() -> Call:
        parts = [bytes_of(block) for block in out_of]
        if is_kept:  # what is still being sent must not be received into
            parts = [part.copy() for part in parts]
        return ALLTOALL, 0, moves.alltoall, parts, side.peers, [Room(block) for block in into]

    return call


def equal_blocks(buf: Any, count: int, writable: bool) -> list[MessageSpec]:
    """The blocks of a buffer that has one for each, all of one size."""
    if not count:
        return []
    spec = message(buf, writable, count)
    return [spec.block(i) for i in range(count)]


def unequal_blocks(buf: Any, count: int, writable: bool) -> list[MessageSpec]:
    """The blocks of a buffer with counts and displacements."""
    if not count:
        return []
    spec = vector(buf, count, writable)
    return [spec.block(i) for i in range(count)]


def typed_blocks(buf: Any, count: int, writable: bool) -> list[MessageSpec]:
    """The blocks of a buffer with counts, displacements and datatypes."""
    spec = vector_w(buf, count, writable)
    return [spec.block(i) for i in range(count)]


def bytes_of(spec: MessageSpec) -> Any:
    """What travels of a buffer, as an array of bytes."""
    return byte_array(spec.to_bytes())
