"""The communicators that are there from the start: COMM_WORLD and COMM_SELF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..joining import join
from .comm_base import CommState
from .handles import predefine
from .intracomm import Intracomm

if TYPE_CHECKING:
    from ..communicator import Communicator


def _open_self() -> Communicator:
    world = join().communicator
    return world.create_group([world.node_id])


WORLD = CommState(lambda: join().communicator, "MPI_COMM_WORLD")
SELF = CommState(_open_self, "MPI_COMM_SELF")

COMM_WORLD: Intracomm = predefine("COMM_WORLD", Intracomm._wrap(WORLD))
COMM_SELF: Intracomm = predefine("COMM_SELF", Intracomm._wrap(SELF))
