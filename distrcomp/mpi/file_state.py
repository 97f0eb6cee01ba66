"""What the handles of one open file share: its descriptor, its view and its pointers.

Each node has a descriptor of its own and reads and writes by itself, in collective calls too. What
is collective is agreed on over the file's own communicator: opening, sizes, views, the ordered
calls. The shared pointer is `file_pointer`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from . import file_system
from .checks import integer
from .constants import ANY_SOURCE, ANY_TAG, MODE_RDONLY, MODE_SEQUENTIAL, MODE_WRONLY
from .errhandler import HasErrhandler
from .errors import (
    ERR_ACCESS,
    ERR_FILE,
    ERR_IO,
    ERR_READ_ONLY,
    ERR_UNSUPPORTED_OPERATION,
    SUCCESS,
    MPIException,
)
from .file_pointer import SharedPointer
from .file_view import View
from .handles import Handle
from .operations import Done
from .specs import message
from .typemap import basic

if TYPE_CHECKING:
    from ..communicator import Communicator
    from .specs import MessageSpec
    from .status import Status


class FileState:
    """One node's part in an open file.

    Args:
        core: the file's own communicator.
        descriptor: of the file, on this node.
        amode: how it was opened.

    Attributes:
        position: this node's pointer, in etypes of the view's stream; `shared` is everybody's.
        types: etype and filetype of the view; `datarep` the name of its representation.
        begun: the split collective that was begun and not ended: its name and what it has moved.
    """

    def __init__(self, core: Communicator, path: Any, descriptor: int, amode: int) -> None:
        self.core = core
        self.path = path
        self.descriptor = descriptor
        self.amode = amode
        self.view = View(0, 1, basic(1))
        self.types: tuple[Any, Any] = (None, None)
        self.datarep = "native"
        self.position = 0
        self.shared = SharedPointer(core)
        self.is_atomic = False
        self.hints: dict[str, str] = {}
        self.errhandler: Any = None
        self.begun: tuple[str, int] | None = None

    def close(self) -> None:
        """Closes this node's descriptor."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def size(self) -> int:
        """The size of the file in bytes."""
        with file_system.translated():
            nbytes: int = os.fstat(self.descriptor).st_size
        return nbytes

    # --- moving bytes -----------------------------------------------------------------------------

    def read(self, position: int, spec: MessageSpec) -> int:
        """Reads what `spec` has room for, from an etype of the stream on; how many bytes."""
        if self.amode & MODE_WRONLY:
            raise MPIException(ERR_ACCESS, "the file was opened for writing only")
        runs = self._runs(position, spec.nbytes)
        own = spec.writable()
        into = memoryview(bytearray(spec.nbytes)) if own is None else own
        with self._guarded(runs, for_writing=False):
            nbytes = file_system.read(self.descriptor, runs, into)
        if own is None:
            spec.from_bytes(into[:nbytes])
        return nbytes

    def write(self, position: int, spec: MessageSpec) -> int:
        """Writes what `spec` holds, from an etype of the stream on; how many bytes."""
        if self.amode & MODE_RDONLY:
            raise MPIException(ERR_READ_ONLY, "the file was opened for reading only")
        runs = self._runs(position, spec.nbytes)
        with self._guarded(runs, for_writing=True):
            file_system.write(self.descriptor, runs, spec.to_bytes())
        return spec.nbytes

    def etypes(self, nbytes: int) -> int:
        """How many etypes so many bytes are.

        Raises:
            MPIException: ERR_IO; not a whole number.
        """
        count, rest = divmod(nbytes, self.view.etype_bytes or 1)
        if rest:
            raise MPIException(ERR_IO, f"{nbytes} bytes are not a whole number of etypes")
        return count

    def need_random_access(self) -> None:
        """Raises MPIException where the file was opened for sequential access."""
        if self.amode & MODE_SEQUENTIAL:
            raise MPIException(ERR_UNSUPPORTED_OPERATION, "the file was opened as sequential")

    def _runs(self, position: int, nbytes: int) -> list[tuple[int, int]]:
        self.etypes(nbytes)
        return self.view.runs(position * self.view.etype_bytes, nbytes)

    @contextmanager
    def _guarded(self, runs: Sequence[tuple[int, int]], *, for_writing: bool) -> Iterator[None]:
        """Atomic, where that was asked for, and with MPI's errors."""
        lock = (
            file_system.locked(self.descriptor, runs, for_writing=for_writing)
            if self.is_atomic
            else nullcontext()
        )
        with file_system.translated(), lock:
            yield

    # --- agreeing ---------------------------------------------------------------------------------

    def agree(self, error: MPIException | None) -> None:
        """Collective: raises on all nodes if one has an error, each its own if it has one."""
        agree(self.core, error)


def agree(core: Communicator, error: MPIException | None) -> None:
    """Raises on all nodes of a communicator if one has an error, each its own if it has one."""
    told = core.allgather((SUCCESS, "") if error is None else (int(error), error.detail))
    if error is not None:
        raise error
    for node, (code, detail) in enumerate(told):
        if code:
            raise MPIException(code, f"node {node}: {detail}")


class Moved(Done):
    """A transfer that is over.

    Args:
        nbytes: how much it was.
    """

    def __init__(self, nbytes: int) -> None:
        super().__init__()
        self._nbytes = nbytes

    def fill(self, status: Status) -> None:
        """Tells how much it was."""
        status._set(ANY_SOURCE, ANY_TAG, self._nbytes)


class FileBase(HasErrhandler, Handle, null="FILE_NULL"):
    """A handle of a file; see File."""

    __slots__ = ()

    _state: FileState | None
    _null_error = ERR_FILE

    @property
    def _live(self) -> FileState:
        """The state.

        Raises:
            MPIException: ERR_FILE on the null handle.
        """
        state = self._state
        if state is None:
            raise MPIException(ERR_FILE, "this is the null file")
        return state

    # What all transfers come down to: each returns how many bytes it has moved.

    def _read_at(self, offset: int, buf: Any) -> int:
        state = self._live
        state.need_random_access()
        return state.read(_offset(offset), message(buf, writable=True))

    def _write_at(self, offset: int, buf: Any) -> int:
        state = self._live
        state.need_random_access()
        return state.write(_offset(offset), message(buf))

    def _read(self, buf: Any) -> int:
        state = self._live
        state.need_random_access()
        nbytes = state.read(state.position, message(buf, writable=True))
        state.position += nbytes // (state.view.etype_bytes or 1)
        return nbytes

    def _write(self, buf: Any) -> int:
        state = self._live
        state.need_random_access()
        nbytes = state.write(state.position, message(buf))
        state.position += state.etypes(nbytes)
        return nbytes

    def _read_shared(self, buf: Any) -> int:
        state = self._live
        spec = message(buf, writable=True)
        return state.read(state.shared.move(state.etypes(spec.nbytes)), spec)

    def _write_shared(self, buf: Any) -> int:
        state = self._live
        spec = message(buf)
        return state.write(state.shared.move(state.etypes(spec.nbytes)), spec)

    def _read_ordered(self, buf: Any) -> int:
        spec = message(buf, writable=True)
        return self._live.read(self._turn(spec.nbytes), spec)

    def _write_ordered(self, buf: Any) -> int:
        spec = message(buf)
        return self._live.write(self._turn(spec.nbytes), spec)

    def _turn(self, nbytes: int) -> int:
        """Where this node's part of an ordered transfer begins. Collective.

        The shared pointer is behind everybody's part then.
        """
        state = self._live
        counts: list[int] = state.core.allgather(state.etypes(nbytes))
        base = state.shared.move(sum(counts)) if state.core.node_id == 0 else 0
        return int(state.core.bcast(base)) + sum(counts[: state.core.node_id])


def _offset(offset: int) -> int:
    offset = integer(offset)
    if offset < 0:
        raise MPIException(ERR_IO, f"an offset of {offset}")
    return offset
