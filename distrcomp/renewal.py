"""After a notebook's cell that failed: communicators begin anew, for the next cell to use them.

Messages may be unread then, or still on their way, and nodes may be at different collectives. A
message bears its communicator's number. So each gets another one, in the same object: whoever
holds it, or a call of it by name, holds the renewed one. The old numbers are not used again, for
nobody can say when the last message with one has come.

Refused: to take all messages out instead. It would take every link's word that nothing is under
way, also of arrays whose memory a send was interrupted in lending.
"""

from __future__ import annotations

from collections.abc import Sequence

from .communicator import Communicator
from .spaces import SERVICE

Identity = tuple[int, tuple[int, ...]]
"""A communicator's number, and the nodes of the world that are in it."""


def renew(space: Communicator) -> None:
    """Renews every communicator that all its nodes still have; all nodes call it together.

    Those that serve others, such as the windows of memory of MPI, are left alone.

    Args:
        space: of all nodes of the world, in its order; it is left alone, too.
    """
    engine = space._engine
    mine: dict[Identity, list[Communicator]] = {}
    for each in engine.shortcuts():
        if not isinstance(each, Communicator) or each is space:
            continue
        if each._number + SERVICE not in engine.mailbox.services:
            mine.setdefault((each._number, each.members), []).append(each)
    for identity in whole(space.allgather(sorted(mine))):
        made = space.create(identity[1])
        if made is None:
            continue
        for each in mine[identity]:
            Communicator.__init__(each, engine, made._number, made.members, each._timeout)


def whole(told: Sequence[Sequence[Identity]]) -> list[Identity]:
    """The communicators that each of their nodes has, in an order that is the same everywhere.

    Args:
        told: those of each node of the world.

    Example:
        >>> whole([[(0, (0, 1)), (4, (0, 1))], [(0, (0, 1))]])
        [(0, (0, 1))]
    """
    known = [set(each) for each in told]
    return sorted(
        identity
        for identity in set().union(*known)
        if all(identity in known[node] for node in identity[1])
    )
