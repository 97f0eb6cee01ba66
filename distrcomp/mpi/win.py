# ruff: noqa: N802
"""Windows: memory of a node that the others read and write without its taking part (MPI-4.1, 12).

`window_state` says when that makes progress. A window is made by all nodes of a communicator, out
of their own memory (`Create`, `Allocate`), out of memory that the nodes of one machine share
(`Allocate_shared`), or out of nothing at first (`Create_dynamic`, `Attach`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from .attributes import Attributed
from .checks import exact
from .comm import Comm
from .constants import (
    PROC_NULL,
    WIN_BASE,
    WIN_CREATE_FLAVOR,
    WIN_DISP_UNIT,
    WIN_FLAVOR_ALLOCATE,
    WIN_FLAVOR_CREATE,
    WIN_FLAVOR_DYNAMIC,
    WIN_FLAVOR_SHARED,
    WIN_MODEL,
    WIN_SIZE,
    WIN_UNIFIED,
)
from .errors import (
    ERR_COMM,
    ERR_DISP,
    ERR_NO_MEM,
    ERR_RMA_ATTACH,
    ERR_RMA_FLAVOR,
    ERR_SIZE,
    ERR_WIN,
    SUCCESS,
    MPIException,
)
from .exporters import Exported
from .group import HasGroup
from .handles import predefine
from .hints import Hinted
from .info import INFO_NULL, Info
from .memory import buffer
from .naming import Named
from .raw_memory import exports_buffer
from .special_buffers import BOTTOM
from .window_base import asks_handler
from .window_combine import combine
from .window_epochs import Event
from .window_memory import begins, share
from .window_operations import OperationCalls
from .window_state import WinState
from .window_sync import SynchronizationCalls
from .worlds import COMM_SELF

if TYPE_CHECKING:
    from .intracomm import Intracomm


@exports_buffer
class Win(OperationCalls, SynchronizationCalls, HasGroup, Hinted, Named, Attributed):
    """Remote memory access context.

    Example:
        >>> from distrcomp.mpi import MPI
        >>> win = MPI.Win.Allocate(8)
        >>> win.Lock(0)
        >>> win.Put(b"abc", 0, 2)
        >>> win.Unlock(0)
        >>> bytes(win.tomemory())
        b'\\x00\\x00abc\\x00\\x00\\x00'
        >>> win.Free()
    """

    __slots__ = ()

    _null_error = ERR_WIN

    # --- making and ending ------------------------------------------------------------------------

    @classmethod
    def Create(
        cls,
        memory: Any,
        disp_unit: int = 1,
        info: Info = INFO_NULL,
        comm: Intracomm = COMM_SELF,
    ) -> Self:
        """Create a window of memory that the program has. Collective.

        None and BOTTOM are no memory.
        """
        own = _nothing() if memory is None or memory is BOTTOM else buffer.frombuffer(memory)
        if len(own) and own.readonly:
            raise BufferError("a window can't be made of read-only memory")
        with Comm._given(comm)._translated():
            state = _opened(comm, len(own), disp_unit, info)
            return cls._made(state, WIN_FLAVOR_CREATE, own)

    @classmethod
    def Allocate(
        cls, size: int, disp_unit: int = 1, info: Info = INFO_NULL, comm: Intracomm = COMM_SELF
    ) -> Self:
        """Create a window of new memory. Collective."""
        with Comm._given(comm)._translated():
            memory, wrong = _allocated(exact(size))
            state = _opened(comm, size, disp_unit, info, wrong)
            return cls._made(state, WIN_FLAVOR_ALLOCATE, memory)

    @classmethod
    def Allocate_shared(
        cls, size: int, disp_unit: int = 1, info: Info = INFO_NULL, comm: Intracomm = COMM_SELF
    ) -> Self:
        """Create a window of memory that all nodes, of one machine, can use directly. Collective.

        The parts of the nodes follow each other without a gap, in order of rank, unless the info
        says `alloc_shared_noncontig=true`.
        """
        with Comm._given(comm)._translated():
            state = _opened(comm, size, disp_unit, info)
            is_aligned = state.hints.get("alloc_shared_noncontig") == "true"
            places = begins(state.sizes, is_aligned=is_aligned)
            try:
                whole = share(state.core, places[-1])
            except MPIException:
                state.core.free()
                raise
            parts = zip(places, state.sizes, strict=False)
            state.parts = [whole[begin : begin + length] for begin, length in parts]
            return cls._made(state, WIN_FLAVOR_SHARED, _part(state, state.me))

    @classmethod
    def Create_dynamic(cls, info: Info = INFO_NULL, comm: Intracomm = COMM_SELF) -> Self:
        """Create a window without memory, to which memory can be attached. Collective.

        Displacements in it are addresses, as `Get_address` gives them.
        """
        with Comm._given(comm)._translated():
            return cls._made(_opened(comm, 0, 1, info), WIN_FLAVOR_DYNAMIC, _nothing())

    @classmethod
    def _made(cls, state: WinState, flavor: int, memory: buffer) -> Self:
        state.flavor = flavor
        state.memory = memory
        if flavor != WIN_FLAVOR_DYNAMIC and len(memory):
            state.base = memory.address
            state.regions.attach(0, memory._exported.memory)
        state.core.barrier()  # no operation comes before its window
        return cls._wrap(state)

    @asks_handler
    def Attach(self, memory: Any) -> None:
        """Attach memory to a dynamic window."""
        state = self._of_flavor(WIN_FLAVOR_DYNAMIC)
        own = buffer.frombuffer(memory)
        if state.regions.overlaps(own.address, len(own)):
            raise MPIException(ERR_RMA_ATTACH, "some of this memory is attached already")
        state.regions.attach(own.address, own._exported.memory)
        state.attached[own.address] = own

    @asks_handler
    def Detach(self, memory: Any) -> None:
        """Detach memory from a dynamic window."""
        state = self._of_flavor(WIN_FLAVOR_DYNAMIC)
        address = buffer.frombuffer(memory).address
        state.attached.pop(address, None)
        if not state.regions.detach(address):
            raise MPIException(ERR_RMA_ATTACH, "no memory that begins here is attached")

    @asks_handler
    def Free(self) -> None:
        """Free the window, when all nodes have come here. Collective."""
        state = self._live
        state.follow(Event.FREE)
        self._delete_attributes()
        state.core.barrier()
        state.core.free()
        state.close()
        self._invalidate()

    # --- its memory -------------------------------------------------------------------------------

    @asks_handler
    def Shared_query(self, rank: int) -> tuple[buffer, int]:
        """Get the memory of a node that shares a machine, and its unit of displacements.

        With PROC_NULL, of the lowest rank that has any. Only Allocate_shared shares memory: of
        other windows a node sees its own, and of the others none.
        """
        state = self._live
        if state.flavor == WIN_FLAVOR_DYNAMIC:
            raise MPIException(ERR_RMA_FLAVOR, "a dynamic window has no memory to be shared")
        if rank == PROC_NULL:
            rank = next((rank for rank, size in enumerate(state.sizes) if size), 0)
        state.check_rank(rank)
        if rank == state.me:
            return state.memory, state.disp_unit
        if state.parts is None:
            return _nothing(), state.disp_units[rank]
        return _part(state, rank), state.disp_units[rank]

    def tomemory(self) -> buffer:
        """Return the memory of this node's window."""
        memory: buffer = self._live.memory
        return memory

    def __buffer__(self, flags: int, /) -> memoryview:
        return memoryview(self._live.memory)

    # --- what it is like --------------------------------------------------------------------------

    def Get_name(self) -> str:
        """Get the printable name."""
        return super().Get_name() if self._state is not None else "MPI_WIN_NULL"

    def _standing_attributes(self) -> dict[int, Any]:
        state = self._live
        return {
            WIN_BASE: state.base,
            WIN_SIZE: len(state.memory),
            WIN_DISP_UNIT: state.disp_unit,
            WIN_CREATE_FLAVOR: state.flavor,
            WIN_MODEL: WIN_UNIFIED,
        }

    @property
    def attrs(self) -> tuple[int, int, int]:
        """Address, size and unit of displacements of this node's window."""
        state = self._live
        return state.base, len(state.memory), state.disp_unit

    @property
    def flavor(self) -> int:
        """How it was created."""
        return self._live.flavor

    @property
    def model(self) -> int:
        """Its memory model."""
        return WIN_UNIFIED if self._live else 0

    def _of_flavor(self, flavor: int) -> WinState:
        state = self._live
        if state.flavor != flavor:
            raise MPIException(ERR_RMA_FLAVOR, "this can be done with a dynamic window only")
        return state


WIN_NULL: Win = predefine("WIN_NULL", Win())


def _nothing() -> buffer:
    """No memory."""
    return buffer.fromaddress(0, 0)


def _part(state: WinState, rank: int) -> buffer:
    """A node's part of shared memory."""
    if state.parts is None or not state.parts[rank].nbytes:
        return _nothing()
    return buffer._of(Exported(None, state.parts[rank], "B"))


def _allocated(size: int) -> tuple[buffer, int]:
    """New memory; and an error class where there is none, which all nodes are to hear."""
    try:
        return buffer.allocate(max(size, 0), clear=True), SUCCESS
    except (MemoryError, ValueError):
        return _nothing(), ERR_NO_MEM


def _opened(
    comm: Intracomm, size: int, disp_unit: int, info: Info, wrong: int = SUCCESS
) -> WinState:
    """The state of a new window, without its memory. Collective.

    Args:
        wrong: an error class, if this node knows already that it can't have the window.
    """
    size, disp_unit = exact(size), exact(disp_unit)
    if size < 0:
        wrong = ERR_SIZE
    elif disp_unit <= 0:
        wrong = ERR_DISP
    if not comm or comm.Is_inter():
        raise MPIException(ERR_COMM, "a window is made by an intracommunicator")
    told = comm._core.allgather((wrong, size, disp_unit))
    for node, (code, nbytes, unit) in enumerate(told):
        if code:
            what = f"node {node} wants a window of {nbytes} bytes in units of {unit}"
            raise MPIException(wrong or code, what)
    state = WinState(comm._core.dup(), combine)
    state.sizes = [size for _, size, _ in told]
    state.disp_units = [unit for _, _, unit in told]
    state.disp_unit = disp_unit
    state.hints = dict(info.items()) if info else {}
    return state
