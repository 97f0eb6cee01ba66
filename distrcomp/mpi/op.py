# ruff: noqa: N802
"""Op: reduction operations, predefined and of the program's own.

Three things can be had of an operation, for whom a call needs which:

- `op(x, y)` of two Python objects: what the lower-case calls reduce with. A function of the
  program's own is called with (x, y, None) then, as in mpi4py.
- `op._core_op`: the same as a `dc.Op` of the core's collectives.
- `op._reduce_into(source, inout, datatype)` of items in packed form: what the upper-case calls
  reduce with; it sets inout to `source op inout`, so `source` is that of the lower ranks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from .. import ops
from . import ops_on_memory
from .errors import ERR_OP, MPIException
from .handles import Handle, constant_name, predefine
from .memory import buffer
from .ops_on_objects import FUNCTIONS
from .specs import message

OPS_MAX = 32  # of the program's own at one time: mpi4py's bound

_UserFunction = Callable[[Any, Any, Any], Any]


class _Operation:
    """What an operation is: a predefined one has a name, others a function of the program's."""

    def __init__(self, name: str, function: _UserFunction | None, commutes: bool) -> None:
        self.name = name
        self.function = function
        self.commutes = commutes
        self.core: Any = None


class _CoreOp(ops.Op):
    """An operation for the core's collectives.

    Unlike the core's own it takes arrays that differ in shape or dtype, as numpy's `+` does.
    """

    __slots__ = ()

    def __init__(self, operation: _Operation) -> None:
        super().__init__(Op._wrap(operation), operation.commutes)
        own = getattr(ops, operation.name, None)
        self.name = operation.name or getattr(operation.function, "__name__", "op")
        if isinstance(own, ops.Op):
            self._of_arrays = own._of_arrays

    def combine(self, one: Any, other: Any, room: Any = None) -> Any:
        """What both are together."""
        try:
            return super().combine(one, other, room)
        except ops.Unlike:
            return self.function(one, other)


_created: set[_Operation] = set()


class Op(Handle, null="OP_NULL"):
    """Reduction operation."""

    __slots__ = ("_is_by_number",)

    _state: _Operation | None
    _is_by_number: bool  # set on a handle that `fromhandle` made

    def __new__(cls, op: Op | None = None) -> Self:
        """The null operation, or another handle of one."""
        return super().__new__(cls, op)

    def __call__(self, x: Any, y: Any, /) -> Any:
        """Reduce two objects to one."""
        state = self._state
        if state is None:
            raise ValueError("OP_NULL reduces nothing")
        if state.function is None:
            return FUNCTIONS[state.name](x, y)
        return state.function(x, y, None)

    def __reduce__(self) -> str | tuple[Any, ...]:
        state = self._state
        if state is None or state.function is None:
            return super().__reduce__()
        if hasattr(self, "_is_by_number"):
            raise ValueError("can't pickle an Op that was made from a number")
        return (_create, (type(self), state.function, state.commutes))

    @classmethod
    def fromhandle(cls, handle: int) -> Self:
        """Wrap the handle with this number anew."""
        op = super().fromhandle(handle)
        op._is_by_number = True
        return op

    @classmethod
    def Create(cls, function: _UserFunction, commute: bool = False) -> Self:
        """Create an operation from function(a, b, datatype), which sets b to `a op b`.

        In upper-case calls a and b are MPI.memory; in lower-case calls they are objects, datatype
        is None, and the function returns the result.
        """
        if not callable(function):
            raise TypeError(f"an operation is made of a function, not {type(function).__name__}")
        if len(_created) >= OPS_MAX:
            raise MPIException(ERR_OP, f"a program has at most {OPS_MAX} operations; free some")
        operation = _Operation("", function, bool(commute))
        _created.add(operation)
        return cls._wrap(operation)

    def Free(self) -> None:
        """Free the operation."""
        state = self._state
        if state is None or state.function is None:
            raise MPIException(ERR_OP, f"{constant_name(self)} can't be freed")
        _created.discard(state)
        self._invalidate()

    def Is_commutative(self) -> bool:
        """Tell whether the operation commutes."""
        return self._known().commutes

    def Reduce_local(self, inbuf: Any, inoutbuf: Any) -> None:
        """Apply the operation to two buffers of this process; the second gets the result."""
        source, inout = message(inbuf), message(inoutbuf)
        if source.datatype != inout.datatype:
            raise ValueError("inbuf and inoutbuf have different datatypes")
        if source.count != inout.count:
            raise ValueError(f"inbuf has {source.count} items and inoutbuf has {inout.count}")
        memory = inout.writable()
        if memory is not None:
            self._reduce_into(source.to_bytes(), memory, inout.datatype)
            return
        packed = memoryview(bytearray(inout.to_bytes()))
        self._reduce_into(source.to_bytes(), packed, inout.datatype)
        inout.from_bytes(packed)

    def _reduce_into(self, source: memoryview, inout: memoryview, datatype: Any) -> None:
        """Sets `inout` to `source op inout`: items of a datatype in packed form."""
        state = self._known()
        if state.function is None:
            if len(inout):
                ops_on_memory.reduce_into(state.name, source, inout, datatype._state)
        elif datatype.is_contiguous or not len(inout):
            state.function(buffer.frombuffer(source), buffer.frombuffer(inout), datatype)
        else:  # the function knows the items as they lie in the program's memory
            spread, spread_inout = _spread(source, datatype), _spread(inout, datatype)
            memories = [buffer.frombuffer(items.memory) for items in (spread, spread_inout)]
            state.function(memories[0], memories[1], datatype)
            inout[:] = spread_inout.to_bytes()

    @property
    def _core_op(self) -> Any:
        """The operation for the core's collectives."""
        state = self._known()
        if state.core is None:
            state.core = _CoreOp(state)
        return state.core

    @property
    def is_commutative(self) -> bool:
        """Whether the operation commutes."""
        return self._known().commutes

    @property
    def is_predefined(self) -> bool:
        """Whether it is one of MPI's own."""
        return self._state is None or self._state.function is None

    def _known(self) -> _Operation:
        if self._state is None:
            raise MPIException(ERR_OP, "this is the null operation")
        return self._state


def _spread(packed: memoryview, datatype: Any) -> Any:
    """Items in packed form as a message in memory, with the gaps that the datatype has."""
    count = len(packed) // datatype.size
    memory = bytearray(datatype.extent * count)
    items = message([memory, count, datatype])
    items.from_bytes(packed)
    return items


def _create(cls: type[Op], function: _UserFunction, commutes: bool) -> Op:
    """A pickled operation again."""
    return cls.Create(function, commutes)


def _predefine(name: str) -> Op:
    commutes = name not in ("REPLACE", "NO_OP")
    op: Op = predefine(name, Op._wrap(_Operation(name, None, commutes)))
    return op


OP_NULL: Op = predefine("OP_NULL", Op())
MAX = _predefine("MAX")
MIN = _predefine("MIN")
SUM = _predefine("SUM")
PROD = _predefine("PROD")
LAND = _predefine("LAND")
BAND = _predefine("BAND")
LOR = _predefine("LOR")
BOR = _predefine("BOR")
LXOR = _predefine("LXOR")
BXOR = _predefine("BXOR")
MAXLOC = _predefine("MAXLOC")
MINLOC = _predefine("MINLOC")
REPLACE = _predefine("REPLACE")
NO_OP = _predefine("NO_OP")
