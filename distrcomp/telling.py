"""Telling of the waits of a node's threads that have lasted; see `waits` for what is told."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TypeVar

from . import limits
from .mailbox import Receive
from .mesh import Mesh
from .notices import Resumed
from .spaces import COLLECTIVE, SPACES
from .waits import Wait

_Result = TypeVar("_Result")


class Telling(Mesh):
    """One round of waiting, and what is told of it; see Mesh for what it is made of.

    Attributes:
        is_alone: whether this is a world of one, which no launcher watches.
    """

    is_alone = False

    def begin_wait(
        self,
        sources: Callable[[], Iterable[int]] | None,
        wanted: Receive | None = None,
        deadline: float | None = None,
    ) -> Wait:
        """A thread begins to wait; `_end_wait` or `end_wait` must follow.

        Args:
            sources, wanted: see Wait; without both every node can end it.
        """
        now = monotonic()
        tell_at = None
        if self.waits.tell is not None or self.is_alone:
            tell_at = now + limits.WAIT_TOLD_AFTER_S
            if wanted is not None and wanted.communicator % SPACES == COLLECTIVE:
                tell_at = now + limits.COLLECTIVE_TOLD_AFTER_S
        return Wait(now, sources, wanted, deadline is not None, tell_at)

    def end_wait(self, wait: Wait) -> None:
        """What `begin_wait` began is over; for who is not inside a call."""
        if wait.serial:
            with self.gate:
                self._end_wait(wait)

    def _wait_on(self, wait: Wait, until: float | None, wanted: Receive | None = None) -> bool:
        """One round of a wait, which is told of once it has lasted; see `Progress.wait`."""
        tell_at = wait.tell_at
        if tell_at is not None and (until is None or tell_at < until):
            if monotonic() >= tell_at:
                self._tell_wait(wait)
                return True
            until = tell_at
        elif wait.serial and wait.has_moved_on():
            self._end_wait(wait)
            self._tell_wait(wait)
            return True
        wait.is_waiting = True
        try:
            return self._wait(until, wanted)
        finally:
            wait.is_waiting = False

    def _tell_wait(self, wait: Wait) -> None:
        """Has the launcher know of a wait that has lasted."""
        tell, waits, wanted = self.waits.tell, self.waits, wait.wanted
        waits.register(wait, threading.get_ident())
        members: tuple[int, ...] = ()
        if wanted is not None:
            members = self._fates.parts.part(wanted.communicator)
        elif wait.sent is not None:
            members = self._fates.parts.part(wait.sent.space)
        waiting = waits.describe(wait, members, sys._getframe(1), monotonic())
        if tell is not None:
            self._outside(lambda: tell(waiting))

    def _end_wait(self, wait: Wait) -> None:
        if wait.serial:
            tell = self.waits.tell
            self.waits.end(wait)
            if tell is not None:
                self._outside(lambda: tell(Resumed(wait.serial)))

    def _outside(self, call: Callable[[], _Result]) -> _Result:
        """Calls something with the lock let go."""
        self.gate.release()
        try:
            return call()
        finally:
            self.gate.acquire()
