# ruff: noqa: N802
"""Session: MPI without COMM_WORLD; its process sets are the world and this process alone."""

from __future__ import annotations

from typing import Any, Self

import distrcomp

from .buffering import BufferOwner
from .errhandler import Errhandler, HasErrhandler
from .errors import ERR_ARG, ERR_SESSION, MPIException
from .group import Group
from .handles import Handle, predefine
from .info import INFO_NULL, Info


class _Opened:
    """What a session is."""

    def __init__(self, errhandler: Any) -> None:
        self.errhandler = errhandler
        self.buffer: Any = None


class Session(HasErrhandler, BufferOwner, Handle, null="SESSION_NULL"):
    """Session context."""

    __slots__ = ()

    _state: _Opened | None
    _null_error = ERR_SESSION

    def __new__(cls, session: Session | None = None) -> Self:
        """The null session, or another handle of one."""
        return super().__new__(cls, session)

    @classmethod
    def Init(
        cls,
        info: Info = INFO_NULL,  # noqa: ARG003
        errhandler: Errhandler | None = None,
    ) -> Self:
        """Create a new session."""
        return cls._wrap(_Opened(errhandler._state if errhandler else None))

    def Finalize(self) -> None:
        """Finalize the session."""
        self._need()
        self._invalidate()

    def _release(self) -> None:
        self.Finalize()

    def Get_num_psets(self, info: Info = INFO_NULL) -> int:  # noqa: ARG002
        """Return the number of process sets."""
        return len(self._process_sets())

    def Get_nth_pset(self, n: int, info: Info = INFO_NULL) -> str:  # noqa: ARG002
        """Return the name of the n-th process set."""
        names = list(self._process_sets())
        if not 0 <= n < len(names):
            raise MPIException(ERR_ARG, f"there is no process set {n} among {len(names)}")
        return names[n]

    def Get_info(self) -> Info:
        """Return the hints of the session."""
        self._need()
        return Info.Create([("thread_level", "MPI_THREAD_MULTIPLE")])

    def Get_pset_info(self, pset_name: str) -> Info:
        """Return what is known of a process set: its size, as `mpi_size`."""
        return Info.Create([("mpi_size", str(len(self._process_set(pset_name))))])

    def Create_group(self, pset_name: str) -> Group:
        """Make a group of a process set."""
        return Group._of(self._process_set(pset_name))

    def _process_set(self, name: str) -> tuple[int, ...]:
        sets = self._process_sets()
        if name not in sets:
            raise MPIException(ERR_ARG, f"there is no process set {name!r}, only {list(sets)}")
        return sets[name]

    def _process_sets(self) -> dict[str, tuple[int, ...]]:
        self._need()
        return {
            "mpi://WORLD": tuple(range(distrcomp.n_node)),
            "mpi://SELF": (distrcomp.node_id,),
        }

    def _need(self) -> None:
        if self._state is None:
            raise MPIException(ERR_SESSION, "this is the null session")


SESSION_NULL: Session = predefine("SESSION_NULL", Session())
