"""What every communicator of the face stands on: the state that its handles share, and its errors.

A communicator is a `CommState`, and `MPI.Comm` objects are handles of it (see handles). The state
holds a core communicator, whose point-to-point calls all of them use: its node ids are the ranks
that `dest` and `source` mean (those of the remote group on an intercommunicator). The world's is
made when it is first needed, so that a program can be imported before it joins its run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from .errors import ERR_COMM, MPIException
from .handles import Handle

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
    """

    def __init__(self, open_core: Callable[[], Communicator], name: str = "") -> None:
        self.open_core = open_core
        self.name = name
        self.topology: Any = None
        self.remote: Any = None
        self.buffer: Any = None
        self.attributes: dict[int, Any] = {}
        self.locks: dict[Any, Any] = {}

    @cached_property
    def core(self) -> Communicator:
        """The core communicator."""
        return self.open_core()


class CommBase(Handle, null="COMM_NULL"):
    """A handle of a communicator; see Comm."""

    _state: CommState | None

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

    def _adopt(self, other: Any) -> None:
        super()._adopt(other)
        self.__dict__.pop("_core", None)

    def _invalidate(self) -> None:
        super()._invalidate()
        self.__dict__.pop("_core", None)

    def _fail(self, error: BaseException) -> NoReturn:
        """Raises what MPI says of a wrong call; other errors pass as they are."""
        raise error
