# ruff: noqa: N802
"""Communicators: a group of nodes with its own message space, and what can be asked of one."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any, NoReturn

from .abort import abort
from .agreement import FailureCalls
from .buffer_collectives import BufferCollectives
from .buffer_collectives_begun import BegunCollectives
from .buffer_collectives_renewed import RenewedCollectives
from .constants import CONGRUENT, IDENT, SIMILAR, UNDEFINED, UNEQUAL
from .group import Group
from .handles import predefine
from .message import MatchingCalls
from .object_collectives import ObjectCollectives
from .object_p2p import ObjectCalls


class Comm(
    ObjectCalls,
    MatchingCalls,
    ObjectCollectives,
    BufferCollectives,
    BegunCollectives,
    RenewedCollectives,
    FailureCalls,
    null="COMM_NULL",
):
    """A communicator.

    Example:
        >>> from distrcomp.mpi import MPI
        >>> comm = MPI.COMM_WORLD.Dup()
        >>> comm.Get_rank(), comm.Get_size()
        (0, 1)
        >>> comm.Free()
    """

    # --- what it is -------------------------------------------------------------------------------

    def Get_rank(self) -> int:
        """The rank of this node."""
        return self._core.node_id

    def Get_size(self) -> int:
        """How many nodes there are in the group of this node."""
        return self._core.n_node

    def Get_group(self) -> Group:
        """The group of the nodes."""
        return Group._of(self._members())

    @property
    def rank(self) -> int:
        """The rank of this node."""
        return self.Get_rank()

    @property
    def size(self) -> int:
        """How many nodes there are in the group of this node."""
        return self.Get_size()

    @property
    def group(self) -> Group:
        """The group of the nodes."""
        return self.Get_group()

    def Is_inter(self) -> bool:
        """Whether it joins two groups."""
        self._need()
        return False

    def Is_intra(self) -> bool:
        """Whether it is of one group."""
        return not self.Is_inter()

    def Get_topology(self) -> int:
        """Which topology it has: CART, GRAPH, DIST_GRAPH, or UNDEFINED."""
        self._need()
        return UNDEFINED

    @property
    def is_inter(self) -> bool:
        """Whether it joins two groups."""
        return self.Is_inter()

    @property
    def is_intra(self) -> bool:
        """Whether it is of one group."""
        return self.Is_intra()

    @property
    def topology(self) -> int:
        """Which topology it has: CART, GRAPH, DIST_GRAPH, or UNDEFINED."""
        return self.Get_topology()

    @property
    def is_topo(self) -> bool:
        """Whether it has a topology."""
        return self.Get_topology() != UNDEFINED

    def Compare(self, comm: Comm) -> int:
        """Compare two communicators: IDENT, CONGRUENT (same order), SIMILAR or UNEQUAL."""
        mine, theirs = self._groups(), comm._groups()
        if self._state is comm._state:
            return IDENT
        if mine == theirs:
            return CONGRUENT
        is_similar = [set(group) for group in mine] == [set(group) for group in theirs]
        return SIMILAR if is_similar else UNEQUAL

    @classmethod
    def Get_parent(cls) -> Any:
        """COMM_NULL: no program of distrcomp was spawned by another one."""
        return cls._kinds["Intercomm"]._wrap(None)

    @classmethod
    def Join(cls, fd: int) -> Any:
        """Create a communicator of this node and the one at the other end of a socket."""
        return cls._kinds["Intercomm"]._met_by_socket(fd)

    # --- the end of the run -----------------------------------------------------------------------

    def Abort(self, errorcode: int = 0) -> NoReturn:
        """End the run at once with an exit code."""
        abort(errorcode)

    # --- inside -----------------------------------------------------------------------------------

    def _members(self) -> tuple[int, ...]:
        """The nodes of the group of this node, by their ids in the world."""
        return tuple(self._core.members)

    def _groups(self) -> list[tuple[int, ...]]:
        """The groups that `Compare` compares."""
        return [self._members()]


COMM_NULL: Comm = predefine("COMM_NULL", Comm())


_LOCKED = (
    "bcast",
    "gather",
    "scatter",
    "allgather",
    "alltoall",
    "reduce",
    "allreduce",
    "scan",
    "exscan",
)


def _comm_lock_table(comm: Comm) -> dict[Any, Any]:
    """Give the locks of a communicator by key; from now on its collectives of objects use them.

    They keep several threads of a node from being in one such call on one communicator at once.
    """
    for call in _LOCKED:
        if hasattr(comm, call):
            comm.__dict__.setdefault(call, partial(_locked, comm, call))
    return comm._live.locks


def _comm_lock(comm: Comm, key: Any = None) -> Any:
    """Give the lock of a communicator for one purpose; it is made when it is first asked for."""
    locks = comm._live.locks
    return locks.get(key) or locks.setdefault(key, threading.Lock())


def _locked(comm: Comm, call: str, *args: Any, **kwargs: Any) -> Any:
    with _comm_lock(comm, call):
        return getattr(type(comm), call)(comm, *args, **kwargs)
