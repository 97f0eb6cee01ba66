# ruff: noqa: N802
"""The operations on the windows of other nodes: put, get, accumulate and their kin (MPI-4.1, 12.3).

An operation's data is on its way when the call returns, so the origin's buffer may be changed at
once; what is fetched is there after the synchronisation that follows, or when the request is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import layout_copy
from .constants import PROC_NULL, WIN_FLAVOR_DYNAMIC
from .errors import ERR_DISP, ERR_OP, ERR_RMA_RANGE, ERR_TRUNCATE, ERR_TYPE, MPIException
from .op import NO_OP, SUM
from .operations import Done, Operation
from .request import Request
from .specs import MessageSpec, TargetSpec, message
from .specs import target as target_spec
from .typemap import Layout
from .window_base import WinBase, asks_handler
from .window_combine import REPLACE, check, element_of, op_number
from .window_epochs import Access, Event
from .window_messages import Kind, Message, contiguous, cut, measure
from .window_protocol import CannotCombine
from .window_state import WinState

if TYPE_CHECKING:
    from .op import Op


class Fetching(Operation):
    """An operation whose answer is awaited."""

    def __init__(self, state: WinState, target: int, serial: int) -> None:
        self._state = state
        self._target = target
        self._serial = serial

    def is_done(self) -> bool:
        """Whether the answer is here."""
        return not self._state.is_awaited(self._serial)

    def check(self) -> None:
        """Raises when the target has ended."""
        self._state.check(self._target)

    def result(self) -> None:
        """Raises what the target has refused."""
        self._state.raise_refusal(self._target)


class OperationCalls(WinBase):
    """Mixin of Win: access to the windows of all nodes."""

    @asks_handler
    def Put(self, origin: Any, target_rank: int, target: Any = None) -> None:
        """Put data into a node's window."""
        if target_rank != PROC_NULL:
            self._put(origin, target_rank, target)

    @asks_handler
    def Rput(self, origin: Any, target_rank: int, target: Any = None) -> Request:
        """Put data into a node's window; the request is done when the origin may be changed."""
        if target_rank != PROC_NULL:
            self._put(origin, target_rank, target)
        return Request._of(Done())

    @asks_handler
    def Get(self, origin: Any, target_rank: int, target: Any = None) -> None:
        """Get data from a node's window."""
        if target_rank != PROC_NULL:
            self._get(origin, target_rank, target)

    @asks_handler
    def Rget(self, origin: Any, target_rank: int, target: Any = None) -> Request:
        """Get data from a node's window; the request is done when it is here."""
        if target_rank == PROC_NULL:
            return Request._of(Done())
        serial = self._get(origin, target_rank, target)
        return Request._of(Fetching(self._live, target_rank, serial))

    @asks_handler
    def Accumulate(self, origin: Any, target_rank: int, target: Any = None, op: Op = SUM) -> None:
        """Combine data with what is in a node's window, element by element and each whole."""
        if target_rank != PROC_NULL:
            self._accumulate(origin, target_rank, target, op)

    @asks_handler
    def Raccumulate(
        self, origin: Any, target_rank: int, target: Any = None, op: Op = SUM
    ) -> Request:
        """Combine data with a node's window; the request is done when the origin may be changed."""
        if target_rank != PROC_NULL:
            self._accumulate(origin, target_rank, target, op)
        return Request._of(Done())

    @asks_handler
    def Get_accumulate(
        self, origin: Any, result: Any, target_rank: int, target: Any = None, op: Op = SUM
    ) -> None:
        """Fetch what is in a node's window, and combine data with it, in one step."""
        if target_rank != PROC_NULL:
            self._get_accumulate(origin, result, target_rank, target, op)

    @asks_handler
    def Rget_accumulate(
        self, origin: Any, result: Any, target_rank: int, target: Any = None, op: Op = SUM
    ) -> Request:
        """Fetch and combine in one step; the request is done when what was fetched is here."""
        if target_rank == PROC_NULL:
            return Request._of(Done())
        serial = self._get_accumulate(origin, result, target_rank, target, op)
        return Request._of(Fetching(self._live, target_rank, serial))

    @asks_handler
    def Fetch_and_op(
        self, origin: Any, result: Any, target_rank: int, target_disp: int = 0, op: Op = SUM
    ) -> None:
        """Fetch one element of a node's window, and combine one with it, in one step."""
        if target_rank == PROC_NULL:
            return
        into = _single("result", message(result, writable=True))
        if op != NO_OP or origin is not None:
            _single("origin", message(origin), into)
        self._get_accumulate(origin, result, target_rank, target_disp, op)

    @asks_handler
    def Compare_and_swap(
        self, origin: Any, compare: Any, result: Any, target_rank: int, target_disp: int = 0
    ) -> None:
        """Fetch one element of a node's window, and replace it if it equals `compare`."""
        if target_rank == PROC_NULL:
            return
        given = _single("origin", message(origin))
        compared = _single("compare", message(compare), given)
        into = _single("result", message(result, writable=True), given)
        layout = self._layout(target_rank, target_of(target_disp, into), into.nbytes)
        data = b"".join((compared.to_bytes(), given.to_bytes()))
        wanted = Message(Kind.COMPARE_AND_SWAP, layout=layout, data=memoryview(data))
        self._operate(target_rank, wanted, into)

    # --- inside ---------------------------------------------------------------------------------

    def _put(self, origin: Any, rank: int, target: Any) -> None:
        given = message(origin)
        layout = self._layout(rank, target_of(target, given), given.nbytes)
        self._operate(rank, Message(Kind.PUT, layout=layout, data=given.to_bytes()))

    def _get(self, origin: Any, rank: int, target: Any) -> int:
        into = message(origin, writable=True)
        layout = self._layout(rank, target_of(target, into), into.nbytes, is_get=True)
        return self._operate(rank, Message(Kind.GET, layout=layout), into)

    def _accumulate(self, origin: Any, rank: int, target: Any, op: Op) -> None:
        given = message(origin)
        place = target_of(target, given)
        if op == NO_OP:
            self._layout(rank, place, given.nbytes)
            return
        wanted = self._combined(Kind.ACCUMULATE, given, rank, place, op)
        self._operate(rank, wanted)

    def _get_accumulate(self, origin: Any, result: Any, rank: int, target: Any, op: Op) -> int:
        into = message(result, writable=True)
        if op == NO_OP:
            layout = self._layout(rank, target_of(target, into), into.nbytes, is_get=True)
            return self._operate(rank, Message(Kind.GET_ACCUMULATE, layout=layout), into)
        given = message(origin)
        place = target_of(target, given)
        wanted = self._combined(Kind.GET_ACCUMULATE, given, rank, place, op)
        if into.nbytes < len(wanted.data):
            raise MPIException(ERR_TRUNCATE, f"what is fetched does not fit {into.nbytes} bytes")
        return self._operate(rank, wanted, into)

    def _combined(
        self, kind: Kind, given: MessageSpec, rank: int, target: TargetSpec, op: Op
    ) -> Message:
        """The message that has `given` combined with a part of a window."""
        number = op_number(op)
        if not number:
            raise MPIException(ERR_OP, "windows take MPI's own operations, none of the program's")
        element = 0 if number == REPLACE else element_of(target.datatype)
        if number != REPLACE:
            if not element or element != element_of(given.datatype):
                raise MPIException(ERR_TYPE, "data is combined with data of the same basic type")
            try:
                if given.nbytes:
                    check(number, element)
            except CannotCombine as error:
                raise MPIException(ERR_OP, str(error)) from error
        layout = self._layout(rank, target, given.nbytes)
        return Message(kind, 0, number, element, layout, given.to_bytes())

    def _layout(
        self, rank: int, target: TargetSpec, nbytes: int, *, is_get: bool = False
    ) -> Layout:
        """Which bytes of a node's window a target means.

        As with sends and receives, the side that takes the data may have more room than it needs.

        Args:
            nbytes: the size of the origin.
            is_get: the origin takes the data, else the target.
        """
        state = self._live
        state.check_rank(rank)
        is_dynamic = state.flavor == WIN_FLAVOR_DYNAMIC
        items = target.datatype._known().typemap
        offset = target.displ * state.disp_units[rank]
        layout = layout_copy.of_items(items, target.count, offset)
        size, begin, end = measure(layout)
        if size > nbytes and not is_get:
            layout = cut(layout, nbytes)
            size, begin, end = measure(layout) if nbytes else (0, 0, 0)
        elif size != nbytes and not (is_get and size < nbytes):
            raise MPIException(ERR_TRUNCATE, f"the origin has {nbytes} bytes, the target {size}")
        if size and not is_dynamic and not 0 <= begin <= end <= state.sizes[rank]:
            raise MPIException(
                ERR_RMA_RANGE,
                f"bytes {begin} to {end} of a window that has {state.sizes[rank]} on node {rank}",
            )
        return layout if size else contiguous(0, 0)

    def _operate(self, rank: int, wanted: Message, into: MessageSpec | None = None) -> int:
        """Has an operation done within the epoch that is open."""
        state = self._live
        state.follow(Event.OPERATE, rank)
        is_all = state.epochs.access is Access.LOCKED_ALL
        if is_all and state.checks_locks and rank not in state.granted:
            state.lock(rank, Kind.LOCK_SHARED)
        return state.operate(rank, wanted, None if into is None else into.from_bytes)


def target_of(spec: Any, origin: MessageSpec) -> TargetSpec:
    """Which part of a window a program means; a negative displacement is MPI's to refuse."""
    displ = spec[0] if isinstance(spec, (tuple, list)) and spec else spec
    if hasattr(displ, "__index__") and displ.__index__() < 0:
        raise MPIException(ERR_DISP, f"a displacement of {displ}")
    return target_spec(spec, origin)


def _single(name: str, given: MessageSpec, like: MessageSpec | None = None) -> MessageSpec:
    """A message of one element.

    Raises:
        ValueError: it is more, or less, or of another type than `like`.
    """
    if given.count != 1:
        raise ValueError(f"{name}: expected one element, got {given.count}")
    if like is not None and given.datatype != like.datatype:
        raise ValueError(f"{name}: expected the same datatype as that of the other arguments")
    return given
