"""In which groups contributions are combined; no I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import CollectiveMismatch
from ..ops import Op, Unlike


class Pairs:
    """Combines what comes in the order of the nodes: pairs first, then pairs of pairs.

    So does a binomial tree, ((0 1) (2 3)) ((4 5) 6), as MPI libraries reduce with one: rounding
    errors grow with the logarithm of the number of nodes, and sums have the bits that people know.

    Args:
        op: combines two.
        name: what a node is called in an error.

    Example:
        >>> from distrcomp.ops import Op
        >>> pairs = Pairs(Op(lambda one, other: f"({one}{other})"))
        >>> for node in range(7):
        ...     pairs.add(node, node)
        >>> pairs.together()
        '(((01)(23))((45)6))'
    """

    __slots__ = ("_name", "_op", "_parts")

    def __init__(self, op: Op, name: Callable[[int], str] = "node {}".format) -> None:
        self._op = op
        self._name = name
        self._parts: list[tuple[int, Any, Any, int]] = []  # weight, value, room, last node

    def add(self, node: int, value: Any, room: Any = None) -> None:
        """Takes the contribution of the next node.

        Args:
            room: `value`, where it may be written into.

        Raises:
            CollectiveMismatch: it can't be combined with that of the node before.
        """
        parts = self._parts
        parts.append((1, value, room, node))
        while len(parts) > 1 and parts[-1][0] == parts[-2][0]:
            self._combine()

    def together(self) -> Any:
        """All that came."""
        while len(self._parts) > 1:
            self._combine()
        return self._parts[0][1]

    def _combine(self) -> None:
        weight, other, other_room, last = self._parts.pop()
        more, one, room, before = self._parts.pop()
        try:
            both = self._op.combine(one, other, other_room if room is None else room)
        except Unlike as unlike:
            raise CollectiveMismatch(unlike.between(self._name(before), self._name(last))) from None
        self._parts.append((weight + more, both, both, last))
