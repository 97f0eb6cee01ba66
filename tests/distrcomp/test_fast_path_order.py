"""distrcomp.fast_path: any interleaving of sends and receives keeps order and content."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrcomp.communicator import Communicator
from distrcomp.errors import (
    RecvTimeout,
)
from tests.distrcomp.kit import MEMORY, MIXED, STREAM, TIMEOUT_S, Nodes, nodes, outcome
from tests.distrcomp.test_fast_path import alike

N_NODE = 3
PAIR = (2, 0)
"""The members of a second communicator."""


class World:
    """Three nodes, their world and a pair, and a model of what each has to receive."""

    def __init__(self, made: Nodes) -> None:
        pair = made.communicators(5, PAIR)
        self.communicators: list[dict[int, Communicator]] = [
            dict(enumerate(made.worlds)),
            {PAIR.index(node): communicator for node, communicator in pair.items()},
        ]
        # By receiving communicator: (source, tag, value), oldest first.
        self.sent: dict[tuple[int, int], list[tuple[int, int, Any]]] = {}

    def send(self, which: int, source: int, dest: int, tag: int, value: Any) -> None:
        group = self.communicators[which]
        source, dest = source % len(group), dest % len(group)
        group[source].send(dest, value, tag)
        self.sent.setdefault((which, dest), []).append((source, tag, value))

    def receive(self, which: int, node: int, source: int, tag: int) -> None:
        """Receives what fits, and checks that it is the oldest of its source."""
        group = self.communicators[which]
        node = node % len(group)
        source = source if source == -1 else source % len(group)
        sent = self.sent.setdefault((which, node), [])
        fitting = [each for each in sent if source in (-1, each[0]) and tag in (-1, each[1])]
        if not fitting:
            with pytest.raises(RecvTimeout):
                group[node].recv(source, tag, timeout=0)
            return
        matched = group[node].mprobe(source, tag, timeout=0) if len(sent) % 3 == 0 else None
        if matched is not None:
            whence, value = matched.status.source, matched.recv()
            fitting = [each for each in fitting if each[0] == whence]
        else:
            value = group[node].recv(source, tag, timeout=0)
        oldest = {each[0]: each for each in reversed(fitting)}
        (found,) = [each for each in oldest.values() if alike(each[2], value)]
        sent.remove(next(each for each in sent if each is found))

    def drain(self) -> None:
        for (which, node), sent in self.sent.items():
            while sent:
                self.receive(which, node, sent[0][0], -1)


N_VALUE = 6


def value_of(number: int, kind: int) -> Any:
    """One that no other number gives, of one of some kinds."""
    return [
        lambda: number,
        lambda: f"text {number}",
        lambda: [number, "list"],
        lambda: np.full(number % 40 + 1, number),
        lambda: (number, bytes(3_000)),
        lambda: np.full(2_100 + number, number),
    ][kind]()


SENDS = st.tuples(
    st.integers(0, 1),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, N_VALUE - 1),
)
RECEIVES = st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(-1, 2), st.integers(-1, 2))


@pytest.mark.parametrize("kind", [STREAM, MEMORY, MIXED])
@settings(max_examples=60)
@given(acts=st.lists(SENDS | RECEIVES, max_size=30))
def test_any_interleaving_keeps_order(kind: str, acts: list[tuple[int, ...]]) -> None:
    """Between two nodes, on one communicator and tag, nothing overtakes and nothing is mixed up."""
    with nodes(N_NODE, kind) as made:
        world = World(made)
        for number, act in enumerate(acts):
            if len(act) == 5:
                which, source, dest, tag, form = act
                world.send(which, source, dest, tag, value_of(number, form))
            else:
                world.receive(*act)
        world.drain()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", [STREAM, MEMORY, MIXED])
def test_many_at_once_keep_order(kind: str, seed: int) -> None:
    """All nodes send and receive at once, all sizes: each pair's messages come whole, in order."""
    n_message = 80
    sizes = [0, 1, 10, 100, 2_000, 2_050, 17_000, 70_000, 400_000]

    with nodes(N_NODE, kind, spins=bool(seed % 2)) as made, made.control_threads():
        pair = made.communicators(5, PAIR)

        def plan(source: int, dest: int) -> list[tuple[int, int, int]]:
            """(communicator, tag, size) of what one sends another, as both know it."""
            chance = random.Random(f"{seed} {source} {dest}")
            whiches = [0, 1] if source in PAIR and dest in PAIR else [0]
            return [
                (chance.choice(whiches), chance.randrange(3), chance.choice(sizes))
                for _ in range(n_message)
            ]

        def group(which: int, node: int) -> Communicator:
            return pair[node] if which else made.worlds[node]

        def node_of(which: int, node: int) -> int:
            return PAIR.index(node) if which else node

        def send_all(node: int) -> None:
            plans = {dest: plan(node, dest) for dest in range(N_NODE)}
            for number in range(n_message):
                for dest, steps in plans.items():
                    which, tag, size = steps[number]
                    value = (number, np.full(size, number % 128, np.uint8))
                    group(which, node).send(node_of(which, dest), value, tag)

        def receive_all(node: int) -> int:
            chance = random.Random(seed + node)
            left = {
                (source, which, tag): [
                    (number, size)
                    for number, (w, t, size) in enumerate(plan(source, node))
                    if (w, t) == (which, tag)
                ]
                for source in range(N_NODE)
                for which in (0, 1)
                for tag in range(3)
            }
            count = 0
            while open_ones := [key for key, steps in left.items() if steps]:
                source, which, tag = key = chance.choice(open_ones)
                number, array = group(which, node).recv(
                    node_of(which, source), tag, timeout=TIMEOUT_S
                )
                assert (number, array.size) == left[key].pop(0)
                assert (array == number % 128).all()
                count += 1
            return count

        acts = [made.start(act, node) for node in range(N_NODE) for act in (send_all, receive_all)]
        assert sum(filter(None, outcome(acts))) == N_NODE * N_NODE * n_message
