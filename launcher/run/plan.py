"""Which node runs where; no I/O.

Node ids follow the order of the peers, and the nodes of one peer are consecutive: neighbours by id
are, as far as possible, neighbours in one machine. Unless it is asked to go round the peers.
"""

from __future__ import annotations

from collections.abc import Sequence

from .. import limits
from ..errors import BadUsage
from ..records import record
from .plain import counted, listed, plain


@record
class PlannedPeer:
    """A machine that nodes may be placed on.

    Attributes:
        label: what the person calls it.
        slots: the nodes it has room for.
        here: it is the launcher's own machine.
    """

    label: str
    slots: int
    here: bool


@record
class Plan:
    """The number of nodes, and for each node the index of its peer."""

    n_node: int
    placement: tuple[int, ...]


def parse_n(text: str | None) -> int | None:
    """The value of `-n`: a number of nodes, or None where the slots decide (no `-n`, or `auto`).

    Raises:
        BadUsage: neither `auto` nor a number from 1 to NODES_MAX.
    """
    if text is None or text == "auto":
        return None
    digits = text.lstrip("0")
    if not (text.isascii() and text.isdecimal() and digits):
        raise BadUsage(f"-n takes the number of nodes, from 1 on, or auto; got {text!r}")
    # The length is looked at first: Python refuses to convert thousands of digits.
    if len(digits) > len(str(limits.NODES_MAX)) or int(digits) > limits.NODES_MAX:
        raise BadUsage(_too_many(digits[:20]))
    return int(digits)


def make_plan(
    peers: Sequence[PlannedPeer],
    n_node: int | None,
    oversubscribe: bool,
    *,
    by_node: bool = False,
) -> tuple[Plan, tuple[str, ...]]:
    """Places the nodes of a run.

    A peer is filled before the next, or, by node, each gets one in turn as long as it has slots.
    What exceeds all slots goes round the peers.

    Args:
        peers: in the order of the peers file.
        n_node: the number of nodes; None for one on each slot.
        oversubscribe: remote peers may get more nodes than slots. This machine alone always may.
        by_node: whether neighbours by id are on different peers.

    Returns:
        The plan, and notes for the person.

    Raises:
        BadUsage: no slot at all, too many nodes for the slots, or for any run.

    Example:
        >>> peers = [PlannedPeer("h1", 2, False), PlannedPeer("h2", 2, False)]
        >>> plan, notes = make_plan(peers, 3, False)
        >>> plan.placement
        (0, 0, 1)
    """
    slots = [max(peer.slots, 0) for peer in peers]
    total = sum(slots)
    if total == 0:
        raise BadUsage("there is no slot to run a node on: give at least one peer with slots=1")
    n = total if n_node is None else n_node
    if n < 1:
        raise BadUsage(f"a run has at least one node; {n} were asked for")
    if n > limits.NODES_MAX:
        raise BadUsage(_too_many(str(n)))
    alone = all(peer.here for peer in peers)
    if n > total and not alone and not oversubscribe:
        raise BadUsage(_no_room(peers, n, total))
    notes: list[str] = []
    if n_node is None:
        notes.append(f"running {counted(n, 'node')}, one for each slot of {_whom(peers)}")
    if n > total and alone:
        notes.append(f"{n} nodes on {counted(total, 'core')}: each will get a share of a core")
    if by_node:
        placement = _in_turn(slots, n)
    else:
        counts = _node_counts(slots, n)
        placement = [index for index, count in enumerate(counts) for _ in range(count)]
    return Plan(n, tuple(placement)), tuple(notes)


def _node_counts(slots: Sequence[int], n: int) -> list[int]:
    """How many of `n` nodes each peer gets: its slots in order, then the surplus in turn."""
    counts = []
    left = n
    for room in slots:
        counts.append(min(room, left))
        left -= counts[-1]
    open_peers = [index for index, room in enumerate(slots) if room]  # slots=0 means: not here
    for turn in range(left):
        counts[open_peers[turn % len(open_peers)]] += 1
    return counts


def _in_turn(slots: Sequence[int], n: int) -> list[int]:
    """The peer of each node, going round those that have a free slot, or else all."""
    left, placement = list(slots), list[int]()
    open_peers = [index for index, room in enumerate(slots) if room]
    while len(placement) < n:
        turn = [index for index in open_peers if left[index] > 0] or open_peers
        for index in turn[: n - len(placement)]:
            placement.append(index)
            left[index] -= 1
    return placement


def _whom(peers: Sequence[PlannedPeer]) -> str:
    if len(peers) > 1:
        return counted(len(peers), "peer")
    return "this machine" if peers[0].here else plain(peers[0].label)


def _no_room(peers: Sequence[PlannedPeer], n: int, total: int) -> str:
    each = listed([f"{peer.label}: {peer.slots}" for peer in peers])
    return (
        f"-n {n} is more than the {counted(total, 'slot')} of the peers ({each}): ask for "
        f"{counted(total, 'node')} at most, raise slots= in the peers file, or add --oversubscribe"
    )


def _too_many(n: str) -> str:
    return f"{n} nodes are more than one run may have: {limits.NODES_MAX:,} at most"
