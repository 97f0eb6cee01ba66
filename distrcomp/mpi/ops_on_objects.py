"""What the predefined reduction operations make of two Python objects.

As in mpi4py: SUM is `+`, MAX is whichever is greater, the logical ones give a bool, MINLOC and
MAXLOC take (value, place) pairs. Better than there: of two numpy arrays, the greater is taken
element by element.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

Function = Callable[[Any, Any], Any]


def _is_array(x: Any) -> bool:
    """Whether it is a numpy array of one dimension or more; numpy is loaded if there is one."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(x, numpy.ndarray) and x.ndim > 0


def _elementwise(ufunc: str, function: Function) -> Function:
    """The function for objects, with a ufunc of numpy for arrays."""

    def apply(x: Any, y: Any) -> Any:
        if _is_array(x) or _is_array(y):
            return getattr(sys.modules["numpy"], ufunc)(x, y)
        return function(x, y)

    return apply


def _lower_first(x: Any, y: Any) -> Any:
    """The lower value with its place; of equal values the lower place."""
    (a, i), (b, j) = x, y
    if b < a or (not a < b and j < i):
        return b, j
    return a, i


def _higher_first(x: Any, y: Any) -> Any:
    """The higher value with its place; of equal values the lower place."""
    (a, i), (b, j) = x, y
    if b > a or (not a > b and j < i):
        return b, j
    return a, i


def _add(x: Any, y: Any) -> Any:
    return x + y


def _multiply(x: Any, y: Any) -> Any:
    return x * y


FUNCTIONS: dict[str, Function] = {
    "SUM": _add,
    "PROD": _multiply,
    "MAX": _elementwise("maximum", lambda x, y: y if y > x else x),
    "MIN": _elementwise("minimum", lambda x, y: y if y < x else x),
    "LAND": _elementwise("logical_and", lambda x, y: bool(x) and bool(y)),
    "LOR": _elementwise("logical_or", lambda x, y: bool(x) or bool(y)),
    "LXOR": _elementwise("logical_xor", lambda x, y: bool(x) is not bool(y)),
    "BAND": lambda x, y: x & y,
    "BOR": lambda x, y: x | y,
    "BXOR": lambda x, y: x ^ y,
    "MINLOC": _lower_first,
    "MAXLOC": _higher_first,
    "REPLACE": lambda _x, y: y,
    "NO_OP": lambda x, _y: x,
}
"""The operations by the names that they have in MPI."""
