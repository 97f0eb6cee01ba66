"""Where a one-sided call works in the target's window: displacement, count and datatype."""

from __future__ import annotations

from typing import Any

from .datatypes import Datatype
from .errors import ERR_TYPE, MPIException
from .message_spec import MessageSpec
from .simple_specs import as_count, coded, committed


class TargetSpec:
    """Items of a datatype from `displ` on, which is in the target's displacement units."""

    __slots__ = ("count", "datatype", "displ")

    def __init__(self, displ: int, count: int, datatype: Datatype) -> None:
        self.displ = displ
        self.count = count
        self.datatype = datatype


def target(spec: Any, origin: MessageSpec) -> TargetSpec:
    """What a program means by the target of a one-sided call; what is left out is the origin's.

    Args:
        spec: None, a displacement, or a list or tuple of displacement, count and type.
        origin: the message at this node.

    Raises:
        TypeError, KeyError, ValueError: it is none of these.
    """
    parts: list[Any] = [0, origin.count, None]
    if spec is None:
        pass
    elif hasattr(spec, "__index__"):
        parts[0] = spec
    elif not isinstance(spec, (list, tuple)):
        raise ValueError("target: expecting a displacement, list or tuple")
    elif len(spec) > 3:
        raise ValueError("target: expecting up to 3 items")
    else:
        parts[: len(spec)] = spec
    displ, count, typespec = parts
    if typespec is None:
        datatype = origin.datatype
    elif isinstance(typespec, Datatype):
        datatype = typespec
    else:
        datatype = coded(typespec)
    if datatype._state is None:
        raise MPIException(ERR_TYPE, "the null datatype has no messages")
    committed(datatype._state)
    return TargetSpec(as_count(displ, "displacement"), as_count(count, "count"), datatype)
