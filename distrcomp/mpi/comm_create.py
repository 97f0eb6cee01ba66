# ruff: noqa: N802
"""Making communicators out of one: duplicates, parts, groups (MPI-4.1, 7.4).

All of these are collective: over the communicator, or over the group for Create_group and
Create_from_group. Idup is, too: its request is done from the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self
from zlib import crc32

from ..joining import join
from .checks import integer
from .comm_base import CommBase, CommState
from .constants import (
    COMM_TYPE_HW_GUIDED,
    COMM_TYPE_HW_UNGUIDED,
    COMM_TYPE_RESOURCE_GUIDED,
    COMM_TYPE_SHARED,
    UNDEFINED,
)
from .errhandler import Errhandler
from .errors import ERR_ARG, ERR_COMM, ERR_GROUP, MPIException
from .group import Group
from .handles import constant_name
from .info import INFO_NULL, Info
from .operations import Done
from .request import Request

if TYPE_CHECKING:
    from ..communicator import Communicator

_RESOURCE = "mpi_hw_resource_type"
_SHARED_MEMORY = "mpi_shared_memory"
_WORLD_SET, _SELF_SET = "mpi://WORLD", "mpi://SELF"


class CreatingCalls(CommBase):
    """The calls of a communicator that make others, or end it."""

    # --- duplicates -------------------------------------------------------------------------------

    def Dup(self, info: Info | None = None) -> Self:
        """Duplicate the communicator with its attributes, and with hints if they are given."""
        state = self._live
        with self._translated():
            new = self._duplicate()
        new.topology = state.topology
        new.errhandler = state.errhandler
        if info:
            new.hints.update(info.items())
        made = self._wrap(new)
        self._copy_attributes(made)
        return made

    def Clone(self) -> Self:
        """Duplicate the communicator."""
        return self.Dup()

    def Dup_with_info(self, info: Info) -> Self:
        """Duplicate the communicator, with hints of its own."""
        return self.Dup(info)

    def Idup(self, info: Info | None = None) -> tuple[Self, Request]:
        """Duplicate the communicator; the request is done when this returns."""
        return (self.Dup(info), Request._of(Done()))

    def Idup_with_info(self, info: Info) -> tuple[Self, Request]:
        """Duplicate the communicator, with hints of its own; the request is done."""
        return self.Idup(info)

    # --- parts ------------------------------------------------------------------------------------

    def Split(self, color: int = 0, key: int = 0) -> Any:
        """Split the communicator: all with one color are together, ordered by key, then rank."""
        color, key = integer(color), integer(key)
        with self._translated():
            return self._made(self._core.split(None if color == UNDEFINED else color, key))

    def Split_type(self, split_type: int, key: int = 0, info: Info = INFO_NULL) -> Any:
        """Split the communicator by what the nodes share: a machine with its memory."""
        resource = info.get(_RESOURCE) if info else None
        if split_type == COMM_TYPE_SHARED:
            color = self._machine()
        elif split_type in (COMM_TYPE_HW_GUIDED, COMM_TYPE_RESOURCE_GUIDED):
            color = self._machine() if resource == _SHARED_MEMORY else UNDEFINED
        elif split_type == COMM_TYPE_HW_UNGUIDED:
            return self._split_unguided(key, info)
        elif split_type == UNDEFINED:
            color = UNDEFINED
        else:
            self._fail(ERR_ARG, f"{split_type} is no type to split by")
        return CreatingCalls.Split(self, color, key)

    def Create(self, group: Group) -> Any:
        """Make a communicator of a group of this one's nodes; COMM_NULL for who is not in it."""
        ranks = self._ranks_of(group)
        with self._translated():
            return self._made(self._core.create(ranks))

    def Create_group(self, group: Group, tag: int = 0) -> Any:
        """Make a communicator of a group; only its members call this."""
        ranks = self._ranks_of(group)
        if self._core.node_id not in ranks:
            return self._made(None)
        with self._translated():
            return self._made(self._core.create_group(ranks, tag))

    @classmethod
    def Create_from_group(
        cls,
        group: Group,
        stringtag: str = "org.mpi4py",
        info: Info = INFO_NULL,
        errhandler: Errhandler | None = None,
    ) -> Any:
        """Make a communicator of a group, from no other communicator."""
        members = Group._given(group)._members
        if not members:
            return cls._made(None)
        world = join().communicator
        if world.node_id not in members:
            raise MPIException(ERR_GROUP, "this node is not in the group")
        with cls._wrap(None)._translated():
            made = cls._made(world.create_group(members, crc32(stringtag.encode()) & 0x7FFFFFFF))
        if info:
            made._state.hints.update(info.items())
        if errhandler:
            made.Set_errhandler(errhandler)
        return made

    # --- the end ----------------------------------------------------------------------------------

    def Free(self) -> None:
        """Free the communicator, on all of its nodes."""
        state = self._live
        if constant_name(self):
            self._fail(ERR_COMM, f"{state.name} can't be freed")
        self._delete_attributes()
        with self._translated():
            self._close()
        self._invalidate()

    def Disconnect(self) -> None:
        """Free the communicator, once all that was sent on it has been received."""
        if constant_name(self):
            self._fail(ERR_COMM, f"{self._live.name} can't be disconnected")
        with self._translated():
            self._everyone().barrier()
        CreatingCalls.Free(self)

    # --- inside -----------------------------------------------------------------------------------

    @classmethod
    def _made(cls, core: Communicator | None) -> Any:
        """The handle of an intracommunicator just made; null for None."""
        kind = cls._kinds["Intracomm"]
        return kind._wrap(None if core is None else CommState(lambda: core))

    def _duplicate(self) -> CommState:
        """The state of a duplicate, with nothing but its nodes."""
        core = self._core.dup()
        return CommState(lambda: core)

    def _close(self) -> None:
        """Ends what the core has of this communicator."""
        self._core.free()

    def _everyone(self) -> Communicator:
        """The core communicator of all nodes, those of a remote group included."""
        return self._core

    def _ranks_of(self, group: Group) -> list[int]:
        """The members of a group as ranks here."""
        places = {member: rank for rank, member in enumerate(self._core.members)}
        members = Group._given(group)._members
        if not places.keys() >= set(members):
            self._fail(ERR_GROUP, "the group has members that this communicator has not")
        return [places[member] for member in members]

    def _machine(self) -> int:
        """The lowest rank on the machine of this node."""
        core = self._core
        peer_of = core._engine.peer_of
        here = peer_of(core.members[core.node_id])
        return next(rank for rank, member in enumerate(core.members) if peer_of(member) == here)

    def _split_unguided(self, key: int, info: Info) -> Any:
        """One level down: the nodes of one machine, if there are several machines."""
        core = self._core
        peers = {core._engine.peer_of(member) for member in core.members}
        if len(peers) == 1:
            return CreatingCalls.Split(self, UNDEFINED, key)
        if info:
            info.Set(_RESOURCE, _SHARED_MEMORY)
        return CreatingCalls.Split(self, self._machine(), key)
