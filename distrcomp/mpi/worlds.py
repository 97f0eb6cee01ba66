"""The communicators that are there from the start: COMM_WORLD and COMM_SELF."""

from __future__ import annotations

from ..joining import join
from .comm_base import CommState
from .handles import predefine

try:
    from .intracomm import Intracomm
except ImportError:
    from .comm import Comm

    class Intracomm(Comm):
        pass

    class Intercomm(Comm):
        pass


from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from ..communicator import Communicator


def _open_self() -> Communicator:
    world = join().communicator
    return world.create_group([world.node_id])


WORLD = CommState(lambda: join().communicator, "MPI_COMM_WORLD")
SELF = CommState(_open_self, "MPI_COMM_SELF")

COMM_WORLD: Intracomm = predefine("COMM_WORLD", Intracomm._wrap(WORLD))
COMM_SELF: Intracomm = predefine("COMM_SELF", Intracomm._wrap(SELF))
