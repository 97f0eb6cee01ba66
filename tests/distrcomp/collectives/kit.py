"""Nodes that run an algorithm in one thread, in an order that a seed decides."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from distrcomp.codec import decode, encode
from distrcomp.collectives import Algorithm

Start = Callable[["PortOfOne"], Algorithm]


class PortOfOne:
    """The others, as one node of a `Crew` sees them."""

    def __init__(self, crew: Crew, here: int) -> None:
        self._crew = crew
        self.here = here
        self.size = crew.size
        self.machines = crew.machines

    def name(self, node: int) -> str:
        """What it is called in an error."""
        return f"node {node}"

    def send(self, node: int, value: Any) -> None:
        """Queues what would travel: bytes, so that nothing is shared."""
        assert node != self.here
        codec, meta, buffers = encode(value)
        copies = [bytearray(buffer) for buffer in buffers]
        self._crew.queues.setdefault((self.here, node), deque()).append((codec, meta, copies))
        self._crew.n_sent += 1


class Crew:
    """All nodes of a communicator.

    Args:
        machines: which nodes sit together.
        seed: decides who is next.
    """

    def __init__(self, machines: Sequence[Sequence[int]], seed: int = 0) -> None:
        self.machines = tuple(map(tuple, machines))
        self.size = sum(map(len, machines))
        self.queues: dict[tuple[int, int], deque[Any]] = {}
        self.n_sent = 0
        self._random = random.Random(seed)

    def run(self, start: Callable[[PortOfOne], Algorithm]) -> list[Any]:
        """What the algorithm returns on each node; nothing may be left under way."""
        courses = [start(PortOfOne(self, here)) for here in range(self.size)]
        wanted: dict[int, Any] = {}
        results: list[Any] = [None] * self.size

        def go_on(node: int, value: Any) -> None:
            try:
                wanted[node] = courses[node].send(value)
            except StopIteration as end:
                wanted.pop(node, None)
                results[node] = end.value

        order = list(range(self.size))
        self._random.shuffle(order)
        for node in order:
            go_on(node, None)
        while wanted:
            ready = [node for node in wanted if self.queues.get((_source(wanted[node]), node))]
            assert ready, f"nodes {sorted(wanted)} wait for each other"
            node = self._random.choice(ready)
            source, out = _source(wanted[node]), None
            if isinstance(wanted[node], tuple):
                out = wanted[node][1]
            value = decode(*self.queues[source, node].popleft())
            if out is not None:
                assert (out.shape, out.dtype) == (value.shape, value.dtype)
                out[...] = value
                value = out
            go_on(node, value)
        assert not any(self.queues.values()), "messages were sent that nobody took"
        return results


def _source(wanted: Any) -> int:
    return int(wanted[0] if isinstance(wanted, tuple) else wanted)


def same(expected: Any, actual: Any) -> bool:
    """Whether two results are equal, arrays bit by bit."""
    if isinstance(expected, np.ndarray):
        return (
            isinstance(actual, np.ndarray)
            and expected.dtype == actual.dtype
            and expected.shape == actual.shape
            and expected.tobytes() == actual.tobytes()
        )
    if isinstance(expected, list):
        return (
            isinstance(actual, list)
            and len(expected) == len(actual)
            and all(map(same, expected, actual))
        )
    return bool(expected == actual)
