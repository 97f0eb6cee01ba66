# ruff: noqa: N802
"""Files that all nodes of a communicator have open at once (MPI-4.1, 14).

They are ordinary files of the machines: every node opens the path by itself, so between machines it
has to lie on a disk that they share, and what such a disk keeps in its caches is its own affair.
This is no parallel file system: it does what MPI says about views, pointers and order, and nothing
for speed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

from . import file_system
from .checks import exact, integer
from .constants import (
    DISPLACEMENT_CURRENT,
    MODE_DELETE_ON_CLOSE,
    MODE_RDONLY,
    MODE_SEQUENTIAL,
    SEEK_SET,
)
from .datatype_names import BYTE
from .datatypes import Datatype
from .errors import (
    ERR_ARG,
    ERR_NOT_SAME,
    ERR_OTHER,
    MPIException,
)
from .file_calls import TransferCalls
from .file_opening import kept, opened, sought, view_of
from .file_split import SplitCalls
from .file_state import FileState
from .group import HasGroup
from .handles import predefine
from .hints import Hinted
from .info import INFO_NULL, Info
from .unsupported import unsupported
from .window_base import asks_handler

if TYPE_CHECKING:
    from collections.abc import Callable

    from .intracomm import Intracomm


class File(TransferCalls, SplitCalls, HasGroup, Hinted):
    """File handle.

    Example:
        >>> import tempfile
        >>> from distrcomp.mpi import MPI
        >>> name = tempfile.mktemp()
        >>> mode = MPI.MODE_RDWR | MPI.MODE_CREATE | MPI.MODE_DELETE_ON_CLOSE
        >>> file = MPI.File.Open(MPI.COMM_SELF, name, mode)
        >>> file.Write(b"hello")
        >>> file.Get_position(), file.Get_size()
        (5, 5)
        >>> file.Close()
    """

    __slots__ = ()

    # --- opening and ending -----------------------------------------------------------------------

    @classmethod
    def Open(
        cls,
        comm: Intracomm,
        filename: os.PathLike[Any] | str | bytes,
        amode: int = MODE_RDONLY,
        info: Info = INFO_NULL,
    ) -> Self:
        """Open a file. Collective."""
        path = os.fspath(filename)
        try:
            with FILE_NULL._translated():
                state = opened(comm, path, exact(amode))
        except MPIException as error:
            FILE_NULL.Call_errhandler(error.Get_error_code())
            raise
        state.types = (Datatype(BYTE), Datatype(BYTE))
        state.errhandler = _null.errhandler
        state.hints = dict(info.items()) if info else {}
        return cls._wrap(state)

    @asks_handler
    def Close(self) -> None:
        """Close the file. Collective."""
        state = self._live
        if state.begun is not None:
            raise MPIException(ERR_OTHER, f"{state.begun[0]}_begin has not been ended yet")
        state.core.barrier()
        failure = None
        try:
            with file_system.translated():
                state.close()
                if state.amode & MODE_DELETE_ON_CLOSE and state.core.node_id == 0:
                    os.unlink(state.path)
        except MPIException as error:
            failure = error
        try:
            state.agree(failure)
        finally:
            state.core.free()
            self._invalidate()

    @classmethod
    def Delete(
        cls,
        filename: os.PathLike[Any] | str | bytes,
        info: Info = INFO_NULL,  # noqa: ARG003
    ) -> None:
        """Delete a file."""
        try:
            with file_system.translated():
                os.unlink(os.fspath(filename))
        except MPIException as error:
            FILE_NULL.Call_errhandler(error.Get_error_code())
            raise

    # --- its size ---------------------------------------------------------------------------------

    @asks_handler
    def Set_size(self, size: int) -> None:
        """Set the size in bytes. Collective."""
        size = integer(size)
        self._resize(size, lambda state: os.ftruncate(state.descriptor, size))

    @asks_handler
    def Preallocate(self, size: int) -> None:
        """Reserve room on the disk for so many bytes; a longer file stays as it is. Collective."""
        size = integer(size)
        self._resize(size, lambda state: os.posix_fallocate(state.descriptor, 0, max(size, 1)))

    def _resize(self, size: int, change: Callable[[FileState], None]) -> None:
        state = self._live
        failure = None
        sizes = state.core.allgather(size)
        try:
            if sizes != [size] * state.core.n_node:
                raise MPIException(ERR_NOT_SAME, "the nodes have given different sizes")
            if size < 0:
                raise MPIException(ERR_ARG, f"a size of {size}")
            if state.core.node_id == 0:
                with file_system.translated():
                    change(state)
        except MPIException as error:
            failure = error
        state.agree(failure)

    @asks_handler
    def Get_size(self) -> int:
        """Return the size in bytes."""
        return self._live.size()

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.Get_size()

    # --- the view and the pointers ----------------------------------------------------------------

    @asks_handler
    def Set_view(
        self,
        disp: int = 0,
        etype: Datatype = BYTE,
        filetype: Datatype | None = None,
        datarep: str = "native",
        info: Info = INFO_NULL,
    ) -> None:
        """Set what this node sees of the file, and all pointers to its begin. Collective."""
        state = self._live
        shown = etype if filetype is None else filetype
        failure = None
        try:
            if disp == DISPLACEMENT_CURRENT and state.amode & MODE_SEQUENTIAL:
                disp = state.view.byte_of(state.shared.get())
            view = view_of(disp, etype, shown, datarep)
        except MPIException as error:
            failure = error
        state.agree(failure)
        state.view = view
        state.types = (kept(etype), kept(shown))
        state.datarep = datarep
        state.hints.update(info.items() if info else ())
        state.position = 0
        self._put_shared(0)

    @asks_handler
    def Get_view(self) -> tuple[int, Datatype, Datatype, str]:
        """Return displacement, etype, filetype and the name of the representation."""
        state = self._live
        etype, filetype = state.types
        return state.view.disp, kept(etype), kept(filetype), state.datarep

    @asks_handler
    def Seek(self, offset: int, whence: int = SEEK_SET) -> None:
        """Set this node's pointer."""
        state = self._live
        state.need_random_access()
        state.position = sought(state, offset, whence, lambda: state.position)

    @asks_handler
    def Get_position(self) -> int:
        """Return this node's pointer, in etypes."""
        self._live.need_random_access()
        return self._live.position

    @asks_handler
    def Get_byte_offset(self, offset: int) -> int:
        """Return where in the file an etype of the view is."""
        if offset < 0:
            raise MPIException(ERR_ARG, f"an offset of {offset}")
        return self._live.view.byte_of(offset)

    @asks_handler
    def Seek_shared(self, offset: int, whence: int = SEEK_SET) -> None:
        """Set the shared pointer. Collective."""
        state = self._live
        state.need_random_access()
        if state.core.allgather((offset, whence)) != [(offset, whence)] * state.core.n_node:
            raise MPIException(ERR_NOT_SAME, "the nodes seek different places")
        self._put_shared(sought(state, offset, whence, state.shared.get))

    @asks_handler
    def Get_position_shared(self) -> int:
        """Return the shared pointer, in etypes."""
        return self._live.shared.get()

    def _put_shared(self, position: int) -> None:
        """Sets the shared pointer, between what came before on all nodes and what comes after."""
        state = self._live
        state.core.barrier()
        if state.core.node_id == 0:
            state.shared.put(position)
        state.core.barrier()

    @asks_handler
    def Get_type_extent(self, datatype: Datatype) -> int:
        """Return the extent that a datatype has in the file."""
        extent: int = datatype.extent
        return extent

    # --- what is seen when ------------------------------------------------------------------------

    @asks_handler
    def Set_atomicity(self, flag: bool) -> None:
        """Set whether transfers are seen whole or not at all by other nodes. Collective."""
        state = self._live
        if len(set(state.core.allgather(bool(flag)))) > 1:
            raise MPIException(ERR_NOT_SAME, "the nodes want different things")
        state.is_atomic = bool(flag)

    @asks_handler
    def Get_atomicity(self) -> bool:
        """Return whether transfers are seen whole or not at all."""
        return self._live.is_atomic

    @property
    def atomicity(self) -> bool:
        """Whether transfers are seen whole or not at all."""
        return self.Get_atomicity()

    @atomicity.setter
    def atomicity(self, flag: bool) -> None:
        self.Set_atomicity(flag)

    @asks_handler
    def Sync(self) -> None:
        """Have all that was written on the disk, and seen by others. Collective."""
        with file_system.translated():
            os.fsync(self._live.descriptor)

    # --- what it is like --------------------------------------------------------------------------

    @asks_handler
    def Get_amode(self) -> int:
        """Return how it was opened."""
        return self._live.amode

    @property
    def amode(self) -> int:
        """How it was opened."""
        return self.Get_amode()

    # --- error handlers: that of FILE_NULL is for opening, and what new files have ----------------

    def _release(self) -> None:
        self.Close()

    def _handler(self) -> Any:
        return File._wrap(_null)._handler() if self._state is None else super()._handler()

    def Set_errhandler(self, errhandler: Any) -> None:
        """Set the error handler; on FILE_NULL, that of opening and of files opened from now on."""
        if self._state is None:
            with_handler = File._wrap(_null)
            with_handler.Set_errhandler(errhandler)
        else:
            super().Set_errhandler(errhandler)


class _Null:
    """What FILE_NULL has: an error handler, if one was set."""

    errhandler: Any = None


_null: Any = _Null()
FILE_NULL: File = predefine("FILE_NULL", File())


def Register_datarep(datarep: str, read_fn: Any, write_fn: Any, extent_fn: Any) -> None:  # noqa: ARG001
    """Register a representation of data: not supported."""
    raise unsupported("Register_datarep")


__all__ = ["FILE_NULL", "File", "Register_datarep"]
