"""What the nodes of a part of the world are called, and who is in it; no I/O.

A node has one id in the world, and another one in each communicator that is a part of it. Reports,
`NodeLost.node` and what people say of a run go by the former, the program's own calls on a part by
the latter. So an error names both where they differ.
"""

from __future__ import annotations

from collections.abc import Sequence


def name_in(node: int, members: Sequence[int]) -> str:
    """A node of a communicator, by its id there.

    Args:
        members: the world's ids of the communicator's nodes, in order.

    Example:
        >>> name_in(1, (2, 3)), name_in(1, (0, 1))
        ('node 1 (node 3 of the world)', 'node 1')
    """
    member = members[node]
    return f"node {node}" if member == node else f"node {node} (node {member} of the world)"


class Parts:
    """The communicators of a node, by their message spaces.

    Args:
        n_node: how many nodes the run has.
    """

    def __init__(self, n_node: int) -> None:
        self._world = tuple(range(n_node))
        self._members: dict[int, tuple[int, ...]] = {}

    def add(self, space: int, members: tuple[int, ...]) -> None:
        """These are the nodes of a communicator that has this message space."""
        if members != self._world:
            self._members[space] = members

    def drop(self, space: int) -> None:
        """It is no more."""
        self._members.pop(space, None)

    def members(self, space: int) -> Sequence[int]:
        """Who can send there, by their ids in the world."""
        return self._members.get(space, self._world)

    def part(self, space: int) -> tuple[int, ...]:
        """The same, but nobody where that is the world, in its own order."""
        return self._members.get(space, ())

    def name(self, member: int, space: int | None) -> str:
        """A node by its id in the world, as who calls on a communicator knows it.

        Args:
            space: of that communicator; None where nobody knows on which one the call is.
        """
        if space is None:
            is_plain = not self._members
        else:
            members = self.members(space)
            if member in members:
                return name_in(members.index(member), members)
            is_plain = False
        return f"node {member}" if is_plain else f"node {member} of the world"
