# ruff: noqa: N802, ARG002, ARG003  (mpi4py's signatures)
"""Intercomm: a communicator of two groups, whose nodes talk to those of the other group.

Behind it stands a core communicator of both groups (the union), which serves the collectives, and a
view of its message space in which the other group's ranks are the node ids, which serves the calls
between two nodes: no others use that space.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self
from zlib import crc32

from ..communicator import Communicator
from ..joining import join
from . import ports
from .checks import integer, is_below
from .collective_side import Side
from .comm import Comm
from .comm_base import CommState
from .constants import COMM_TYPE_SHARED, UNDEFINED
from .errhandler import Errhandler
from .errors import ERR_ARG, ERR_COMM, ERR_GROUP, ERR_ROOT, SUCCESS, MPIException
from .group import Group
from .info import INFO_NULL, Info
from .inter_collectives import InterCollectives


class RemoteView(Communicator):
    """The message space of a union as a node of one group sees the other group.

    Args:
        union: the communicator of both groups.
        remote: the other group, by ids in the world.
        rank: this node's rank in its own group.
    """

    __slots__ = ()

    def __init__(self, union: Communicator, remote: tuple[int, ...], rank: int) -> None:
        here = union.members[union.node_id]
        super().__init__(union._engine, union._number, (*remote, here), union._timeout)
        self.n_node = len(remote)
        self.node_id = rank


class InterState(CommState):
    """What all handles of an intercommunicator share.

    Args:
        union: the communicator of both groups.
        local, remote: the groups, by ids in the world.
    """

    def __init__(
        self, union: Communicator, local: tuple[int, ...], remote: tuple[int, ...]
    ) -> None:
        rank = local.index(union.members[union.node_id])
        super().__init__(lambda: RemoteView(union, remote, rank))
        self.union = union
        self.local = local
        self.remote = remote

    def duplicate(self) -> InterState:
        """Another one of the same groups."""
        return InterState(self.union.dup(), self.local, self.remote)


class Intercomm(InterCollectives, Comm):
    """Intercommunicator."""

    _state: InterState | None

    def __new__(cls, comm: Comm | None = None) -> Self:
        """The null communicator, or another handle of one of two groups."""
        self = super().__new__(cls, comm)
        if self._state is not None and self._state.remote is None:
            raise TypeError(f"{cls.__name__}() takes a communicator of two groups")
        return self

    @classmethod
    def Create_from_groups(
        cls,
        local_group: Group,
        local_leader: int,
        remote_group: Group,
        remote_leader: int,
        stringtag: str = "org.mpi4py",
        info: Info = INFO_NULL,
        errhandler: Errhandler | None = None,
    ) -> Intercomm:
        """Create a communicator of two groups."""
        tag = crc32(stringtag.encode()) & 0x7FFFFFFF
        made = cls._joined(local_group._members, remote_group._members, tag)
        if info:
            made.Set_info(info)
        if errhandler:
            made.Set_errhandler(errhandler)
        return made

    # --- what it is -------------------------------------------------------------------------------

    def Get_size(self) -> int:
        """How many nodes there are in the group of this node."""
        return len(self._inter.local)

    def Get_remote_size(self) -> int:
        """How many nodes there are in the other group."""
        return len(self._inter.remote)

    def Get_remote_group(self) -> Group:
        """The other group."""
        return Group._of(self._inter.remote)

    @property
    def remote_size(self) -> int:
        """How many nodes there are in the other group."""
        return self.Get_remote_size()

    @property
    def remote_group(self) -> Group:
        """The other group."""
        return self.Get_remote_group()

    def Is_inter(self) -> bool:
        """Whether it joins two groups."""
        self._live  # noqa: B018  an error for the null handle
        return True

    # --- what is made of it -----------------------------------------------------------------------

    def Merge(self, high: bool = False) -> Any:
        """Create a communicator of both groups as one; the group that says `high` comes last."""
        state = self._inter
        with self._translated():
            highs = state.union.allgather(bool(high))
            ours, theirs = self._side.local, self._side.peers
            if highs[ours[0]] == highs[theirs[0]]:
                order: Sequence[int] = range(len(highs))
            else:
                order = [*theirs, *ours] if high else [*ours, *theirs]
            return self._made(state.union.create(order))

    def Create(self, group: Group) -> Any:
        """Create one of parts of both groups; each tells that of its own."""
        state = self._inter
        wanted = Group._given(group)._members
        if not set(wanted) <= set(state.local):
            self._fail(ERR_GROUP, "the group has members that this communicator's has not")
        with self._translated():
            told = state.union.allgather(wanted)
            return self._part(wanted, told[self._side.peers[0]])

    def Split(self, color: int = 0, key: int = 0) -> Any:
        """Split both groups; all with one color are together."""
        color, key = integer(color), integer(key)
        if color < 0 and color != UNDEFINED:
            self._fail(ERR_ARG, f"{color} is no color: they are 0 and more, or UNDEFINED")
        state = self._inter
        with self._translated():
            told = state.union.allgather((color, key))
            if color == UNDEFINED:
                return self._part((), ())
            chosen = []
            for nodes in (self._side.local, self._side.peers):
                mine = [(told[node][1], at, node) for at, node in enumerate(nodes)]
                kept = sorted(each for each in mine if told[each[2]][0] == color)
                chosen.append(tuple(state.union.members[node] for _, _, node in kept))
            return self._part(*chosen)

    def Split_type(self, split_type: int, key: int = 0, info: Info = INFO_NULL) -> Any:
        """Split both groups by machine."""
        if split_type == COMM_TYPE_SHARED:
            union = self._inter.union
            peers = [union._engine.peer_of(member) for member in union.members]
            return self.Split(peers.index(peers[union.node_id]), key)
        if split_type != UNDEFINED:
            self._fail(ERR_ARG, f"{split_type} is no type to split two groups by")
        return self.Split(UNDEFINED, key)

    # --- inside -----------------------------------------------------------------------------------

    @classmethod
    def _joined(cls, local: Sequence[int], remote: Sequence[int], tag: int) -> Intercomm:
        """A communicator of these groups, which all of their nodes call for."""
        low, high = sorted((tuple(local), tuple(remote)))
        if shared := set(low) & set(high):
            raise MPIException(ERR_COMM, f"node {min(shared)} of the world is in both groups")
        with cls._wrap(None)._translated():
            union = join().communicator.create_group((*low, *high), tag)
        return cls._wrap(InterState(union, tuple(local), tuple(remote)))

    @classmethod
    def _met(cls, comm: Any, port: str, root: int, is_server: bool) -> Intercomm:
        """A communicator of the group of `comm` and of one that meets it at a port."""
        core = comm._core
        if not is_below(root, core.n_node):
            comm._fail(ERR_ROOT, f"root {root} is not in 0..{core.n_node - 1}")
        told: tuple[tuple[int, ...], int, str] = ((), SUCCESS, "")
        if core.node_id == root:
            try:
                meet = ports.accept if is_server else ports.connect
                told = (meet(port, core.members), SUCCESS, "")
            except MPIException as error:  # the others wait to be told
                told = ((), error.Get_error_code(), error.detail)
        with comm._translated():
            theirs, code, detail = core.bcast(told, root)
            if code == SUCCESS:
                return cls._joined(core.members, theirs, 0)
        comm._fail(code, detail)
        return cls._wrap(None)

    @classmethod
    def _met_by_socket(cls, descriptor: int) -> Intercomm:
        """A communicator of this node and the one at the other end of a socket."""
        here = join().communicator.node_id
        there = ports.meet_by_socket(descriptor)
        if there == here:
            raise MPIException(ERR_ARG, "both ends of this socket are of this node")
        return cls._joined((here,), (there,), 0)

    def _part(self, local: Sequence[int], remote: Sequence[int]) -> Intercomm:
        """A communicator of parts of both groups; null where one is empty. All call this."""
        state = self._inter
        places = {member: node for node, member in enumerate(state.union.members)}
        low, high = sorted((tuple(local), tuple(remote)))
        is_made = bool(low and high)
        core = state.union.create([places[member] for member in (*low, *high) if is_made])
        if core is None:
            return Intercomm._wrap(None)
        return Intercomm._wrap(InterState(core, tuple(local), tuple(remote)))

    @property
    def _inter(self) -> InterState:
        self._live  # noqa: B018  an error for the null handle
        state = self._state
        if state is None:
            raise TypeError
        return state

    def _make_side(self) -> Side:
        state = self._inter
        places = {member: node for node, member in enumerate(state.union.members)}
        local = [places[member] for member in state.local]
        return Side(state.union, local, [places[member] for member in state.remote], True)

    def _duplicate(self) -> CommState:
        return self._inter.duplicate()

    def _close(self) -> None:
        self._inter.core.forget()
        self._inter.union.free()

    def _members(self) -> tuple[int, ...]:
        return self._inter.local

    def _groups(self) -> list[tuple[int, ...]]:
        return [self._inter.local, self._inter.remote]

    def _everyone(self) -> Communicator:
        return self._inter.union
