# ruff: noqa: N802
"""Generalized requests: the program says when they are done (MPI-4.1, 13.2)."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Self

from .errors import ERR_OTHER, ERR_REQUEST, MPIException
from .operations import Operation, wake
from .request import Request
from .status import Status


class Promise(Operation):
    """What a generalized request stands for.

    Args:
        query_fn, free_fn, cancel_fn: what the program wants to be called for a status, at the end,
            and when the request is cancelled.
        args, kwargs: what they are called with.
    """

    def __init__(
        self,
        functions: tuple[Callable[..., Any] | None, ...],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:
        self._query, self._free, self._cancel = functions
        self._args = args
        self._kwargs = kwargs
        self._is_complete = False
        self._told: Status | None = None
        self.value: Any = None

    def complete(self, value: Any) -> None:
        """It is done."""
        self.value = value
        self._is_complete = True
        wake()

    def is_done(self) -> bool:
        return self._is_complete

    def result(self) -> Any:
        self._told = Status()
        self._ask(self._query, self._told)
        return self.value

    def fill(self, status: Status) -> None:
        if self._told is not None:
            status._words[:] = self._told._words
            return
        super().fill(status)
        self._ask(self._query, status)

    def cancel(self) -> None:
        self._ask(self._cancel, self._is_complete)

    def end(self) -> None:
        self._ask(self._free)

    def _ask(self, function: Callable[..., Any] | None, *arguments: Any) -> None:
        """Calls a function of the program's; MPI knows of its errors only that there was one."""
        if function is None:
            return
        try:
            function(*arguments, *self._args, **self._kwargs)
        except MPIException as error:
            traceback.print_exc(file=sys.stderr)
            raise MPIException(error.Get_error_code()) from error
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            raise MPIException(ERR_OTHER, str(error)) from error


class Grequest(Request):
    """A generalized request.

    Example:
        >>> from distrcomp.mpi import MPI
        >>> request = MPI.Grequest.Start()
        >>> request.test()
        (False, None)
        >>> request.complete(42)
        >>> request.wait()
        42
    """

    def __new__(cls, request: Request | None = None) -> Self:
        """The null request, or another handle of a generalized one."""
        self = super().__new__(cls, request)
        if self._state is not None and not isinstance(self._state, Promise):
            raise TypeError("Cannot convert mpi4py.MPI.Request to mpi4py.MPI.Grequest")
        return self

    @classmethod
    def Start(
        cls,
        query_fn: Callable[..., None] | None = None,
        free_fn: Callable[..., None] | None = None,
        cancel_fn: Callable[..., None] | None = None,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Make a request that `Complete` ends."""
        return cls._of(Promise((query_fn, free_fn, cancel_fn), args or (), kwargs or {}))

    def Complete(self) -> None:
        """Say that the operation is done."""
        self._promise().complete(None)

    def complete(self, obj: Any = None) -> None:
        """Say that the operation is done, and what `wait` shall return."""
        self._promise().complete(obj)

    def _promise(self) -> Promise:
        if not isinstance(self._state, Promise):
            raise MPIException(ERR_REQUEST, "this is no generalized request under way")
        return self._state
