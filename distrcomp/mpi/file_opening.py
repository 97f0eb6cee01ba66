"""Opening a file on all nodes at once, and what views and seeking mean."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import file_system
from .checks import integer
from .comm import Comm
from .constants import MODE_APPEND, SEEK_CUR, SEEK_END, SEEK_SET
from .datatypes import Datatype
from .errors import (
    ERR_ARG,
    ERR_COMM,
    ERR_NOT_SAME,
    ERR_TYPE,
    ERR_UNSUPPORTED_DATAREP,
    MPIException,
)
from .file_state import FileState, agree
from .file_view import View
from .simple_specs import committed

if TYPE_CHECKING:
    from .intracomm import Intracomm

_REPRESENTATIONS = ("native", "internal")


def opened(comm: Intracomm, path: str | bytes, amode: int) -> FileState:
    """The state of a file, open on all nodes or on none. Collective."""
    if not Comm._given(comm) or comm.Is_inter():
        raise MPIException(ERR_COMM, "a file is opened by an intracommunicator")
    core = comm._core.dup()
    descriptor, failure = -1, None
    try:
        try:
            file_system.check_mode(amode)
            if core.node_id == 0:
                with file_system.translated():
                    descriptor = file_system.open_file(path, amode, is_first=True)
        except MPIException as error:
            failure = error
        agree(core, failure)
        if len(set(core.allgather(amode))) > 1:
            failure = MPIException(ERR_NOT_SAME, "the nodes have given different modes")
        elif core.node_id != 0:
            try:
                with file_system.translated():
                    descriptor = file_system.open_file(path, amode, is_first=False)
            except MPIException as error:
                failure = error
        agree(core, failure)
        state = FileState(core, path, descriptor, amode)
        if amode & MODE_APPEND:
            state.position = state.size()
            if core.node_id == 0:
                state.shared.put(state.position)
        core.barrier()
    except BaseException as error:
        if descriptor >= 0:
            os.close(descriptor)
        if isinstance(error, MPIException):  # all nodes have it; else they are not together
            core.free()
        raise
    return state


def view_of(disp: int, etype: Datatype, filetype: Datatype, datarep: str) -> View:
    """The view that these make.

    Raises:
        MPIException: they make none.
    """
    if datarep not in _REPRESENTATIONS:
        raise MPIException(ERR_UNSUPPORTED_DATAREP, f"files are native, not {datarep!r}")
    if integer(disp) < 0:
        raise MPIException(ERR_ARG, f"a displacement of {disp}")
    unit = committed(Datatype._given(etype)._known()).typemap
    tile = committed(Datatype._given(filetype)._known()).typemap
    if (unit.size and tile.size % unit.size) or tile.true_lb < 0 or tile.extent < 0:
        raise MPIException(ERR_TYPE, "the filetype is not made of etypes that follow each other")
    return View(disp, unit.size, tile)


def kept(datatype: Datatype) -> Datatype:
    """A handle of a datatype that stays valid when the program frees its own."""
    return Datatype(datatype) if datatype.is_predefined else datatype.Dup()


def sought(state: FileState, offset: int, whence: int, current: Callable[[], int]) -> int:
    """Where a pointer goes."""
    offset = integer(offset)
    if whence == SEEK_SET:
        position = offset
    elif whence == SEEK_CUR:
        position = current() + offset
    elif whence == SEEK_END:
        seen = state.view.stream_bytes(state.size())
        position = -(-seen // (state.view.etype_bytes or 1)) + offset
    else:
        raise MPIException(ERR_ARG, f"{whence} is none of SEEK_SET, SEEK_CUR and SEEK_END")
    if position < 0:
        raise MPIException(ERR_ARG, f"a place {-position} etypes before the begin of the view")
    return position
