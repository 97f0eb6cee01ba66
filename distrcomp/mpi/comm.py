"""Communicators: a group of nodes with its own message space, and what can be made of one."""

from __future__ import annotations

from ..joining import join
from .comm_base import CommState
from .errors import ERR_COMM
from .handles import predefine
from .naming import Named
from .attributes import CommAttributes
from .object_p2p import ObjectCalls


class Comm(Named, CommAttributes, ObjectCalls, null="COMM_NULL"):
    """A communicator."""

    _null_error = ERR_COMM

    def Get_rank(self) -> int:
        """The rank of this node."""
        return self._core.node_id

    def Get_size(self) -> int:
        """How many nodes there are."""
        return self._core.n_node

    @property
    def rank(self) -> int:
        """The rank of this node."""
        return self._core.node_id

    @property
    def size(self) -> int:
        """How many nodes there are."""
        return self._core.n_node


def _open_self():
    from ..communicator import Communicator
    world = join().communicator
    return Communicator(world._engine, 1, (world.node_id,))


COMM_NULL: Comm = predefine("COMM_NULL", Comm())
WORLD = CommState(lambda: join().communicator, "MPI_COMM_WORLD")
SELF = CommState(_open_self, "MPI_COMM_SELF")
COMM_WORLD: Comm = predefine("COMM_WORLD", Comm._wrap(WORLD))
COMM_SELF: Comm = predefine("COMM_SELF", Comm._wrap(SELF))
