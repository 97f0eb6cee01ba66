"""The lock of one node's window: who holds it, who waits. No I/O.

One table says all: by what is held and what is asked for, whether the lock is granted, and what is
held then. Who waits is served in the order of asking, so a shared lock asked for behind an
exclusive one waits, too, and nobody starves (MPI-4.1, 12.5.3 leaves the order open).
"""

from __future__ import annotations

from collections import deque
from enum import Enum


class Held(Enum):
    """How the window is locked."""

    FREE = "free"
    SHARED = "shared"
    EXCLUSIVE = "exclusive"


# (what is held, what is asked for): what is held when it is granted. Not there: it has to wait.
GRANTS = {
    (Held.FREE, Held.SHARED): Held.SHARED,
    (Held.FREE, Held.EXCLUSIVE): Held.EXCLUSIVE,
    (Held.SHARED, Held.SHARED): Held.SHARED,
}


class LockQueue:
    """Grants the lock of one window.

    Attributes:
        held: how it is locked; `holders` says by whom, `waiting` who is next for what.

    Example:
        >>> queue = LockQueue()
        >>> queue.ask(1, Held.SHARED), queue.ask(2, Held.EXCLUSIVE), queue.ask(3, Held.SHARED)
        ([1], [], [])
        >>> queue.release(1), queue.release(2)
        ([2], [3])
    """

    def __init__(self) -> None:
        self.held = Held.FREE
        self.holders: set[int] = set()
        self.waiting: deque[tuple[int, Held]] = deque()

    def ask(self, origin: int, wanted: Held) -> list[int]:
        """Origins that hold the lock now and did not before, in the order of asking."""
        if origin in self.holders or any(origin == other for other, _ in self.waiting):
            raise ValueError(f"{origin} has asked for the lock already")
        self.waiting.append((origin, wanted))
        return self._grant()

    def release(self, origin: int) -> list[int]:
        """The same, after `origin` has let go."""
        if origin not in self.holders:
            raise ValueError(f"{origin} does not hold the lock")
        self.holders.remove(origin)
        if not self.holders:
            self.held = Held.FREE
        return self._grant()

    def _grant(self) -> list[int]:
        granted = []
        while self.waiting:
            origin, wanted = self.waiting[0]
            held = GRANTS.get((self.held, wanted))
            if held is None:
                break
            self.waiting.popleft()
            self.held = held
            self.holders.add(origin)
            granted.append(origin)
        return granted
