# ruff: noqa: N802
"""Error handlers: what a communicator, window, file or session does about an error in a call on it.

Every error of the face is raised as MPI.Exception in the end. Before that the object's handler is
asked: ERRORS_RETURN does nothing; ERRORS_ARE_FATAL and ERRORS_ABORT end the run; one of the
program's own is called with the object and the error code. What objects have at first is
ERRORS_RETURN, as in mpi4py, unless `mpi4py.rc.errors` says otherwise (`begin_with`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NoReturn, Self

from ..errors import (
    BadTag,
    CallError,
    CollectiveMismatch,
    CommunicatorFreed,
    NoSuchNode,
    Truncated,
    WorldClosed,
)
from .abort import abort
from .errors import (
    ERR_COMM,
    ERR_ERRHANDLER,
    ERR_OTHER,
    ERR_RANK,
    ERR_TAG,
    ERR_TRUNCATE,
    SUCCESS,
    MPIException,
)
from .handles import Handle, constant_name, is_constant, predefine

HANDLERS_MAX = 32  # of the program's own at one time and kind of object: mpi4py's bound


class _Handler:
    """What an error handler is."""

    def __init__(self, kind: type[Handle] | None, function: Callable[[Any, int], None]) -> None:
        self.kind = kind
        self.function = function


class Errhandler(Handle, null="ERRHANDLER_NULL"):
    """Error handler."""

    __slots__ = ()

    _state: _Handler | None

    def __new__(cls, errhandler: Errhandler | None = None) -> Self:
        """The null handler, or another handle of one."""
        return super().__new__(cls, errhandler)

    def Free(self) -> None:
        """Free an error handler; objects that have it keep it."""
        state = self._state
        if state is None:
            raise MPIException(ERR_ERRHANDLER, "a null error handler can't be freed")
        if state.kind is None:
            if not is_constant(self):
                self._state = None
            return
        _created.get(state.kind, set()).discard(state)
        self._invalidate()


_created: dict[type[Handle], set[_Handler]] = {}


def _return(_object: Any, _code: int) -> None:
    pass


def _be_fatal(owner: Any, code: int) -> None:
    if code != SUCCESS:
        abort(
            code, f"{MPIException(code)}, and {owner.__class__.__name__} has a fatal error handler"
        )


_RETURN = _Handler(None, _return)

ERRHANDLER_NULL: Errhandler = predefine("ERRHANDLER_NULL", Errhandler())
ERRORS_RETURN: Errhandler = predefine("ERRORS_RETURN", Errhandler._wrap(_RETURN))
ERRORS_ARE_FATAL: Errhandler = predefine(
    "ERRORS_ARE_FATAL", Errhandler._wrap(_Handler(None, _be_fatal))
)
ERRORS_ABORT: Errhandler = predefine("ERRORS_ABORT", Errhandler._wrap(_Handler(None, _be_fatal)))


_initial: dict[str, _Handler] = {}  # by the name of the null handle; "" for all others


def begin_with(policy: str) -> bool:
    """Gives objects from now on the handler that `mpi4py.rc.errors` names; whether it names one."""
    policies = {
        "exception": ERRORS_RETURN,
        "default": ERRORS_ARE_FATAL,
        "fatal": ERRORS_ARE_FATAL,
        "abort": ERRORS_ABORT,
    }
    handler = policies.get(policy, ERRORS_RETURN)._state
    if handler is not None:
        _initial[""] = handler
    if policy == "default":  # MPI's own default is another one for files
        _initial["FILE_NULL"] = _RETURN
    return policy in policies


class HasErrhandler:
    """Mixin for handles whose objects have an error handler.

    A state may have a slot or attribute `errhandler`; without one it has the initial handler.
    """

    __slots__ = ()

    _state: Any
    _kind: Any
    _null: ClassVar[str]
    _null_error: ClassVar[int]

    @classmethod
    def Create_errhandler(cls, errhandler_fn: Callable[[Any, int], None]) -> Errhandler:
        """Create an error handler for this class of objects from a function of object and code."""
        created = _created.setdefault(cls._kind, set())
        if len(created) >= HANDLERS_MAX:
            raise MPIException(
                ERR_OTHER, f"a program has at most {HANDLERS_MAX} error handlers; free some"
            )
        handler = _Handler(cls._kind, errhandler_fn)
        created.add(handler)
        return Errhandler._wrap(handler)

    def Get_errhandler(self) -> Errhandler:
        """Get the error handler of this object."""
        return Errhandler._wrap(self._handler())

    def Set_errhandler(self, errhandler: Errhandler) -> None:
        """Set the error handler of this object."""
        self._handler()
        handler = Errhandler._given(errhandler)._state
        if handler is None or handler.kind not in (None, self._kind):
            name = constant_name(errhandler) or "this error handler"
            raise MPIException(ERR_ERRHANDLER, f"{name} is not for a {type(self).__name__}")
        self._state.errhandler = handler

    def Call_errhandler(self, errorcode: int) -> None:
        """Call the error handler of this object with an error code."""
        self._handler().function(self, errorcode)

    def _fail(self, error: int, detail: str = "") -> NoReturn:
        """Asks the object's handler about an error, and raises it."""
        handler = _RETURN if self._state is None else self._handler()
        handler.function(self, error)
        raise MPIException(error, detail) from None  # the detail says what it was raised from

    def _wrong(self, error: BaseException) -> NoReturn:
        """Raises what MPI says of an error of the core, by way of the object's handler."""
        code = error_code(error)
        if code is None:
            raise error
        self._fail(code, str(error))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Has errors of the core raised as what MPI says of them."""
        try:
            yield
        except CallError as error:
            self._wrong(error)

    def _handler(self) -> _Handler:
        state = self._state
        if state is None:
            raise MPIException(self._null_error, "a null handle has no error handler")
        found: _Handler | None = getattr(state, "errhandler", None)
        return found or _initial.get(self._null) or _initial.get("", _RETURN)


def error_code(error: BaseException) -> int | None:
    """The MPI error class of an error of the core; None if it is none."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)


_CODES = (
    (NoSuchNode, ERR_RANK),
    (BadTag, ERR_TAG),
    (Truncated, ERR_TRUNCATE),
    (CommunicatorFreed, ERR_COMM),
    (CollectiveMismatch, ERR_OTHER),
    (WorldClosed, ERR_OTHER),
)
