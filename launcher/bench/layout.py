"""Who measures with whom: from the peers to nodes, pairs, and the program's argument; no I/O."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..cluster.peers_file import Peer
from ..errors import BadUsage
from ..run.plain import plain

_PEERS_MAX = 2


@dataclass(frozen=True)
class Layout:
    """The nodes of the run, and who measures.

    Attributes:
        peers: those that take part, each with as many slots as it gets nodes.
        placement: the index of each node's peer.
        pairs: the two nodes of each pair, in the order in which they measure; the first one leads.
    """

    peers: tuple[Peer, ...]
    placement: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]


def make_layout(peers: Sequence[Peer]) -> Layout:
    """One pair inside a machine, if one has room for it, and one across two machines.

    Only the first two peers take part. Where the peers file doesn't say how many slots a peer has,
    it has room for both nodes of a pair.

    Args:
        peers: at least one.

    Raises:
        BadUsage: one other machine alone, with one slot; this machine takes two nodes anyway.

    Example:
        >>> layout = make_layout([Peer("h1"), Peer("h2")])
        >>> layout.placement, layout.pairs
        ((0, 0, 1), ((0, 1), (0, 2)))
    """
    chosen = peers[:_PEERS_MAX]
    has_two = [peer.slots is None or peer.slots >= 2 for peer in chosen]
    if len(chosen) == 1:
        if not has_two[0] and not chosen[0].is_here:
            raise BadUsage(
                f"{plain(chosen[0].label)} has one slot, and two nodes are needed: "
                "give it slots=2, or name another peer"
            )
        return _layout(chosen, (0, 0), ((0, 1),))
    if has_two[0]:
        return _layout(chosen, (0, 0, 1), ((0, 1), (0, 2)))
    if has_two[1]:
        return _layout(chosen, (0, 1, 1), ((1, 2), (0, 1)))
    return _layout(chosen, (0, 1), ((0, 1),))


def program_argument(layout: Layout, bytes_max: int, seconds: float) -> str:
    """What `distrcomp.benchmark` is told."""
    pairs = [{"nodes": pair, "directions": _directions(pair, layout)} for pair in layout.pairs]
    return json.dumps({"pairs": pairs, "bytes_max": bytes_max, "seconds": seconds})


def _layout(
    peers: Sequence[Peer], placement: tuple[int, ...], pairs: tuple[tuple[int, int], ...]
) -> Layout:
    used = tuple(replace(peer, slots=placement.count(index)) for index, peer in enumerate(peers))
    return Layout(used, placement, pairs)


def _directions(pair: tuple[int, int], layout: Layout) -> list[tuple[int, int, str]]:
    """The (dialler, listener, listener's host) to try: nobody can dial the launcher's machine."""
    one, other = pair
    peer_of = [layout.peers[index] for index in layout.placement]
    if layout.placement[one] == layout.placement[other]:
        return []
    return [
        (dialler, listener, peer_of[listener].host)
        for dialler, listener in ((one, other), (other, one))
        if not peer_of[listener].is_here
    ]
