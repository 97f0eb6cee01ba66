# ruff: noqa: N802
"""Group: an ordered set of nodes.

A group is the tuple of its members' ids in the world, in order of rank; all of its algebra is on
tuples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import distrcomp

from .checks import is_below
from .constants import IDENT, PROC_NULL, SIMILAR, UNDEFINED, UNEQUAL
from .errors import ERR_ARG, ERR_GROUP, ERR_RANK, MPIException
from .handles import Handle, is_constant, predefine


class _Members:
    """What a group is."""

    __slots__ = ("__weakref__", "ids")

    def __init__(self, ids: tuple[int, ...]) -> None:
        self.ids = ids


class Group(Handle, null="GROUP_NULL"):
    """Group of processes."""

    __slots__ = ()

    _state: _Members | None

    def __new__(cls, group: Group | None = None) -> Self:
        """The null group, or another handle of one."""
        return super().__new__(cls, group)

    @classmethod
    def _of(cls, members: Iterable[int]) -> Self:
        """The group of these nodes, by their ids in the world."""
        ids = tuple(members)
        return cls._wrap(_Members(ids) if ids else _EMPTY)

    @property
    def _members(self) -> tuple[int, ...]:
        """The members' ids in the world, by rank."""
        if self._state is None:
            raise MPIException(ERR_GROUP, "this is the null group")
        return self._state.ids

    def Get_size(self) -> int:
        """Return the number of processes in the group."""
        return len(self._members)

    @property
    def size(self) -> int:
        """Number of processes."""
        return len(self._members)

    def Get_rank(self) -> int:
        """Return the rank of this process in the group, UNDEFINED outside of it."""
        return _rank(self._members, distrcomp.node_id)

    @property
    def rank(self) -> int:
        """Rank of this process."""
        return self.Get_rank()

    def Translate_ranks(
        self, ranks: Sequence[int] | None = None, group: Group | None = None
    ) -> list[int]:
        """Translate ranks in this group, all of them without `ranks`, to those in another.

        Without `group` that is the group of COMM_WORLD. PROC_NULL stays PROC_NULL, and who is not
        in the other group becomes UNDEFINED.
        """
        members = self._members
        wanted = range(len(members)) if ranks is None else ranks
        others = range(distrcomp.n_node) if group is None else group._members
        places = {member: rank for rank, member in enumerate(others)}
        return [
            PROC_NULL if r == PROC_NULL else places.get(members[_check(r, members)], UNDEFINED)
            for r in wanted
        ]

    def Compare(self, group: Group) -> int:
        """Compare two groups: IDENT, SIMILAR (in another order) or UNEQUAL."""
        mine, theirs = self._members, group._members
        if mine == theirs:
            return IDENT
        return SIMILAR if set(mine) == set(theirs) else UNEQUAL

    def Dup(self) -> Self:
        """Duplicate the group."""
        return type(self)._of(self._members)

    @classmethod
    def Union(cls, group1: Group, group2: Group) -> Self:
        """Make a group of all in the first, then those of the second that are not in it."""
        first, second = group1._members, group2._members
        return cls._of(dict.fromkeys(first + second))

    @classmethod
    def Intersection(cls, group1: Group, group2: Group) -> Self:
        """Make a group of those in both, in the order of the first."""
        second = set(group2._members)
        return cls._of(member for member in group1._members if member in second)

    Intersect = Intersection

    @classmethod
    def Difference(cls, group1: Group, group2: Group) -> Self:
        """Make a group of those in the first and not in the second."""
        second = set(group2._members)
        return cls._of(member for member in group1._members if member not in second)

    def Incl(self, ranks: Sequence[int]) -> Self:
        """Make a group of these ranks, in this order."""
        members = self._members
        return type(self)._of(members[rank] for rank in _distinct(ranks, members))

    def Excl(self, ranks: Sequence[int]) -> Self:
        """Make a group of all but these ranks."""
        members = self._members
        left_out = set(_distinct(ranks, members))
        return type(self)._of(m for rank, m in enumerate(members) if rank not in left_out)

    def Range_incl(self, ranks: Sequence[tuple[int, int, int]]) -> Self:
        """Make a group of ranges of ranks, each given as first, last and stride."""
        return self.Incl(_spread(ranks))

    def Range_excl(self, ranks: Sequence[tuple[int, int, int]]) -> Self:
        """Make a group of all but ranges of ranks, each given as first, last and stride."""
        return self.Excl(_spread(ranks))

    @classmethod
    def Create_from_session_pset(cls, session: Any, pset_name: str) -> Self:
        """Make a group of a process set of a session."""
        return cls._of(session._process_set(pset_name))

    def Free(self) -> None:
        """Free the group."""
        if self._state is None:
            raise MPIException(ERR_GROUP, "the null group can't be freed")
        if self._state is not _EMPTY:
            self._invalidate()
        elif not is_constant(self):
            self._state = None


class HasGroup:
    """Mixin: the group of the nodes of the handle's state, which has a communicator `core`."""

    __slots__ = ()

    _live: Any

    def Get_group(self) -> Group:
        """Return the group of nodes."""
        return Group._of(self._live.core.members)

    @property
    def group(self) -> Group:
        """Group of nodes."""
        return self.Get_group()

    @property
    def group_size(self) -> int:
        """Number of nodes."""
        count: int = self._live.core.n_node
        return count

    @property
    def group_rank(self) -> int:
        """Rank of this node."""
        rank: int = self._live.core.node_id
        return rank


_EMPTY = _Members(())

GROUP_NULL: Group = predefine("GROUP_NULL", Group())
GROUP_EMPTY: Group = predefine("GROUP_EMPTY", Group._wrap(_EMPTY))


def _rank(members: Sequence[int], member: int) -> int:
    return members.index(member) if member in members else UNDEFINED


def _check(rank: int, members: Sequence[int]) -> int:
    if not is_below(rank, len(members)):
        raise MPIException(ERR_RANK, f"rank {rank} is not in this group of {len(members)}")
    return rank


def _distinct(ranks: Iterable[int], members: Sequence[int]) -> list[int]:
    """The ranks as a list, each in the group and there once."""
    listed = [_check(rank, members) for rank in ranks]
    if len(set(listed)) != len(listed):
        raise MPIException(ERR_RANK, f"a rank stands twice in {listed}")
    return listed


def _spread(ranges: Iterable[tuple[int, int, int]]) -> list[int]:
    """The ranks of ranges that include their last."""
    ranks: list[int] = []
    for first, last, stride in ranges:
        if stride == 0:
            raise MPIException(ERR_ARG, f"the range {(first, last, stride)} has stride 0")
        ranks.extend(range(first, last + (1 if stride > 0 else -1), stride))
    return ranks
