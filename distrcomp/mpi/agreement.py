# ruff: noqa: N802
"""Communicators and failed nodes: the calls of MPI's chapter on fault tolerance (ULFM).

In distrcomp a node's failure ends the run, or with `--on-failure continue` makes those calls raise
that need it. So as long as these calls can be made nobody has failed, and the answers follow. What
is left to do is to agree. Agreements go through the space in which groups are made, so they need
not be in one order with the communicator's collectives.
"""

from __future__ import annotations

from typing import Any

from .. import collectives
from ..collective_path import CollectivePath
from ..collective_requests import CollectiveRequest
from ..ops import BAND
from ..spaces import CREATION
from .comm_create import CreatingCalls
from .group import Group
from .operations import CoreOperation, Done
from .request import Request
from .unsupported import unsupported

_INT_BYTES = 4


class FailureCalls(CreatingCalls):
    """The calls that deal with failed nodes."""

    def Revoke(self) -> None:
        """Not supported: see the documentation."""
        raise unsupported("Comm.Revoke")

    def Is_revoked(self) -> bool:
        """Whether it was revoked: never."""
        self._need()
        return False

    def Get_failed(self) -> Group:
        """The nodes that have failed: none, for a failure ends the run."""
        self._need()
        return Group._of(())

    def Ack_failed(self, num_to_ack: int | None = None) -> int:  # noqa: ARG002
        """How many failures are acknowledged: none, for a failure ends the run."""
        self._need()
        return 0

    def Agree(self, flag: int) -> int:
        """The bitwise and of all nodes' flags, of both groups of an intercommunicator."""
        return int(Request._of(self._agreement(int(flag))).wait())

    def Iagree(self, flag: Any) -> Request:
        """Begin `Agree`; flag is memory of one C int."""
        memory = memoryview(flag)
        if memory.nbytes != _INT_BYTES:
            raise ValueError(f"a flag is an int of {_INT_BYTES} bytes, not {memory.nbytes}")
        words = memory.cast("B").cast("i")

        def put(value: Any) -> None:
            words[0] = value

        return Request._of(self._agreement(words[0], put))

    def Shrink(self) -> Any:
        """A duplicate without the failed nodes, of which there are none."""
        self._need()
        with self._translated():
            return self._wrap(self._duplicate())

    def Ishrink(self) -> tuple[Any, Request]:
        """A duplicate without the failed nodes; the request is done when this returns."""
        return (self.Shrink(), Request._of(Done()))

    def _agreement(self, flag: int, put: Any = None) -> CoreOperation:
        state = self._live
        if state.agreements is None:
            core = self._everyone()
            number = core._number + CREATION
            state.agreements = CollectivePath(core._engine, number, core.members, core._timeout)
        request = CollectiveRequest(
            state.agreements, collectives.ALLREDUCE, 0, collectives.allreduce, flag, BAND
        )
        return CoreOperation(request, put, is_send=True)
