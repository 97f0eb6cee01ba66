"""What the lower-case reductions combine objects with: operations of the core made of MPI's.

Predefined operations combine arrays that are alike as the core does, by ufuncs and in place. What
isn't alike (an array here, the number 0 there) is combined as Python does it, for mpi4py's programs
may contribute that; so arrays are never split here, as the core would split large ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import ops
from .op import Op
from .ops_on_objects import FUNCTIONS


class ObjectOperation(ops.Op):
    """A predefined operation on any objects."""

    __slots__ = ()

    def works_by_element(self, value: Any) -> bool:  # noqa: ARG002
        """False: others may contribute something else than an array like this one."""
        return False

    def _combine_arrays(self, one: Any, other: Any, room: Any) -> Any:
        try:
            return super()._combine_arrays(one, other, room)
        except (ops.Unlike, TypeError):
            return self.function(one, other)


_predefined: dict[str, ObjectOperation] = {}


def operation(op: Op | Callable[[Any, Any], Any]) -> ops.Op:
    """The core's operation for what a program reduces objects with."""
    if not isinstance(op, Op):
        if not callable(op):
            raise TypeError(f"an Op or a function of two is required, not {type(op).__name__}")
        return ops.Op(op)
    state = op._state
    if state is None:
        raise ValueError("OP_NULL can't combine anything")
    if state.function is not None:
        return ops.Op(op, commutative=state.commutes)
    return _predefined.get(state.name) or _make(state.name)


def _make(name: str) -> ops.Op:
    known = getattr(ops, name, None)
    made = ObjectOperation(FUNCTIONS[name], commutative=known is not None)
    made.name = name
    made._of_arrays = None if known is None else known._of_arrays
    if known is None:  # REPLACE and NO_OP return one of their arguments
        return made
    _predefined[name] = made
    return made
