"""Which nodes wait for each other, so that none of them can ever go on; no I/O.

What always holds, and why there is no false verdict:

- Nodes tell when a thread of theirs has waited for a second, and when it waits no more. From that
  comes the picture, and from it the suspects: the largest set of waiting nodes in which everyone
  waits only for nodes of the set or for nodes that have ended.
- The picture may be old, so the suspects are asked how they stand, and again when all have
  answered. A node says that it waits only if nothing but a message can change that (see
  distrcomp.standing). The verdict falls where both rounds give one set whose members stand the same
  in the same waits, and nothing is on its way between them.
- Between the last answer of the first round and the first question of the second all of them waited
  at once, for each wait has a serial of its own. Nobody sends while it waits, unless something
  arrives; and nothing has arrived, for the number of arrivals is the same. What was sent before had
  left its sender by the first round and would have been seen at its receiver by the second.

Where something is on its way, or a node runs, they are asked again after a pause that grows.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from distrcomp.notices import Standing, Unread, Waiting

from .. import limits
from ..records import record

Wakers = Set[int] | None
"""The nodes that can have a node go on; None: every node."""


@record
class Ask:
    """Ask these nodes how they stand."""

    number: int
    nodes: frozenset[int]


@record
class Later:
    """Call `look(number)` in so many seconds."""

    number: int
    seconds: float


@record
class LongWait:
    """A wait, and how long it has lasted."""

    waiting: Waiting
    seconds: float


@record
class Verdict:
    """These nodes wait for each other, and nothing is on its way.

    Attributes:
        waits: of each of the nodes.
        unread: what lies unread at each of them.
        elsewhere: the waits of all other nodes.
        ended: the nodes that have ended.
    """

    waits: Mapping[int, tuple[LongWait, ...]]
    unread: Mapping[int, tuple[Unread, ...]]
    elsewhere: Mapping[int, tuple[LongWait, ...]]
    ended: frozenset[int]


@record
class Stalled:
    """These nodes have waited for each other for long, though some of them may still act.

    Attributes:
        waits: of each of the nodes.
        running: those that have said that something of theirs does not wait.
    """

    waits: Mapping[int, tuple[LongWait, ...]]
    running: frozenset[int]


Step = Ask | Later | Verdict | Stalled
"""What is to be done next."""


def closed_set(candidates: Mapping[int, Wakers], ended: Set[int], n_node: int) -> frozenset[int]:
    """The largest set of candidates that only its members, or nodes that have ended, could wake.

    Example:
        >>> sorted(closed_set({0: {1}, 1: {0}, 2: {3}}, frozenset(), 4))
        [0, 1]
    """
    closed = set(candidates)
    while True:
        silent = closed | ended
        is_all = len(silent) >= n_node
        leaving = {
            node
            for node in closed
            if not (is_all if (wakers := candidates[node]) is None else wakers <= silent)
        }
        if not leaving:
            return frozenset(closed)
        closed -= leaving


def stuck_set(answers: Mapping[int, Standing], ended: Set[int], n_node: int) -> frozenset[int]:
    """The largest set of nodes that wait for each other by what they answered."""
    candidates: dict[int, Wakers] = {
        node: None if standing.wakes_all else frozenset(standing.wakers)
        for node, standing in answers.items()
        if standing.is_waiting and not standing.is_linking
    }
    while True:
        closed = closed_set(candidates, ended, n_node)
        silent = closed | ended
        about_to_hear = {
            node for node in closed if not silent.isdisjoint(answers[node].unread_from)
        }
        for node in closed:
            about_to_hear.update(
                dest
                for dest in closed.intersection(answers[node].unsent_to)
                if node not in answers[dest].held
            )
        if not about_to_hear:
            return closed
        candidates = {node: candidates[node] for node in closed - about_to_hear}


class Diagnosis:
    """The picture of one run, and the questions about it.

    Args:
        n_node: how many nodes the run has.
    """

    def __init__(self, n_node: int) -> None:
        self._n_node = n_node
        self._waits: dict[int, dict[int, tuple[Waiting, float]]] = {}
        self._ended: set[int] = set()
        self._look_number = 0
        self._is_look_near = False
        self._pause_s = limits.DEADLOCK_PAUSE_S_MIN
        self._number = 0
        self._asked: frozenset[int] = frozenset()
        self._answers: dict[int, Standing] = {}
        self._before: dict[int, Standing] = {}
        self._judged: frozenset[tuple[int, int]] = frozenset()
        self._stalled: frozenset[tuple[int, int]] = frozenset()

    def wait(self, node: int, waiting: Waiting, now: float) -> list[Step]:
        """A thread of a node waits."""
        waits = self._waits.setdefault(node, {})
        waits[waiting.serial] = (waiting, now - waiting.waited_s)
        if len(waits) > limits.WAITS_PER_NODE_MAX:
            del waits[next(iter(waits))]
        self._pause_s = limits.DEADLOCK_PAUSE_S_MIN
        return self._look_soon()

    def resume(self, node: int, serial: int) -> list[Step]:
        """A wait is over."""
        waits = self._waits.get(node, {})
        waits.pop(serial, None)
        if not waits:
            self._waits.pop(node, None)
        return self._look_soon() if node in self._asked else []

    def end(self, node: int) -> list[Step]:
        """A node has ended."""
        if node in self._ended:
            return []
        self._ended.add(node)
        self._waits.pop(node, None)
        return self._look_soon()

    def longest(self) -> dict[int, tuple[Waiting, float]]:
        """For nodes that wait, their longest wait, and since when."""
        return {
            node: min(waits.values(), key=lambda wait: wait[1])
            for node, waits in self._waits.items()
            if waits
        }

    def suspects(self) -> frozenset[int]:
        """The nodes that wait for each other by what was told of them."""
        candidates: dict[int, Wakers] = {}
        for node, waits in self._waits.items():
            told = [waiting for waiting, _ in waits.values()]
            if any(waiting.has_deadline for waiting in told):
                continue
            is_any = any(not waiting.sources for waiting in told)
            sources = {source for waiting in told for source in waiting.sources}
            candidates[node] = None if is_any else sources
        return closed_set(candidates, self._ended, self._n_node)

    def look(self, number: int) -> list[Step]:
        """It is time for the look that bears this number; others come to nothing."""
        if number != self._look_number:
            return []
        self._is_look_near = False
        suspects = self.suspects()
        if not suspects or self._serials(suspects) <= self._judged:
            self._asked = frozenset()
            return []
        return self._ask(suspects, {})

    def answer(self, node: int, standing: Standing, now: float) -> list[Step]:
        """A node tells how it stands."""
        if standing.number != self._number or node not in self._asked:
            return []
        self._answers[node] = standing
        if len(self._answers) < len(self._asked):
            return []
        stuck = stuck_set(self._answers, self._ended, self._n_node)
        if stuck and not self._before:
            return self._ask(stuck, self._answers)
        if not stuck or not all(
            _posture(self._before[node]) == _posture(self._answers[node]) for node in self._asked
        ):
            return [*self._stall(now), *self._look_later()]
        self._judged = self._serials(stuck)
        self._asked = frozenset()
        return [
            Verdict(
                waits={node: self._long_waits(node, now) for node in sorted(stuck)},
                unread={node: self._answers[node].unread for node in sorted(stuck)},
                elsewhere={
                    node: self._long_waits(node, now) for node in sorted(self._waits.keys() - stuck)
                },
                ended=frozenset(self._ended),
            )
        ]

    def _stall(self, now: float) -> list[Step]:
        """Says once of the nodes that were asked that they have waited for long."""
        serials = self._serials(self._asked)
        waits = {node: self._long_waits(node, now) for node in sorted(self._asked)}
        youngest_s = min((wait.seconds for each in waits.values() for wait in each), default=0.0)
        if youngest_s < limits.STALL_TOLD_AFTER_S or serials <= self._stalled:
            return []
        self._stalled = serials
        running = {node for node, answer in self._answers.items() if not answer.is_waiting}
        return [Stalled(waits, frozenset(running))]

    def _ask(self, nodes: frozenset[int], before: dict[int, Standing]) -> list[Step]:
        self._number += 1
        self._asked, self._answers, self._before = nodes, {}, before
        return [Ask(self._number, nodes)]

    def _look_soon(self) -> list[Step]:
        """Something has changed, and more may in a moment."""
        if self._is_look_near:
            return []
        self._is_look_near = True
        return self._schedule(limits.DEADLOCK_LOOK_S)

    def _look_later(self) -> list[Step]:
        self._asked = frozenset()
        pause_s = self._pause_s
        self._pause_s = min(2 * pause_s, limits.DEADLOCK_PAUSE_S_MAX)
        return self._schedule(pause_s)

    def _schedule(self, seconds: float) -> list[Step]:
        self._look_number += 1
        return [Later(self._look_number, seconds)]

    def _serials(self, nodes: Set[int]) -> frozenset[tuple[int, int]]:
        return frozenset((node, serial) for node in nodes for serial in self._waits.get(node, ()))

    def _long_waits(self, node: int, now: float) -> tuple[LongWait, ...]:
        waits = self._waits.get(node, {}).values()
        return tuple(LongWait(waiting, now - since) for waiting, since in waits)


def _posture(standing: Standing) -> tuple[object, ...]:
    """What must not change between two rounds."""
    return standing.serials, standing.wakers, standing.wakes_all, standing.arrivals
