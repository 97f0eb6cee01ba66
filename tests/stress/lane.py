"""What one thread of a node does: round after round it sends and receives what the plan says."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from random import Random
from time import monotonic
from typing import Any

import distrcomp as dc
from tests.stress import plan
from tests.stress.receiving import Inbox
from tests.stress.values import Made, Maker, Spec, overwrite

_THEIRS = 0xEE
SPOILED_FROM = 2
SPOILS = ("byte", "order", "lost", "memory")
"""Faults that one node can make on purpose, each of which has to be found."""


class Runner:
    """One lane of one node.

    Args:
        lane: which.
        communicator: it sends on this one.
        control: of the same nodes; here they agree to go on.
        names_tags: others use `communicator`, too.
        spoil: one of SPOILS, or nothing.
    """

    def __init__(
        self,
        lane: plan.Lane,
        communicator: dc.Communicator,
        control: dc.Communicator,
        names_tags: bool = False,
        spoil: str = "",
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._lane = lane
        self._communicator = communicator
        self._control = control
        self._spoil = spoil
        self._maker = Maker(lane.seed)
        self._inbox = Inbox(communicator, self._maker, self.counts, names_tags, lane.patience)
        self._requests: list[tuple[Any, Made]] = []
        self._leak: list[bytearray] = []

    def run(self, until: float, each_round: Callable[[], None] = lambda: None) -> None:
        """Goes on until the time is up for the first of the nodes."""
        number = 0
        while self._all_go_on(until):
            self._round(number)
            each_round()
            number += 1
        self._inbox.check_kept()

    def _all_go_on(self, until: float) -> bool:
        """Waits for all nodes; whether the first of them says that there is another round."""
        control = self._control
        if control.node_id:
            control.send(0, None)
            goes_on: bool = control.recv(0)
            return goes_on
        goes_on = monotonic() < until
        for _ in range(1, control.n_node):
            control.recv()
        for other in range(1, control.n_node):
            control.send(other, goes_on)
        return goes_on

    def _round(self, number: int) -> None:
        lane, here = self._lane, self._communicator.node_id
        style = plan.style_of(lane, number)
        dice = plan.chance(lane, "course", number, here)
        inbox = self._inbox
        inbox.where = f"seed {lane.seed}, lane {lane.number}, round {number}, node {here}"
        inbox.begin(self._expected(number), dice)
        inbox.post(lane.tags[0])
        self._exchange(number)
        looks = dice.choice((0.0, 0.02, 0.3)) if style != "burst" else 0.0
        for dest, post in self._course(number, dice):
            self._send(dest, post)
            if dice.random() < looks:
                inbox.look(but=lane.tags[0])
        inbox.receive_all(but=lane.tags[0])
        inbox.close(lane.tags[0])
        for request, made in self._requests:
            request.wait(lane.patience)
            _reuse(made)
        self._requests.clear()
        self.counts[f"round {style}"] += 1
        if self._spoil == "memory":
            self._leak.append(bytearray(b"x") * 2**24)

    def _expected(self, number: int) -> dict[tuple[int, int], deque[Spec]]:
        lane, here = self._lane, self._communicator.node_id
        expected: dict[tuple[int, int], deque[Spec]] = {}
        for source in range(lane.n_node):
            dest, exchanged = plan.exchange(lane, number, source)
            sent = plan.posts(lane, number, source, here)
            for post in [exchanged, *sent] if dest == here else sent:
                expected.setdefault((source, post.tag), deque()).append(post.spec)
        return expected

    def _course(self, number: int, dice: Random) -> list[tuple[int, plan.Post]]:
        """What to send, in order: mixed, or to one node after the other."""
        lane, here = self._lane, self._communicator.node_id
        by_dest = {dest: deque(plan.posts(lane, number, here, dest)) for dest in range(lane.n_node)}
        turns = [dest for dest, posts in by_dest.items() for _ in posts]
        if dice.random() < 0.7:
            dice.shuffle(turns)
        course = [(dest, by_dest[dest].popleft()) for dest in turns]
        if number >= SPOILED_FROM and self._spoil in ("order", "lost"):
            self._spoil_course(course)
        return course

    def _spoil_course(self, course: list[tuple[int, plan.Post]]) -> None:
        """Loses the last message, or has the first one overtaken by the next of its stream."""
        if self._spoil == "lost":
            del course[-1]
            self._spoil = ""
            return
        dest, first = course[0]
        for place, (other, post) in enumerate(course[1:], 1):
            if (other, post.tag, post.way) == (dest, first.tag, first.way):
                course[0], course[place] = course[place], course[0]
                self._spoil = ""
                return

    def _exchange(self, number: int) -> None:
        lane, here = self._lane, self._communicator.node_id
        dest, post = plan.exchange(lane, number, here)
        sources = [
            each for each in range(lane.n_node) if plan.exchange(lane, number, each)[0] == here
        ]
        made = self._maker.make(post.spec)
        value = self._communicator.sendrecv(
            dest,
            made.value,
            sources[0],
            tag=post.tag,
            recv_tag=post.tag,
            timeout=self._lane.patience,
        )
        self.counts["sent by sendrecv"] += 1
        self._inbox.take_exchanged((sources[0], post.tag), value)
        _reuse(made)

    def _send(self, dest: int, post: plan.Post) -> None:
        made = self._maker.make(post.spec)
        self._spoil_byte(post, made)
        self.counts[f"sent by {post.way}"] += 1
        communicator = self._communicator
        if post.way == "isend":
            self._requests.append((communicator.isend(dest, made.value, post.tag), made))
        elif post.way == "issend":
            self._requests.append((communicator.issend(dest, made.value, post.tag), made))
        elif post.way == "ssend":
            communicator.ssend(dest, made.value, post.tag, timeout=self._lane.patience)
            _reuse(made)
        else:
            communicator.send(dest, made.value, post.tag)
            _reuse(made)

    def _spoil_byte(self, post: plan.Post, made: Made) -> None:
        can = post.spec.kind in ("array", "bytearray") and post.spec.nbytes > 100
        if self._spoil == "byte" and can and made.memory[0].flags.writeable:
            made.memory[0][0] ^= 1
            self._spoil = ""


def _reuse(made: Made) -> None:
    """Changes what was sent, as a sender may."""
    for memory in made.memory:
        memory.flags.writeable = True
        overwrite(memory, _THEIRS)
