"""How contributions are combined by `reduce`, `allreduce`, `scan` and the like; no I/O.

Arrays are combined element by element, other objects by Python's operators. The first argument is
always from lower node ids than the second one (MPI-4.1, 6.9.1), and what is combined in which order
follows from the number of nodes and the sizes alone, never from who came first. So the same run
gives the same bits.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

from .errors import CallError


class Op:
    """Combines two contributions to one.

    Args:
        function: called with two contributions, that of the lower nodes first; it may change and
            return the first. It must be associative.
        commutative: whether the order doesn't matter.

    Semantics: MPI-4.1, 6.9.5.

    Example:
        >>> import distrcomp as dc
        >>> dc.allreduce("a", op=dc.Op(lambda a, b: a + b))
        'a'
    """

    __slots__ = ("_of_arrays", "commutative", "function", "name")

    def __init__(self, function: Callable[[Any, Any], Any], commutative: bool = False) -> None:
        if not callable(function):
            raise CallError(
                f"{function!r} is no operation: give dc.SUM or its like, or a function of two"
            )
        self.function = function
        self.commutative = commutative
        self.name = getattr(function, "__name__", "op")
        self._of_arrays: str | None = None

    def __repr__(self) -> str:
        if self._of_arrays is not None:
            return f"dc.{self.name}"
        return f"dc.Op({self.name}{', commutative=True' if self.commutative else ''})"

    @property
    def is_orderless(self) -> bool:
        """Whether the order doesn't matter, whatever is combined: sums also join sequences."""
        return self.commutative and self._of_arrays not in ("add", "multiply")

    def may_share(self, value: Any) -> bool:
        """Whether `combine` may change `value`, return it, or return what holds a part of it."""
        return not (self._of_arrays and _is_array(value)) or value.dtype.hasobject

    def works_by_element(self, value: Any) -> bool:
        """Whether `value` is an array that can be combined in pieces, which lose its subclass."""
        return (
            bool(self._of_arrays)
            and _is_array(value)
            and type(value) is sys.modules["numpy"].ndarray
            and value.dtype.kind in "biufc"
        )

    def combine(self, one: Any, other: Any, room: Any = None) -> Any:
        """What both are together.

        Args:
            one: from lower nodes than `other`.
            room: an array that may be written into, or None.

        Raises:
            Unlike: they are arrays of different shape or dtype.
        """
        if self._of_arrays and (_is_array(one) or _is_array(other)):
            return self._combine_arrays(one, other, room)
        return self.function(one, other)

    def _combine_arrays(self, one: Any, other: Any, room: Any) -> Any:
        if not (_is_array(one) and _is_array(other)) or (one.shape, one.dtype) != (
            other.shape,
            other.dtype,
        ):
            raise Unlike(one, other)
        of_arrays = getattr(sys.modules["numpy"], str(self._of_arrays))
        if one.dtype.kind == "b" and self is PROD:
            of_arrays = sys.modules["numpy"].logical_and
        if room is not None:
            return of_arrays(one, other, out=room, casting="unsafe")
        together = of_arrays(one, other)
        if not _is_array(together):  # of arrays without dimensions numpy makes a scalar
            together = sys.modules["numpy"].asarray(together)
        return together if together.dtype == one.dtype else together.astype(one.dtype)


class Unlike(Exception):
    """Two contributions that can't be combined; the collective tells whose they are."""

    def __init__(self, one: Any, other: Any) -> None:
        self.one = _kind(one)
        self.other = _kind(other)
        super().__init__(self.one, self.other)

    def between(self, one: str, other: str) -> str:
        """The same of these nodes, in words."""
        return f"{one} contributed {self.one}, {other} {self.other}"


def as_op(op: Any) -> Op:
    """What a caller gave as an operation, None being the sum.

    A plain function isn't taken for commutative.

    Raises:
        CallError: it is none.
    """
    if op is None:
        return SUM
    if isinstance(op, Op):
        return op
    try:
        known = _KNOWN.get(op)
    except TypeError:  # it has no hash
        known = None
    return known or Op(op)


def _is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def _kind(value: Any) -> str:
    if _is_array(value):
        return f"an array of {value.dtype} {value.shape}"
    return f"an object of type {type(value).__qualname__}"


def _predefined(name: str, of_objects: Callable[[Any, Any], Any], of_arrays: str) -> Op:
    op = Op(of_objects, commutative=True)
    op.name = name
    op._of_arrays = of_arrays
    return op


def _least(one: Any, other: Any) -> Any:
    (value, where), (other_value, elsewhere) = one, other
    if value == other_value:
        return (value, min(where, elsewhere))
    return one if value < other_value else other


def _greatest(one: Any, other: Any) -> Any:
    (value, where), (other_value, elsewhere) = one, other
    if value == other_value:
        return (value, min(where, elsewhere))
    return one if value > other_value else other


SUM = _predefined("SUM", operator.add, "add")
PROD = _predefined("PROD", operator.mul, "multiply")
MIN = _predefined("MIN", lambda a, b: b if b < a else a, "minimum")
MAX = _predefined("MAX", lambda a, b: b if b > a else a, "maximum")
LAND = _predefined("LAND", lambda a, b: bool(a) and bool(b), "logical_and")
LOR = _predefined("LOR", lambda a, b: bool(a) or bool(b), "logical_or")
LXOR = _predefined("LXOR", lambda a, b: bool(a) != bool(b), "logical_xor")
BAND = _predefined("BAND", operator.and_, "bitwise_and")
BOR = _predefined("BOR", operator.or_, "bitwise_or")
BXOR = _predefined("BXOR", operator.xor, "bitwise_xor")
MINLOC = _predefined("MINLOC", _least, "")
MAXLOC = _predefined("MAXLOC", _greatest, "")

# What people write for them.
_KNOWN: dict[Any, Op] = {
    sum: SUM,
    min: MIN,
    max: MAX,
    operator.add: SUM,
    operator.mul: PROD,
    operator.and_: BAND,
    operator.or_: BOR,
    operator.xor: BXOR,
}
