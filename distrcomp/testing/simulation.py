"""`run`: a program on n nodes in one process, decided by a seed.

Each node is a thread with an engine of its own; the links between them are memory. The engine is
the product's own but for one thing: where it would sleep, it gives the turn away (see `stage`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic
from typing import Any, Literal, NoReturn

from .. import limits
from ..collective_end import mismatch_left
from ..communicator import Communicator
from ..engine import Engine
from ..errors import CallError, NodeLost
from ..fates import Fates
from ..links.memory import MemoryLink, memory_pair
from ..long_path import WORLD
from ..mailbox import Mailbox, Receive
from ..progress import Progress
from .failures import Deadlock, NodeFailed, TimeLimitReached
from .places import place
from .schedule import Schedule
from .stage import Stage

_PEER = "this process"
# A node takes in what is under way to it at its end, though not a flood for ever.
_LAST_STEPS = 1000


class _Died(BaseException):
    """Ends the thread of a node that dies on cue; no `except Exception` holds it up."""


class _Dead:
    """See DIED."""

    def __repr__(self) -> str:
        return "DIED"


DIED = _Dead()
"""Stands in the results for a node that died on cue."""


class World(Communicator):
    """The world communicator of a simulated run."""

    __slots__ = ("_die",)

    def __init__(self, engine: Engine, die: Callable[[], NoReturn]) -> None:
        super().__init__(engine)
        self._die = die

    def die(self) -> NoReturn:
        """Ends this node here and now, as `kill -9` would: the others get NodeLost."""
        self._die()


class _SimulatedProgress(Progress):
    """Gives the turn away instead of sleeping."""

    def __init__(self, stage: Stage, node_id: int, mailbox: Mailbox, fates: Fates) -> None:
        super().__init__(node_id, mailbox, fates)
        self._stage = stage

    def _idle(self, until: float | None, _: Receive | None) -> None:
        self.condition.release()
        try:
            self._stage.park(self._node_id, until)
        finally:
            self.condition.acquire()

    def wake(self) -> None:
        self._stage.ring(self._node_id)

    def can_move(self) -> bool:
        """Whether a message can be read."""
        return any(self._can_read(node, link) for node, link in self.links.items())

    @property
    def next_due(self) -> int | None:
        """When the next message arrives."""
        dues = [link.next_due for link in self.links.values() if isinstance(link, MemoryLink)]
        return min((due for due in dues if due is not None), default=None)


class _SimulatedEngine(Engine):
    """The engine of one node of a simulated run.

    Args:
        who: its id, and how many nodes there are.
        stage: the run's.
        die: called when it has sent `dies_after` messages.
    """

    _progress: _SimulatedProgress

    def __init__(
        self,
        who: tuple[int, int],
        stage: Stage,
        die: Callable[[], NoReturn],
        dies_after: int | None,
    ) -> None:
        make_progress = partial(_SimulatedProgress, stage)
        super().__init__(who, lambda _: _PEER, lambda _: None, lambda: None, make_progress)
        self.actor = self._progress
        self._stage = stage
        self._die = die
        self._messages_left = dies_after
        self.thread: threading.Thread | None = None

    def send(self, *args: Any, **kwargs: Any) -> Any:
        sending = super().send(*args, **kwargs)
        if self._messages_left is not None:
            self._messages_left -= 1
            if self._messages_left <= 0:
                self._die()
        return sending

    def read_arrived(self) -> None:
        """Takes in what is under way, too."""
        for _ in range(_LAST_STEPS):
            super().read_arrived()
            due = self.actor.next_due
            if due is None or due <= self._stage.now():
                break

    def _check(self) -> None:
        if threading.current_thread() is not self.thread:
            raise CallError(
                f"node {self.node_id} called from a thread of its own: in testing.run only the "
                "thread that runs the program may; @pytest.mark.nodes tests programs with threads"
            )
        super()._check()


class _Run:
    """One simulated run.

    Args:
        program: what each node calls.
        n: how many nodes.
        schedule: decides.
        dies_after: by node, with how many messages sent it dies.
        aborts: whether the first failure ends the run.
    """

    def __init__(
        self,
        program: Callable[[World], Any],
        n: int,
        schedule: Schedule,
        dies_after: Mapping[int, int],
        aborts: bool,
    ) -> None:
        self.results: list[Any] = [None] * n
        self.failures: list[tuple[int, BaseException]] = []
        self.stage = Stage(n, schedule, lambda: Deadlock(self.waits(), schedule.seed))
        self._program = program
        self._aborts = aborts
        self._dies_after = dies_after
        self.engines = [
            _SimulatedEngine((node, n), self.stage, partial(self._die, node), dies_after.get(node))
            for node in range(n)
        ]
        self.stage.actors.extend(engine.actor for engine in self.engines)
        for one in range(n):
            for other in range(one):
                self._link(one, other)

    def run(self, timeout: float) -> None:
        """Runs the program to its end, or to the time limit."""
        for engine in self.engines:
            engine.thread = threading.Thread(
                target=self._act, args=(engine,), name=f"node {engine.node_id}", daemon=True
            )
            engine.thread.start()
        self.stage.begin()
        try:
            if not self.stage.over.wait(timeout):
                self.stage.stop(TimeLimitReached(self.waits(), timeout, self.stage.seed))
        except BaseException:  # Ctrl-C above all
            self.stage.stop(CallError("the run was interrupted"))
            raise
        finally:
            deadline = monotonic() + limits.LAST_WORDS_S
            for engine in self.engines:
                if engine.thread is not None:
                    engine.thread.join(max(0.0, deadline - monotonic()))
                    _end_thread(engine.thread)

    def waits(self) -> dict[int, str]:
        """What each node that has not ended does."""
        return {
            engine.node_id: self._doing(engine)
            for engine in self.engines
            if self.stage.is_present(engine.node_id)
        }

    def _doing(self, engine: _SimulatedEngine) -> str:
        thread = None if engine.thread is None else engine.thread.ident
        call, where = place(thread, self._act.__name__)
        if call == self.stage.enter.__name__:
            return "has not begun"
        if not self.stage.is_parked(engine.node_id):
            return f"computes, {where}"
        with engine.actor.condition:
            receives = [engine.awaited(each) for each in engine.mailbox.receives]
            unread = engine.mailbox.describe_unmatched(WORLD)
        asked = [each for each in receives if not each.startswith(f"{call} ")]
        doing = call if asked or not receives else receives[0]
        open_ones = f"; asked for: {', '.join(asked)}" if asked else ""
        return f"{doing} {where}{open_ones}; {unread}"

    def _link(self, one: int, other: int) -> None:
        rings = (partial(self.stage.ring, one), partial(self.stage.ring, other))
        ends = memory_pair((one, other), rings, self.stage, limits.SEND_BUFFER_BYTES)
        self.engines[one].attach(other, ends[0])
        self.engines[other].attach(one, ends[1])

    def _act(self, engine: _SimulatedEngine) -> None:
        """The life of a node's thread."""
        node = engine.node_id
        die = partial(self._die, node)
        try:
            self.stage.enter(node)
            if self._dies_after.get(node) == 0:
                die()
            world = World(engine, die)  # as long as it is, others' messages there are looked at
            self.results[node] = self._program(world)
            mismatch = mismatch_left(engine, is_last=True)
            if mismatch is not None:
                raise mismatch
            engine.close(in_order=True)
        except _Died:
            self.results[node] = DIED
        except BaseException as error:  # noqa: BLE001  whatever the program raised ends its node
            if self.stage.stopped is None:  # afterwards it follows from that
                self.failures.append((node, error))
            self._end(node, f"{type(error).__name__}: {error}")
        finally:
            self.stage.leave(node)

    def _die(self, node: int) -> NoReturn:
        self._end(node, "it died on cue")
        raise _Died

    def _end(self, node: int, why: str) -> None:
        """Tells all others of a node's end without goodbye, as the launcher does."""
        for other in self.engines:
            if other.node_id != node:
                other.node_ended(node, why)
                if self._aborts:
                    other.abort(node, why)
        self.engines[node].close(in_order=False)


def _end_thread(thread: threading.Thread) -> None:
    """Ends a thread that heeds nothing, at its next step in Python."""
    if thread.is_alive() and thread.ident is not None:
        import ctypes

        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(_Died)
        )


def run(
    program: Callable[[World], Any],
    n: int,
    *,
    seed: int | Schedule = 0,
    timeout: float = 60.0,
    dies_after: Mapping[int, int] | None = None,
    on_failure: Literal["abort", "continue"] = "abort",
) -> list[Any]:
    """Runs `program(world)` on n nodes in this process; what each returned, in node order.

    One node goes on at a time, and a seed decides which, and how long each message travels. So the
    same seed repeats the run, down to each match of a receive from any source, as long as nothing
    else decides: the clock, timeouts that run out, chance or threads of the program's own.

    Args:
        program: called once for each node, with its world communicator.
        n: how many nodes.
        seed: of the schedule; or a Schedule, with other delays.
        timeout: seconds that the run may take.
        dies_after: by node, how many messages it sends before it dies; 0: at its start. Its result
            is DIED, and the others get NodeLost.
        on_failure: whether the end of a node by an exception or by death ends the run, so that
            every later call of the others raises NodeLost, or only those that need that node.

    Raises:
        NodeFailed: the first node that failed by itself; its exception is the cause.
        Deadlock: all nodes wait for each other.
        TimeLimitReached: the run was not over in time.

    Example:
        >>> def ring(world):
        ...     world.send((world.node_id + 1) % world.n_node, world.node_id)
        ...     return world.recv()
        >>> run(ring, n=3)
        [2, 0, 1]
    """
    if n < 1 or on_failure not in ("abort", "continue"):
        raise CallError(f"run takes 1 node or more, and abort or continue: {n}, {on_failure!r}")
    dies_after = dies_after or {}
    if any(not 0 <= node < n for node in dies_after):
        raise CallError(f"dies_after names a node that is none of {n}: {dict(dies_after)}")
    schedule = seed if isinstance(seed, Schedule) else Schedule(seed)
    made = _Run(program, n, schedule, dies_after, on_failure == "abort")
    made.run(timeout)
    _raise_first(made.failures, made.stage.stopped, schedule.seed)
    return made.results


def _raise_first(
    failures: list[tuple[int, BaseException]], stopped: Exception | None, seed: int
) -> None:
    """Raises the root cause: what a node did by itself, before what others did because of it."""
    causes = [(node, error) for node, error in failures if not isinstance(error, NodeLost)]
    if not causes and stopped is not None:
        raise stopped.with_traceback(None)
    for node, error in causes or failures:
        raise NodeFailed(node, error, seed) from error
