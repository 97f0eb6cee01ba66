# ruff: noqa: N802
"""What every communicator of the face stands on: the state that its handles share, and its errors.

A communicator is a `CommState`, and `MPI.Comm` objects are handles of it (see handles). The state
holds a core communicator, whose point-to-point calls all of them use: its node ids are the ranks
that `dest` and `source` mean (those of the remote group on an intercommunicator). The world's is
made when it is first needed, so that a program can be imported before it joins its run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from ..arguments import integer
from ..errors import (
    NoSuchNode,
    Undecodable,
    Unpicklable,
)
from ..tracebacks import is_ours
from .attributes import CommAttributes
from .errhandler import HasErrhandler
from .errors import ERR_COMM, MPIException
from .handles import Handle
from .hints import Hinted
from .naming import Named

if TYPE_CHECKING:
    from ..communicator import Communicator


class CommState:
    """What all handles of one communicator share.

    Args:
        open_core: makes the core communicator when it is first asked for.
        name: what Get_name says.

    Attributes:
        kind: the class of the handles that stand for it (Intracomm, Cartcomm ...).
        topology: what its topology is made of, if it has one.
        remote: the group on the other side of an intercommunicator.
        hints: what the program has said; they do nothing.
    """

    def __init__(self, open_core: Callable[[], Communicator], name: str = "") -> None:
        self.open_core = open_core
        self.name = name
        self.topology: Any = None
        self.remote: Any = None
        self.buffer: Any = None
        self.board: Any = None
        self.agreements: Any = None
        self.errhandler: Any = None
        self.hints: dict[str, str] = {}
        self.attributes: dict[int, Any] = {}
        self.locks: dict[Any, Any] = {}

    @cached_property
    def core(self) -> Communicator:
        """The core communicator."""
        return self.open_core()


class CommBase(Named, Hinted, CommAttributes, HasErrhandler, Handle, null="COMM_NULL"):
    """A handle of a communicator; see Comm."""

    _state: CommState | None
    _null_error: ClassVar[int] = ERR_COMM
    _kinds: ClassVar[dict[str, Any]] = {}  # the classes of the face, for those that make one

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__module__.startswith(__package__):
            cls._kinds[cls.__name__] = cls

    def Get_name(self) -> str:
        """The name; the null handle has one, too."""
        return "MPI_COMM_NULL" if self._state is None else super().Get_name()

    @cached_property
    def _core(self) -> Communicator:
        """The core communicator; kept in the handle, so that calls reach it in one step."""
        state = self._state
        if state is None:
            raise MPIException(ERR_COMM)
        return state.core

    @property
    def _live(self) -> CommState:
        """The state.

        Raises:
            Exception: ERR_COMM on the null handle.
        """
        if self._state is None:
            raise MPIException(ERR_COMM)
        return self._state

    def _need(self) -> None:
        """Raises on the null handle; see `_live`."""
        if self._state is None:
            raise MPIException(ERR_COMM)

    def _adopt(self, other: Any) -> None:
        super()._adopt(other)
        self.__dict__.pop("_core", None)

    def _invalidate(self) -> None:
        super()._invalidate()
        self.__dict__.pop("_core", None)

    def _wrong(self, error: BaseException) -> NoReturn:
        """Raises what MPI says of an error of the core, by way of the error handler.

        What went wrong when an object was pickled or rebuilt is raised as it was.
        """
        if isinstance(error, (Unpicklable, Undecodable)):
            _raise_as_it_was(error.__cause__ or error)
        if isinstance(error, NoSuchNode) and integer(error.node) is None:
            raise TypeError(f"an integer is required, not {error.node!r}") from None
        super()._wrong(error)


def _raise_as_it_was(error: BaseException) -> NoReturn:
    """Raises an error that has nothing to do with the one that is being handled, nor with us."""
    context, trace = error.__context__, error.__traceback__
    while trace is not None and is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    try:
        raise error.with_traceback(trace)
    finally:
        error.__context__ = context
