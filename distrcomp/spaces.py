"""Which numbers communicators bear, so that no message meets another's receive; no I/O.

A communicator has four message spaces: for point-to-point calls, collectives, services and the
making of groups from it. Its number is that of the first. The nodes that make a communicator agree
on a number that is free at all of them: each tells which ones it uses, as the bits of an integer,
and the lowest bit that nobody has set is it (the way of MPICH; Gropp and Lusk, 1996). Two threads
of a node may be at that at once with different groups, and would find the same number; so who finds
it reserves it, and a second round tells whether everybody could. If not, all try a later one.
"""

from __future__ import annotations

import threading

from . import limits
from .errors import CallError

SPACES = 4
POINT_TO_POINT, COLLECTIVE, SERVICE, CREATION = range(SPACES)


class Spaces:
    """The numbers that one node uses; the world's is 0."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used = 1

    @property
    def used(self) -> int:
        """Bit i is set where the communicator SPACES * i exists or is being made."""
        return self._used

    def reserve(self, index: int) -> bool:
        """Whether `index` was free; it is the caller's now."""
        with self._lock:
            is_free = not self._used >> index & 1
            self._used |= 1 << index
            return is_free

    def release(self, index: int) -> None:
        """`index` is free again."""
        with self._lock:
            self._used &= ~(1 << index)


def free_index(used: int, skipped: int) -> int:
    """The lowest index that `used` has not set, after passing over `skipped` such ones.

    Raises:
        CallError: all are used.
    """
    index = 0
    while used >> index & 1 or skipped:
        skipped -= not used >> index & 1
        index += 1
    if index > limits.COMMUNICATORS_MAX:
        raise CallError(
            f"this node has {limits.COMMUNICATORS_MAX} communicators: free those not needed"
        )
    return index
