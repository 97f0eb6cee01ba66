"""Making communicators out of one: who is in them, and which number they get.

That is a collective, of the whole communicator or of those who will be in the new one; the latter
has a message space of its own, where several may go on at once with different tags. See `spaces`
for the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from . import collectives as c
from .arguments import integer, node_number
from .collective_calls import CollectiveCalls
from .collective_path import CollectivePath
from .collective_requests import wait_for_begun
from .engine import Engine
from .errors import CallError, CommunicatorFreed, InternalError
from .fast_path import FastPath
from .long_path import WORLD
from .ops import BOR, LAND
from .spaces import COLLECTIVE, CREATION, SPACES, free_index

if TYPE_CHECKING:
    from typing import Self

_Agree = Callable[[Any, Any], Any]
"""Combines what all give, by an operation: what they all get."""


class _CreationPath(CollectivePath):
    """Several groups are made here at once, so what others send is no sign of a mismatch.

    Their messages bear the tag that the program gives; those of one group come in order.
    """

    __slots__ = ()

    def enter(self, kind: int, root: int, depth: int = 2) -> int:  # noqa: ARG002
        return root

    _recv_long = FastPath._recv_long


class _Freed:
    """Stands in for the engine of a communicator that is no more."""

    def __getattr__(self, name: str) -> Any:
        raise CommunicatorFreed("this communicator has been freed")


class GroupCalls(CollectiveCalls):
    """Making communicators, and ending them; see Communicator."""

    __slots__ = ()

    @property
    def _is_freed(self) -> bool:
        """Whether `free` was called."""
        return isinstance(self._engine, _Freed)

    @property
    def members(self) -> tuple[int, ...]:
        """Its nodes by their ids in the world, in order."""
        return tuple(self._members)

    def translate(self, node: int, other: GroupCalls) -> int | None:
        """The id that a node of this communicator has in another; None if it is not in that one.

        Semantics: MPI-4.1, 7.3.1 (MPI_Group_translate_ranks).

        Example:
            >>> import distrcomp as dc
            >>> part = dc.split(0)
            >>> part.translate(0, dc.world)
            0
            >>> part.free()
        """
        return other._ids.get(self._members[node_number(node, self.n_node)])

    def dup(self) -> Self:
        """The same nodes with a message space of their own; all must call it (MPI-4.1, 7.4.2).

        Example:
            >>> import distrcomp as dc
            >>> mine = dc.world.dup()
            >>> mine.n_node == dc.n_node
            True
            >>> mine.free()
        """
        return self._made(range(self.n_node), self._agree_all)

    def split(self, color: int | None, key: int = 0) -> Self | None:
        """Parts of this communicator: who gives the same color is in one; all must call it.

        Semantics: MPI-4.1, 7.4.2.

        Args:
            color: any integer; None to be in none of them.
            key: the order of the nodes in the new one; among equal keys that of this one.

        Returns:
            The part that this node is in, or None.

        Example:
            >>> import distrcomp as dc
            >>> half = dc.split(dc.node_id % 2, key=-dc.node_id)
            >>> half.n_node
            1
            >>> half.free()
        """
        if color is not None and integer(color) is None:
            raise CallError(f"color={color!r} is no integer and not None")
        if integer(key) is None:
            raise CallError(f"key={key!r} is no integer")
        wishes = self._all.run(c.SPLIT, 0, c.allgather, (color, key))
        chosen = [(its_key, node) for node, (its, its_key) in enumerate(wishes) if its == color]
        members = [] if color is None else [node for _, node in sorted(chosen)]
        return self._make(members, self._agree_all)

    def create(self, members: Sequence[int]) -> Self | None:
        """A communicator of some of this one's nodes; all must call it (MPI-4.1, 7.4.2).

        Args:
            members: node ids here, in the order that they will have there; the same on each of
                them. Disjoint groups may be made by one call.

        Returns:
            The communicator, or None where `members` doesn't name this node.
        """
        return self._make(self._checked(members), self._agree_all)

    def create_group(self, members: Sequence[int], tag: int = 0) -> Self:
        """A communicator of some of this one's nodes, which they alone call (MPI-4.1, 7.4.2).

        Args:
            members: as in `create`; this node is one of them.
            tag: tells apart what several threads make at once with the same nodes.
        """
        nodes = self._checked(members)
        if self.node_id not in nodes:
            name = self._name(self.node_id)
            raise CallError(f"{name} is not among the members of its own group")
        world_ids = tuple(self._members[node] for node in nodes)
        path = _CreationPath(self._engine, self._number + CREATION, world_ids, self._timeout)

        def agree(value: Any, op: Any) -> Any:
            return path.run(c.CREATE, tag, c.allreduce, value, op)

        return self._made(nodes, agree)

    def free(self) -> None:
        """Ends this communicator; all its nodes must call it. Messages not received are dropped.

        Collectives that were begun here are waited for. Later calls raise CommunicatorFreed.
        Semantics: MPI-4.1, 7.4.3.

        Raises:
            CallError: it is the world, which ends with the run.
        """
        if self._number == WORLD:
            raise CallError("the world can't be freed: it ends with the run")
        together = self._all
        wait_for_begun(together)
        # After this nothing that was sent here is under way: the number, and with it the message
        # space, may be another one's at once.
        self._engine.settle(self._number, self._members, self._timeout)
        together.run(c.FREE, 0, c.barrier)
        for path in (self, together):
            self._engine.drop_shortcut(path)
        self._engine.drop_communicator(self._number, self._members)
        self._engine = together._engine = cast(Engine, _Freed())
        self._together = None

    def _make_path(self) -> CollectivePath:
        return CollectivePath(
            self._engine, self._number + COLLECTIVE, tuple(self._members), self._timeout
        )

    def _agree_all(self, value: Any, op: Any) -> Any:
        return self._all.run(c.CREATE, 0, c.allreduce, value, op)

    def _checked(self, members: Sequence[int]) -> list[int]:
        nodes = [node_number(node, self.n_node) for node in members]
        if len(set(nodes)) < len(nodes):
            raise CallError(f"a node stands twice among {list(members)!r}")
        return nodes

    def _made(self, members: Sequence[int], agree: _Agree) -> Self:
        made = self._make(members, agree)
        if made is None:
            raise InternalError("a communicator was made without a node that is in it")
        return made

    def _make(self, members: Sequence[int], agree: _Agree) -> Self | None:
        """A communicator of these, numbered by `agree`; None where this node isn't one of them."""
        spaces = self._engine.spaces
        index = skipped = 0
        is_ours = False
        while not is_ours:
            index = free_index(agree(spaces.used, BOR), skipped)
            is_free = spaces.reserve(index)
            is_ours = agree(is_free, LAND)
            if is_free and not (is_ours and self.node_id in members):
                spaces.release(index)
            skipped += 1
        if self.node_id not in members:
            return None
        world_ids = tuple(self._members[node] for node in members)
        number = index * SPACES
        self._engine.add_communicator(number, world_ids)
        return self._of(number, world_ids)

    def _of(self, number: int, members: tuple[int, ...]) -> Self:
        raise NotImplementedError
