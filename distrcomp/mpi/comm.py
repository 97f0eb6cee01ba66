"""Communicators: a group of nodes with its own message space, and what can be asked of one."""

from __future__ import annotations

import threading
from typing import Any, NoReturn

from .. import ops
from .abort import abort
from .comm_base import CommBase
from .comm_create import CreatingCalls
from .constants import CONGRUENT, IDENT, SIMILAR, UNDEFINED, UNEQUAL
from .group import Group
from .handles import predefine
from .info import Info
from .message import MatchingCalls
from .object_p2p import ObjectCalls
from .operations import CoreOperation, Done
from .request import Request
from .unsupported import unsupported


class Comm(ObjectCalls, MatchingCalls, CreatingCalls, null="COMM_NULL"):
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
        self._live  # noqa: B018  an error for the null handle
        return False

    def Is_intra(self) -> bool:
        """Whether it is of one group."""
        return not self.Is_inter()

    def Get_topology(self) -> int:
        """Which topology it has: CART, GRAPH, DIST_GRAPH, or UNDEFINED."""
        self._live  # noqa: B018  an error for the null handle
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
        """Not supported: see the documentation."""
        raise unsupported("Comm.Join")

    # --- hints, and the end of the run ------------------------------------------------------------

    def Set_info(self, info: Info) -> None:
        """Set hints, which are kept and do nothing."""
        self._live.hints.update(info.items())

    def Get_info(self) -> Info:
        """The hints that were set."""
        return Info.Create(list(self._live.hints.items()))

    @property
    def info(self) -> Info:
        """The hints that were set."""
        return self.Get_info()

    @info.setter
    def info(self, info: Info) -> None:
        self.Set_info(info)

    def Abort(self, errorcode: int = 0) -> NoReturn:
        """End the run at once with an exit code."""
        abort(errorcode)

    # --- failed nodes -----------------------------------------------------------------------------

    def Revoke(self) -> None:
        """Not supported: see the documentation."""
        raise unsupported("Comm.Revoke")

    def Is_revoked(self) -> bool:
        """Whether it was revoked: never."""
        self._live  # noqa: B018  an error for the null handle
        return False

    def Get_failed(self) -> Group:
        """The nodes that have failed: none, for a failure ends the run."""
        self._live  # noqa: B018  an error for the null handle
        return Group._of(())

    def Ack_failed(self, num_to_ack: int | None = None) -> int:
        """How many failures are acknowledged: none, for a failure ends the run."""
        self._live  # noqa: B018  an error for the null handle
        return 0

    def Agree(self, flag: int) -> int:
        """The bitwise and of all nodes' flags, of both groups of an intercommunicator."""
        return int(self._everyone().allreduce(int(flag), ops.BAND))

    def Iagree(self, flag: Any) -> Request:
        """Begin `Agree`; flag is memory of one C int."""
        memory = memoryview(flag)
        if memory.nbytes != _INT_BYTES:
            raise ValueError(f"a flag is an int of {_INT_BYTES} bytes, not {memory.nbytes}")
        words = memory.cast("B").cast("i")

        def put(value: Any) -> None:
            words[0] = value

        return Request._of(CoreOperation(self._everyone().iallreduce(words[0], ops.BAND), put))

    def Shrink(self) -> Any:
        """A duplicate without the failed nodes, of which there are none."""
        return self._wrap(self._duplicate())

    def Ishrink(self) -> tuple[Any, Request]:
        """A duplicate without the failed nodes; the request is done when this returns."""
        return (self.Shrink(), Request._of(Done()))

    # --- inside -----------------------------------------------------------------------------------

    def _members(self) -> tuple[int, ...]:
        """The nodes of the group of this node, by their ids in the world."""
        return tuple(self._core.members)

    def _groups(self) -> list[tuple[int, ...]]:
        """The groups that `Compare` compares."""
        return [self._members()]

    def _everyone(self) -> Any:
        """The core communicator of all nodes, those of a remote group included."""
        return self._core


_INT_BYTES = 4

COMM_NULL: Comm = predefine("COMM_NULL", Comm())


def _comm_lock_table(comm: Comm) -> dict[Any, Any]:
    """The locks of a communicator, by key."""
    return comm._live.locks


def _comm_lock(comm: Comm, key: Any = None) -> Any:
    """The lock of a communicator for one purpose, made when it is first asked for."""
    locks = comm._live.locks
    return locks.get(key) or locks.setdefault(key, threading.Lock())


def __getattr__(name: str) -> Any:
    if name in ("COMM_WORLD", "COMM_SELF"):  # until all import them from worlds
        import importlib

        return getattr(importlib.import_module(".worlds", __package__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
