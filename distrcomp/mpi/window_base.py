"""What the calls of a window have in common: the live state, and the error handler."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from ..errors import CallError
from .errhandler import HasErrhandler
from .errors import ERR_WIN, MPIException
from .handles import Handle
from .window_state import WinState

_Call = TypeVar("_Call", bound=Callable[..., Any])


def asks_handler(call: _Call) -> _Call:
    """A method of a handle whose error handler is asked about each error before it is raised.

    Errors of the core, such as nodes in different collectives, are raised as what MPI says of them.
    """

    @wraps(call)
    def asking(self: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return call(self, *arguments, **options)
        except MPIException as error:
            if self._state is not None:
                self.Call_errhandler(error.Get_error_code())
            raise
        except CallError as error:
            self._wrong(error)

    parameters = ", ".join(inspect.signature(call).parameters)
    asking.__doc__ = f"{call.__name__}({parameters})\n{call.__doc__}"
    return asking  # type: ignore[return-value]


class WinBase(HasErrhandler, Handle, null="WIN_NULL"):
    """A handle of a window; see Win."""

    __slots__ = ()

    _state: WinState | None
    _null_error = ERR_WIN

    @property
    def _live(self) -> WinState:
        """The state.

        Raises:
            MPIException: ERR_WIN on the null handle.
        """
        state = self._state
        if state is None:
            raise MPIException(ERR_WIN, "this is the null window")
        return state
