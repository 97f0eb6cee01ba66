"""The turn: of all node threads of a simulated run exactly one goes on, so a seed repeats the run.

A node has the turn until it waits for a message, or looks for one that is not there (`test`,
`iprobe`). Then the schedule chooses among the nodes that can go on: something has arrived for them,
their time is over, or they only looked. Each choice is a step of the clock by which messages
travel. When no node can go on the clock jumps to the next arrival; when nothing is under way
either, the stage sleeps up to the first timeout; where there is none, nothing can ever happen, and
the run is a deadlock.

Only the thread that has the turn calls in here, except `stop`, which ends the order of turns: then
every call that waits raises, in all threads at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from .schedule import Schedule


class Actor(Protocol):
    """What the stage asks of a node that waits."""

    def can_move(self) -> bool:
        """Whether something has arrived."""

    @property
    def next_due(self) -> int | None:
        """When the next message arrives, by the clock of the stage."""


class Stage:
    """Passes the turn on, and is the clock.

    Args:
        n: how many nodes.
        schedule: decides who is next.
        on_deadlock: what is raised in every node when nothing can happen any more.

    Attributes:
        actors: by node; complete before `begin`.
        stopped: what every wait raises, once the order of turns is over.
        over: set when all nodes have left.
    """

    def __init__(self, n: int, schedule: Schedule, on_deadlock: Callable[[], Exception]) -> None:
        self.actors: list[Actor] = []
        self.stopped: Exception | None = None
        self.over = threading.Event()
        self._schedule = schedule
        self._on_deadlock = on_deadlock
        self._step = 0
        self._turns = [threading.Semaphore(0) for _ in range(n)]
        self._parked: dict[int, float | None] = dict.fromkeys(range(n), 0.0)  # and until when
        self._rung: set[int] = set()
        self._present = set(range(n))
        self._is_stopping = threading.Event()

    @property
    def seed(self) -> int:
        """That of the schedule."""
        return self._schedule.seed

    # --- the clock of the links ----------------------------------------------------------------

    def now(self) -> int:
        """The number of this step."""
        return self._step

    def due(self) -> int:
        """When a message that is sent now arrives."""
        return self._step + self._schedule.delay()

    # --- turns ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """Gives the first turn; every node must have a thread that calls `enter`."""
        self._pass_on()

    def enter(self, node: int) -> None:
        """Waits for the first turn."""
        self._turns[node].acquire()
        self._check()

    def park(self, node: int, deadline: float | None) -> None:
        """Gives the turn away until `node` can go on, or the deadline.

        Raises:
            Whatever the run was stopped with.
        """
        self._check()
        self._parked[node] = deadline
        self._pass_on()
        self._turns[node].acquire()
        self._check()

    def leave(self, node: int) -> None:
        """The node has ended."""
        self._present.discard(node)
        if not self._present:
            self.over.set()
        elif self.stopped is None:
            self._pass_on()

    def ring(self, node: int) -> None:
        """Something that `node` may wait for has happened."""
        self._rung.add(node)

    def stop(self, error: Exception) -> None:
        """Ends the order of turns: every wait raises `error`; may be called from anywhere."""
        if self.stopped is None:
            self.stopped = error
        self._is_stopping.set()
        for turn in self._turns:
            turn.release()

    def is_parked(self, node: int) -> bool:
        """Whether `node` waits."""
        return node in self._parked

    def is_present(self, node: int) -> bool:
        """Whether `node` has not ended."""
        return node in self._present

    def _check(self) -> None:
        if self.stopped is not None:
            raise self.stopped.with_traceback(None)

    def _pass_on(self) -> None:
        while self.stopped is None:
            self._step += 1
            ready = [node for node in sorted(self._parked) if self._can_go_on(node)]
            if ready:
                chosen = self._schedule.choose(ready)
                del self._parked[chosen]
                self._rung.discard(chosen)
                self._turns[chosen].release()
                return
            self._pass_time()

    def _can_go_on(self, node: int) -> bool:
        deadline = self._parked[node]
        return (
            node in self._rung
            or (deadline is not None and deadline <= monotonic())
            or self.actors[node].can_move()
        )

    def _pass_time(self) -> None:
        """Nobody can go on: jumps to the next arrival, or sleeps up to the next timeout."""
        dues = [self.actors[node].next_due for node in self._parked]
        coming = [due for due in dues if due is not None and due > self._step]
        if coming:
            self._step = min(coming) - 1  # the next round makes it one more
            return
        deadlines = [deadline for deadline in self._parked.values() if deadline is not None]
        if deadlines:
            self._is_stopping.wait(max(0.0, min(deadlines) - monotonic()))
        else:
            self.stop(self._on_deadlock())
