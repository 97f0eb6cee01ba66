"""What all collective calls of a communicator stand on: a plan run now, later, or many times."""

from __future__ import annotations

from typing import Any, NoReturn

from ..collective_requests import CollectiveRequest
from ..errors import CallError, DoesNotFit, Undecodable
from .buffer_plans import Plan
from .collective_side import Side
from .comm_base import CommBase
from .errors import ERR_TRUNCATE
from .operations import CoreOperation, Operation, Renewed
from .prequest import Prequest
from .request import Request


class CollectiveBase(CommBase):
    """A communicator as its collective calls see it."""

    @property
    def _side(self) -> Side:
        """This node's side of the collectives; kept with the communicator."""
        state = self._live
        side: Side | None = state.__dict__.get("side")
        if side is None:
            side = state.__dict__["side"] = self._make_side()
        return side

    def _make_side(self) -> Side:
        return Side.of_one_group(self._core)

    def _run(self, plan: Plan) -> Any:
        """Runs a collective to its end."""
        try:
            return self._side.path.run(*plan())
        except (CallError, Undecodable) as error:
            self._failed(error)

    def _begin(self, plan: Plan) -> Request:
        """Begins a collective."""
        return Request._of(self._begun(plan))

    def _renew(self, plan: Plan) -> Prequest:
        """A collective to be begun many times."""
        return Prequest._of(Renewed(lambda: self._begun(plan)))

    def _begun(self, plan: Plan) -> Operation:
        try:
            return _CollectiveOperation(self, CollectiveRequest(self._side.path, *plan()))
        except CallError as error:
            self._failed(error)

    def _failed(self, error: Exception) -> NoReturn:
        """Raises what MPI says of a collective that went wrong."""
        if isinstance(error, DoesNotFit):
            self._fail(ERR_TRUNCATE, str(error))
        self._wrong(error)


class _CollectiveOperation(CoreOperation):
    """A collective under way."""

    def __init__(self, comm: CollectiveBase, request: CollectiveRequest) -> None:
        super().__init__(request, is_send=True)
        self._comm = comm

    def result(self) -> Any:
        try:
            return super().result()
        except (CallError, Undecodable) as error:
            self._comm._failed(error)
