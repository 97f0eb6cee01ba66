# ruff: noqa: N802
"""The split collective transfers of a file: begun by one call, ended by another (MPI-4.1, 14.4.5).

The work is done when they begin. One of them at a time can be under way on a handle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import ERR_OTHER, MPIException
from .file_calls import tell
from .file_state import FileBase
from .window_base import asks_handler

if TYPE_CHECKING:
    from .status import Status


class SplitCalls(FileBase):
    """Mixin of File: transfers that are begun and ended."""

    __slots__ = ()

    @asks_handler
    def Read_at_all_begin(self, offset: int, buf: Any) -> None:
        """Begin to read from an offset on. Collective."""
        self._begin("Read_at_all", lambda: self._read_at(offset, buf))

    @asks_handler
    def Read_at_all_end(self, buf: Any, status: Status | None = None) -> None:  # noqa: ARG002
        """End what Read_at_all_begin has begun."""
        self._end("Read_at_all", status)

    @asks_handler
    def Write_at_all_begin(self, offset: int, buf: Any) -> None:
        """Begin to write from an offset on. Collective."""
        self._begin("Write_at_all", lambda: self._write_at(offset, buf))

    @asks_handler
    def Write_at_all_end(self, buf: Any, status: Status | None = None) -> None:  # noqa: ARG002
        """End what Write_at_all_begin has begun."""
        self._end("Write_at_all", status)

    @asks_handler
    def Read_all_begin(self, buf: Any) -> None:
        """Begin to read from this node's pointer on. Collective."""
        self._begin("Read_all", lambda: self._read(buf))

    @asks_handler
    def Read_all_end(self, buf: Any, status: Status | None = None) -> None:  # noqa: ARG002
        """End what Read_all_begin has begun."""
        self._end("Read_all", status)

    @asks_handler
    def Write_all_begin(self, buf: Any) -> None:
        """Begin to write from this node's pointer on. Collective."""
        self._begin("Write_all", lambda: self._write(buf))

    @asks_handler
    def Write_all_end(self, buf: Any, status: Status | None = None) -> None:  # noqa: ARG002
        """End what Write_all_begin has begun."""
        self._end("Write_all", status)

    @asks_handler
    def Read_ordered_begin(self, buf: Any) -> None:
        """Begin to read from the shared pointer on, one node after the other. Collective."""
        self._begin("Read_ordered", lambda: self._read_ordered(buf))

    @asks_handler
    def Read_ordered_end(self, buf: Any, status: Status | None = None) -> None:  # noqa: ARG002
        """End what Read_ordered_begin has begun."""
        self._end("Read_ordered", status)

    @asks_handler
    def Write_ordered_begin(self, buf: Any) -> None:
        """Begin to write from the shared pointer on, one node after the other. Collective."""
        self._begin("Write_ordered", lambda: self._write_ordered(buf))

    @asks_handler
    def Write_ordered_end(self, buf: Any, status: Status | None = None) -> None:  # noqa: ARG002
        """End what Write_ordered_begin has begun."""
        self._end("Write_ordered", status)

    def _begin(self, call: str, move: Callable[[], int]) -> None:
        state = self._live
        if state.begun is not None:
            raise MPIException(ERR_OTHER, f"{state.begun[0]}_begin has not been ended yet")
        state.begun = (call, move())

    def _end(self, call: str, status: Status | None) -> None:
        state = self._live
        if state.begun is None or state.begun[0] != call:
            raise MPIException(ERR_OTHER, f"{call}_begin was not called")
        nbytes, state.begun = state.begun[1], None
        tell(status, nbytes)
