# ruff: noqa: N802
"""MPI's requests: what `isend`, `Irecv` and all other calls give that return before they are done.

Semantics: MPI-4.1, 3.7. A request that is done and was waited for is REQUEST_NULL, unless it is
persistent. The lower-case methods return the received objects, the upper-case ones don't.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

from .constants import ANY_SOURCE, ANY_TAG, UNDEFINED
from .errors import ERR_IN_STATUS, ERR_REQUEST, MPIException
from .handles import Handle, predefine
from .operations import Operation, are_all_done, is_one_done, wait_all, wait_one
from .status import Status

__all__ = ["REQUEST_NULL", "Request"]


class Request(Handle, null="REQUEST_NULL"):
    """Something that is under way.

    Example:
        >>> from distrcomp.mpi import MPI
        >>> request = MPI.COMM_SELF.irecv(source=0)
        >>> MPI.COMM_SELF.send("hello", dest=0)
        >>> request.wait()
        'hello'
    """

    _state: Operation | None

    # --- one ------------------------------------------------------------------------------------

    def wait(self, status: Status | None = None) -> Any:
        """Wait for the operation to be done; the object of a receive."""
        operation = self._active()
        if operation is None:
            _fill_empty(status)
            return None
        operation.wait()
        return self._finish(operation, status)

    def test(self, status: Status | None = None) -> tuple[bool, Any | None]:
        """Whether the operation is done, and the object of a receive."""
        operation = self._active()
        if operation is None:
            _fill_empty(status)
            return (True, None)
        if not is_one_done((operation,)):
            return (False, None)
        return (True, self._finish(operation, status))

    def get_status(self, status: Status | None = None) -> bool:
        """Whether the operation is done; the request stays as it is."""
        return self.Get_status(status)

    def Wait(self, status: Status | None = None) -> Literal[True]:
        """Wait for the operation to be done."""
        Request.wait(self, status)
        return True

    def Test(self, status: Status | None = None) -> bool:
        """Whether the operation is done; then its request is freed."""
        return Request.test(self, status)[0]

    def Get_status(self, status: Status | None = None) -> bool:
        """Whether the operation is done; the request stays as it is."""
        operation = self._active()
        if operation is None:
            _fill_empty(status)
            return True
        if not is_one_done((operation,)):
            return False
        if status is not None:
            operation.fill(status)
        return True

    def cancel(self) -> None:
        """Take a receive back that is not matched yet; a send goes on."""
        self.Cancel()

    def Cancel(self) -> None:
        """Take a receive back that is not matched yet; a send goes on."""
        if self._state is None:
            raise MPIException(ERR_REQUEST)
        if self._state.is_active:
            self._state.cancel()

    def Free(self) -> None:
        """Give the request up; what is under way is finished all the same."""
        if self._state is None:
            raise MPIException(ERR_REQUEST)
        operation = self._state
        self._invalidate()
        operation.end()

    # --- any ------------------------------------------------------------------------------------

    @classmethod
    def waitany(cls, requests: Sequence[Request], status: Status | None = None) -> tuple[int, Any]:
        """Wait for one to be done; its index, and the object of a receive."""
        active = _active(requests)
        if not active:
            _fill_empty(status)
            return (UNDEFINED, None)
        wait_one([operation for _, operation in active])
        return _finish_first(requests, active, status)

    @classmethod
    def testany(
        cls, requests: Sequence[Request], status: Status | None = None
    ) -> tuple[int, bool, Any | None]:
        """Whether one is done: its index, the answer, and the object of a receive."""
        active = _active(requests)
        if not active:
            _fill_empty(status)
            return (UNDEFINED, True, None)
        if not is_one_done([operation for _, operation in active]):
            return (UNDEFINED, False, None)
        index, value = _finish_first(requests, active, status)
        return (index, True, value)

    @classmethod
    def get_status_any(
        cls, requests: Sequence[Request], status: Status | None = None
    ) -> tuple[int, bool]:
        """Whether one is done: its index and the answer; all stay as they are."""
        return cls.Get_status_any(requests, status)

    @classmethod
    def Waitany(cls, requests: Sequence[Request], status: Status | None = None) -> int:
        """Wait for one to be done; its index."""
        return Request.waitany(requests, status)[0]

    @classmethod
    def Testany(cls, requests: Sequence[Request], status: Status | None = None) -> tuple[int, bool]:
        """Whether one is done: its index and the answer."""
        index, flag, _ = Request.testany(requests, status)
        return (index, flag)

    @classmethod
    def Get_status_any(
        cls, requests: Sequence[Request], status: Status | None = None
    ) -> tuple[int, bool]:
        """Whether one is done: its index and the answer; all stay as they are."""
        active = _active(requests)
        if not active:
            _fill_empty(status)
            return (UNDEFINED, True)
        if not is_one_done([operation for _, operation in active]):
            return (UNDEFINED, False)
        index, operation = next(each for each in active if each[1].is_done())
        if status is not None:
            operation.fill(status)
        return (index, True)

    # --- all ------------------------------------------------------------------------------------

    @classmethod
    def waitall(
        cls, requests: Sequence[Request], statuses: list[Status] | None = None
    ) -> list[Any]:
        """Wait for all to be done; the objects of receives, None for others."""
        wait_all([operation for _, operation in _active(requests)])
        return _finish_all(requests, statuses)

    @classmethod
    def testall(
        cls, requests: Sequence[Request], statuses: list[Status] | None = None
    ) -> tuple[bool, list[Any] | None]:
        """Whether all are done, and what `waitall` returns."""
        if not are_all_done([operation for _, operation in _active(requests)]):
            return (False, None)
        return (True, _finish_all(requests, statuses))

    @classmethod
    def get_status_all(
        cls, requests: Sequence[Request], statuses: list[Status] | None = None
    ) -> bool:
        """Whether all are done; all stay as they are."""
        return cls.Get_status_all(requests, statuses)

    @classmethod
    def Waitall(
        cls, requests: Sequence[Request], statuses: list[Status] | None = None
    ) -> Literal[True]:
        """Wait for all to be done."""
        Request.waitall(requests, statuses)
        return True

    @classmethod
    def Testall(cls, requests: Sequence[Request], statuses: list[Status] | None = None) -> bool:
        """Whether all are done; then their requests are freed."""
        return Request.testall(requests, statuses)[0]

    @classmethod
    def Get_status_all(
        cls, requests: Sequence[Request], statuses: list[Status] | None = None
    ) -> bool:
        """Whether all are done; all stay as they are."""
        if not are_all_done([operation for _, operation in _active(requests)]):
            return False
        told = _room(statuses, len(requests))
        for status, request in zip(told, requests, strict=False):
            request._tell(status)
        return True

    # --- some -----------------------------------------------------------------------------------

    @classmethod
    def waitsome(
        cls, requests: Sequence[Request], statuses: list[Status] | None = None
    ) -> tuple[list[int] | None, list[Any] | None]:
        """Wait for at least one to be done; indices and objects of all that are then."""
        active = _active(requests)
        if not active:
            return (None, None)
        wait_one([operation for _, operation in active])
        return _finish_some(requests, active, statuses)

    @classmethod
    def testsome(
        cls, requests: Sequence[Request], statuses: list[Status] | None = None
    ) -> tuple[list[int] | None, list[Any] | None]:
        """Indices and objects of all that are done now."""
        active = _active(requests)
        if not active:
            return (None, None)
        if not is_one_done([operation for _, operation in active]):
            return ([], [])
        return _finish_some(requests, active, statuses)

    @classmethod
    def get_status_some(
        cls, requests: Sequence[Request], statuses: list[Status] | None = None
    ) -> list[int] | None:
        """Indices of all that are done now; all stay as they are."""
        return cls.Get_status_some(requests, statuses)

    @classmethod
    def Waitsome(
        cls, requests: Sequence[Request], statuses: list[Status] | None = None
    ) -> list[int] | None:
        """Wait for at least one to be done; indices of all that are then."""
        return Request.waitsome(requests, statuses)[0]

    @classmethod
    def Testsome(
        cls, requests: Sequence[Request], statuses: list[Status] | None = None
    ) -> list[int] | None:
        """Indices of all that are done now."""
        return Request.testsome(requests, statuses)[0]

    @classmethod
    def Get_status_some(
        cls, requests: Sequence[Request], statuses: list[Status] | None = None
    ) -> list[int] | None:
        """Indices of all that are done now; all stay as they are."""
        active = _active(requests)
        if not active:
            return None
        is_one_done([operation for _, operation in active])
        done = [(index, operation) for index, operation in active if operation.is_done()]
        told = _room(statuses, len(done))
        for status, (_, operation) in zip(told, done, strict=False):
            operation.fill(status)
        return [index for index, _ in done]

    # --- inside ---------------------------------------------------------------------------------

    @classmethod
    def _of(cls, operation: Operation) -> Self:
        """A request for an operation."""
        return cls._wrap(operation)

    def _active(self) -> Operation | None:
        """What is under way, if something is."""
        operation = self._look_state()
        return operation if operation is not None and operation.is_active else None

    def _finish(self, operation: Operation, status: Status | None) -> Any:
        """The result of an operation that is done; its request is freed, if it is not to stay."""
        try:
            value = operation.result()
        finally:
            if not operation.is_persistent:
                self._invalidate()
            if status is not None:
                operation.fill(status)
            operation.end()
        return value

    def _tell(self, status: Status) -> None:
        operation = self._active()
        if operation is None:
            status._set(ANY_SOURCE, ANY_TAG, 0)
        else:
            operation.fill(status)


def _fill_empty(status: Status | None) -> None:
    if status is not None:
        status._set(ANY_SOURCE, ANY_TAG, 0)


def _active(requests: Sequence[Request]) -> list[tuple[int, Operation]]:
    """Indices and operations of the requests that are under way."""
    found = []
    for index, request in enumerate(requests):
        if not isinstance(request, Request):
            raise TypeError(f"Cannot convert {type(request).__name__} to mpi4py.MPI.Request")
        operation = request._active()
        if operation is not None:
            found.append((index, operation))
    return found


def _finish_first(
    requests: Sequence[Request], active: list[tuple[int, Operation]], status: Status | None
) -> tuple[int, Any]:
    index, operation = next(each for each in active if each[1].is_done())
    return (index, requests[index]._finish(operation, status))


def _finish_all(requests: Sequence[Request], statuses: list[Status] | None) -> list[Any]:
    told = _room(statuses, len(requests))
    indices = list(range(len(requests)))
    return _finish_each(requests, indices, told)


def _finish_some(
    requests: Sequence[Request],
    active: list[tuple[int, Operation]],
    statuses: list[Status] | None,
) -> tuple[list[int], list[Any]]:
    indices = [index for index, operation in active if operation.is_done()]
    told = _room(statuses, len(indices))
    return (indices, _finish_each(requests, indices, told))


def _finish_each(
    requests: Sequence[Request], indices: list[int], told: Sequence[Status]
) -> list[Any]:
    """The results of these; where one has failed the statuses say which.

    Raises:
        Exception: ERR_IN_STATUS; all were waited for.
    """
    values: list[Any] = []
    failure: MPIException | None = None
    for place, index in enumerate(indices):
        request = requests[index]
        status = told[place] if place < len(told) else None
        operation = request._active()
        try:
            if operation is None:
                _fill_empty(status)
                values.append(None)
            else:
                values.append(request._finish(operation, status))
        except MPIException as error:
            failure = error
            if status is not None:
                status.error = error.Get_error_code()
    if failure is not None:
        raise MPIException(ERR_IN_STATUS) from failure
    return values


def _room(statuses: Any, count: int) -> Sequence[Status]:
    """The statuses to fill: a list grows to what is needed, another sequence is what it is."""
    if statuses is None:
        return ()
    for status in statuses:
        if not isinstance(status, Status):
            raise TypeError(f"Cannot convert {type(status).__name__} to mpi4py.MPI.Status")
    if isinstance(statuses, list):
        statuses.extend(Status() for _ in range(count - len(statuses)))
    return statuses  # type: ignore[no-any-return]


REQUEST_NULL: Request = predefine("REQUEST_NULL", Request())
