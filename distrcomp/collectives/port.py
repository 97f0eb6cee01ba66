"""What an algorithm sees of its node and of the others; no I/O."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import lru_cache
from typing import Any, Protocol

Algorithm = Generator[Any, Any, Any]
"""Yields a node, or (node, memory), and is given what came from it; see the package."""


class Port(Protocol):
    """The others, as an algorithm sees them.

    Attributes:
        here: this node's id in the communicator.
        size: how many nodes there are.
        machines: their ids by machine, each in order.
    """

    here: int
    size: int
    machines: Sequence[Sequence[int]]

    def name(self, node: int) -> str:
        """What a node is called in an error."""

    def send(self, node: int, value: Any) -> None:
        """Sends without waiting; `value` must stay as it is until the collective is over."""


PAIRWISE_MAX = 2
"""So few nodes tell each other: one wait. More of them go by one, in a tree: two waits, but fewer
messages, and where nodes share cores it is the messages that count."""

RADIX = 8
"""How many parts a tree splits its nodes into; up to so many nodes it is flat.

On one machine a message costs its sender about as much as its way takes, so few levels win; they
also make each node wait less often, which is what costs where nodes share cores.
"""


@lru_cache(4096)
def family(size: int, here: int) -> tuple[int | None, tuple[int, ...]]:
    """A node's parent and children in a tree over `size` nodes, rooted at 0.

    The subtree of a node are the nodes from it up to some other one, and its children are in order;
    so what comes from them, in that order, is in the order of the nodes (a k-nomial tree in
    preorder; Thakur, Rabenseifner and Gropp, 2005, for k = 2).
    """
    parent, begin, end = None, 0, size
    children: list[int] = []
    while end - begin > 1:
        step = -(-(end - begin) // RADIX)
        if here == begin:
            children[:0] = range(begin + step, end, step)
            end = begin + step
        else:
            part = begin + (here - begin) // step * step
            if part != begin:
                parent = begin
            begin, end = part, min(part + step, end)
    return parent, tuple(children)


def rotated(nodes: Sequence[int], first: int) -> tuple[int, ...]:
    """The same nodes in the same order, but beginning with `first`."""
    at = nodes.index(first)
    return (*nodes[at:], *nodes[:at])


def is_in_order(machines: Sequence[Sequence[int]]) -> bool:
    """Whether each machine's nodes follow one another, and so the machines."""
    everyone = [node for machine in machines for node in machine]
    return everyone == list(range(len(everyone)))
