"""What a reduction of buffers combines, and by which operation of the core."""

from __future__ import annotations

from typing import Any

from .. import ops
from .buffer_moves import byte_array
from .errors import ERR_OP, MPIException
from .op import Op
from .specs import MessageSpec

_ARITHMETIC = {"SUM", "PROD"}
_ORDER = {"MAX", "MIN"}
_LOGICAL = {"LAND", "LOR", "LXOR"}
_BITWISE = {"BAND", "BOR", "BXOR"}
_LOCATING = {"MAXLOC", "MINLOC"}

_LOGICALS = {"MPI_C_BOOL", "MPI_CXX_BOOL", "MPI_LOGICAL"}
_TEXTS = {"MPI_PACKED", "MPI_WCHAR", "MPI_CHARACTER"}
_BY_KIND = {
    "i": _ARITHMETIC | _ORDER | _LOGICAL | _BITWISE,
    "u": _ARITHMETIC | _ORDER | _LOGICAL | _BITWISE,
    "f": _ARITHMETIC | _ORDER,
    "c": _ARITHMETIC,
}


_found: dict[Any, ops.Op] = {}  # by the operation's name and what its items are


class Operands:
    """How the contributions to one reduction travel.

    Args:
        op: the operation.
        spec: what one node contributes; the others contribute the like.

    Attributes:
        core_op: the operation on the arrays that travel.

    Raises:
        MPIException: ERR_OP when the operation is not for such items.
    """

    def __init__(self, op: Op, spec: MessageSpec) -> None:
        known = Op._given(op)._known()
        self._state = spec.state
        self._as_bytes = known.function is not None
        if known.function is not None:
            self.core_op = ops.Op(_UserOperation(op, spec), commutative=known.commutes)
        else:
            key = (known.name, spec.state.element, spec.state.pair)
            self.core_op = _found.get(key) or _predefined(known.name, spec)
            _found[key] = self.core_op
        self._spec = spec

    def array(self, spec: MessageSpec) -> Any:
        """What travels of a buffer."""
        return self.view(spec.to_bytes())

    def view(self, memory: memoryview) -> Any:
        """Memory in one piece as an array of what travels."""
        if self._as_bytes:
            return byte_array(memory)
        made = self._spec.as_array(memory)
        element = self._state.element
        is_char = element is not None and element.name == "MPI_CHAR"
        return made.view("i1") if is_char else made


def _predefined(name: str, spec: MessageSpec) -> ops.Op:
    """One of MPI's operations, for items of a datatype."""
    if name not in _defined_for(spec.state):
        items = spec.datatype.name or "this datatype"
        raise MPIException(ERR_OP, f"{name} is not defined for items of {items}")
    if name in _LOCATING:
        return ops.Op(_LOCATE[name], commutative=True)
    found: ops.Op = getattr(ops, name)
    return found


class _UserOperation:
    """A function of the program's on arrays of the bytes of packed items."""

    def __init__(self, op: Op, spec: MessageSpec) -> None:
        self._op = op
        self._datatype = spec.datatype

    def __call__(self, one: Any, other: Any) -> Any:
        """`one op other`, as MPI calls it: the second argument takes the result."""
        result = other.copy()
        self._op._reduce_into(memoryview(one), memoryview(result), self._datatype)
        return result


def _defined_for(state: Any) -> set[str]:
    """The names of the operations that MPI defines for a datatype."""
    if state.pair is not None:
        return _LOCATING
    element = state.element
    if element is None or element.name in _TEXTS:
        return set()
    if element.name == "MPI_BYTE":
        return _BITWISE
    if element.name in _LOGICALS:
        return _LOGICAL
    if element.name == "MPI_CHAR":
        return _BY_KIND["i"]
    defined = _BY_KIND.get(element.typestr[0], set())
    return defined - _LOGICAL if element.name.startswith("MPI_INTEGER") else defined


def _least(one: Any, other: Any) -> Any:
    import numpy

    is_first = one["value"] < other["value"]
    return numpy.where(is_first | _is_equal_and_before(one, other), one, other)


def _greatest(one: Any, other: Any) -> Any:
    import numpy

    is_first = one["value"] > other["value"]
    return numpy.where(is_first | _is_equal_and_before(one, other), one, other)


def _is_equal_and_before(one: Any, other: Any) -> Any:
    return (one["value"] == other["value"]) & (one["index"] < other["index"])


_LOCATE = {"MINLOC": _least, "MAXLOC": _greatest}
