"""What a program may write for a part of another node's window: a target specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .datatypes import Datatype
from .errors import ERR_COUNT, MPIException

if TYPE_CHECKING:
    from .specs import MessageSpec


class Target(NamedTuple):
    """A part of a window: `count` items from `disp` on, which is in the window's own units."""

    disp: int
    count: int
    datatype: Datatype


def target_of(spec: Any, origin: MessageSpec) -> Target:
    """The part of a window that a program means.

    Args:
        spec: None, a displacement, or up to three of (displacement, count, datatype).
        origin: whose count and datatype count where none is given.

    Raises:
        TypeError, ValueError: it is nothing of that.
        MPIException: ERR_COUNT, a negative count.
    """
    count, datatype = origin.count, origin.datatype
    if spec is None:
        return Target(0, count, datatype)
    if hasattr(spec, "__index__"):
        return Target(spec.__index__(), count, datatype)
    if not isinstance(spec, (tuple, list)):
        raise TypeError(f"a target is a number, a tuple or a list, not {type(spec).__name__}")
    if len(spec) > 3:
        raise ValueError("a target has up to 3 items: displacement, count and datatype")
    disp, count, datatype = (*spec, *(0, count, datatype)[len(spec) :])
    if isinstance(datatype, str):
        datatype = Datatype.fromcode(datatype)
    if not isinstance(datatype, Datatype):
        raise TypeError(f"expected a datatype, got {type(datatype).__name__}")
    count = count.__index__()
    if count < 0:
        raise MPIException(ERR_COUNT, f"a count of {count}")
    return Target(disp.__index__(), count, datatype)
