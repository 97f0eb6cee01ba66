"""The kinds of collectives, and the tag that tells a message which one it belongs to; no I/O.

A tag has 31 bits: the kind (5), the root (10), and the number of the collective on its communicator
(16), which counts round. Nodes that are in different collectives, or in one with different roots,
so never take each other's messages, and whoever waits sees by the tag of what came instead where
its sender is.
"""

from __future__ import annotations

from enum import IntEnum

ROOT_SHIFT, KIND_SHIFT = 16, 26
TURN_MASK = (1 << ROOT_SHIFT) - 1
ROOT_MASK = (1 << KIND_SHIFT - ROOT_SHIFT) - 1


class Kind(IntEnum):
    """What the nodes of a communicator do together."""

    BARRIER = 0
    BCAST = 1
    GATHER = 2
    SCATTER = 3
    ALLGATHER = 4
    ALLTOALL = 5
    REDUCE = 6
    ALLREDUCE = 7
    REDUCE_SCATTER = 8
    SCAN = 9
    EXSCAN = 10
    LARGE_REDUCE = 11
    LARGE_ALLREDUCE = 12
    CREATE = 13
    FREE = 14
    SPLIT = 15  # who gives which color; then the parts are made
    CARD = 31  # tells where its sender is; see collective_path


(
    BARRIER,
    BCAST,
    GATHER,
    SCATTER,
    ALLGATHER,
    ALLTOALL,
    REDUCE,
    ALLREDUCE,
    REDUCE_SCATTER,
    SCAN,
    EXSCAN,
    LARGE_REDUCE,
    LARGE_ALLREDUCE,
    CREATE,
    FREE,
    SPLIT,
    CARD,
) = Kind

ROOTED = frozenset((BCAST, GATHER, SCATTER, REDUCE, LARGE_REDUCE))
_NAMES = {
    LARGE_REDUCE: "reduce of a large array",
    LARGE_ALLREDUCE: "allreduce of a large array",
    CREATE: "the making of a communicator",
}


def tag_of(kind: int, root: int, turn: int) -> int:
    """The tag of all messages of one collective."""
    return kind << KIND_SHIFT | (root & ROOT_MASK) << ROOT_SHIFT | turn


def split_tag(tag: int) -> tuple[Kind, int, int]:
    """Kind, root and number of the collective to which a message belongs."""
    return Kind(tag >> KIND_SHIFT), tag >> ROOT_SHIFT & ROOT_MASK, tag & TURN_MASK


def turn_of(tag: int) -> int:
    """The number of the collective."""
    return tag & TURN_MASK


def earlier(turn: int, other: int) -> int:
    """Which of two collectives came first, counting round."""
    return turn if (other - turn & TURN_MASK) <= TURN_MASK >> 1 else other


def described(tag: int) -> str:
    """A collective in words, for messages to people."""
    kind, root, turn = split_tag(tag)
    name = _NAMES.get(kind) or kind.name.lower()
    rooted = f" with root {root}" if kind in ROOTED else ""
    return f"{name} #{turn}{rooted}"
