# ruff: noqa: N802
"""The transfers of a file: those of `file_state` in the forms that MPI has for each.

See MPI-4.1, 14.4. A blocking form tells a status. A non-blocking one has done the work when it
returns, and its request is done from the start. The collective ones do each node's part by itself,
which MPI allows, and don't wait for the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .constants import ANY_SOURCE, ANY_TAG
from .file_state import FileBase, Moved
from .request import Request
from .window_base import asks_handler

if TYPE_CHECKING:
    from .status import Status


def tell(status: Status | None, nbytes: int) -> None:
    """Says in a status how many bytes were moved."""
    if status is not None:
        status._set(ANY_SOURCE, ANY_TAG, nbytes)


def done(nbytes: int) -> Request:
    """A request of a transfer that is over."""
    return Request._of(Moved(nbytes))


class TransferCalls(FileBase):
    """Mixin of File: transfers at an offset, and at this node's own pointer."""

    __slots__ = ()

    # --- at an offset -----------------------------------------------------------------------------

    @asks_handler
    def Read_at(self, offset: int, buf: Any, status: Status | None = None) -> None:
        """Read from an offset on."""
        tell(status, self._read_at(offset, buf))

    @asks_handler
    def Read_at_all(self, offset: int, buf: Any, status: Status | None = None) -> None:
        """Read from an offset on. Collective."""
        tell(status, self._read_at(offset, buf))

    @asks_handler
    def Write_at(self, offset: int, buf: Any, status: Status | None = None) -> None:
        """Write from an offset on."""
        tell(status, self._write_at(offset, buf))

    @asks_handler
    def Write_at_all(self, offset: int, buf: Any, status: Status | None = None) -> None:
        """Write from an offset on. Collective."""
        tell(status, self._write_at(offset, buf))

    @asks_handler
    def Iread_at(self, offset: int, buf: Any) -> Request:
        """Read from an offset on; gives a request."""
        return done(self._read_at(offset, buf))

    @asks_handler
    def Iread_at_all(self, offset: int, buf: Any) -> Request:
        """Read from an offset on; gives a request. Collective."""
        return done(self._read_at(offset, buf))

    @asks_handler
    def Iwrite_at(self, offset: int, buf: Any) -> Request:
        """Write from an offset on; gives a request."""
        return done(self._write_at(offset, buf))

    @asks_handler
    def Iwrite_at_all(self, offset: int, buf: Any) -> Request:
        """Write from an offset on; gives a request. Collective."""
        return done(self._write_at(offset, buf))

    # --- at this node's pointer -------------------------------------------------------------------

    @asks_handler
    def Read(self, buf: Any, status: Status | None = None) -> None:
        """Read from this node's pointer on, and move it."""
        tell(status, self._read(buf))

    @asks_handler
    def Read_all(self, buf: Any, status: Status | None = None) -> None:
        """Read from this node's pointer on, and move it. Collective."""
        tell(status, self._read(buf))

    @asks_handler
    def Write(self, buf: Any, status: Status | None = None) -> None:
        """Write from this node's pointer on, and move it."""
        tell(status, self._write(buf))

    @asks_handler
    def Write_all(self, buf: Any, status: Status | None = None) -> None:
        """Write from this node's pointer on, and move it. Collective."""
        tell(status, self._write(buf))

    @asks_handler
    def Iread(self, buf: Any) -> Request:
        """Read from this node's pointer on, and move it; gives a request."""
        return done(self._read(buf))

    @asks_handler
    def Iread_all(self, buf: Any) -> Request:
        """Read from this node's pointer on, and move it; gives a request. Collective."""
        return done(self._read(buf))

    @asks_handler
    def Iwrite(self, buf: Any) -> Request:
        """Write from this node's pointer on, and move it; gives a request."""
        return done(self._write(buf))

    @asks_handler
    def Iwrite_all(self, buf: Any) -> Request:
        """Write from this node's pointer on, and move it; gives a request. Collective."""
        return done(self._write(buf))

    # --- at the shared pointer --------------------------------------------------------------------

    @asks_handler
    def Read_shared(self, buf: Any, status: Status | None = None) -> None:
        """Read from the shared pointer on, and move it."""
        tell(status, self._read_shared(buf))

    @asks_handler
    def Write_shared(self, buf: Any, status: Status | None = None) -> None:
        """Write from the shared pointer on, and move it."""
        tell(status, self._write_shared(buf))

    @asks_handler
    def Iread_shared(self, buf: Any) -> Request:
        """Read from the shared pointer on, and move it; gives a request."""
        return done(self._read_shared(buf))

    @asks_handler
    def Iwrite_shared(self, buf: Any) -> Request:
        """Write from the shared pointer on, and move it; gives a request."""
        return done(self._write_shared(buf))

    @asks_handler
    def Read_ordered(self, buf: Any, status: Status | None = None) -> None:
        """Read from the shared pointer on, one node after the other by rank. Collective."""
        tell(status, self._read_ordered(buf))

    @asks_handler
    def Write_ordered(self, buf: Any, status: Status | None = None) -> None:
        """Write from the shared pointer on, one node after the other by rank. Collective."""
        tell(status, self._write_ordered(buf))
