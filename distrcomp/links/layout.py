"""Where everything lies in the memory that the nodes of one machine share.

First a line of 64 bytes for each node, which that node alone writes: when it sleeps, and its
process id. Then the rings, one for each ordered pair. Nothing is touched before it is used, so what the
pairs that never talk would need is never taken.
"""

from __future__ import annotations

from ..limits import KIB, MIB

LINE_BYTES = 64
ASLEEP, PROCESS = 0, 1  # words of a node's line

_PAGE_BYTES = 4096
_RINGS_BYTES = 64 * MIB
_RING_BYTES_MIN = 16 * KIB
_RING_BYTES_MAX = 256 * KIB


def ring_bytes(n_local: int) -> int:
    """How large a ring is when `n_local` nodes share the memory."""
    share = _RINGS_BYTES // n_local**2 // _PAGE_BYTES * _PAGE_BYTES
    return max(_RING_BYTES_MIN, min(share, _RING_BYTES_MAX))


def segment_bytes(n_local: int) -> int:
    """How large the whole memory is."""
    return _rings_begin(n_local) + n_local**2 * ring_bytes(n_local)


def ring_begin(n_local: int, writer: int, reader: int) -> int:
    """Where the ring from one node to another begins; nodes are numbered inside the machine."""
    return _rings_begin(n_local) + (writer * n_local + reader) * ring_bytes(n_local)


def _rings_begin(n_local: int) -> int:
    return -(-n_local * LINE_BYTES // _PAGE_BYTES) * _PAGE_BYTES
