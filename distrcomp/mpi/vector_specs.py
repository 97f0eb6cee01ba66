"""Specifications of messages in blocks with their own counts and displacements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .checks import exact
from .datatypes import Datatype
from .errors import ERR_TYPE, MPIException
from .message_spec import MessageSpec
from .simple_specs import committed, datatype_of, exported_of, items_in, parts_of


class VectorSpec:
    """Blocks in memory, one for each node.

    Attributes:
        counts: how many items each block has.
        displs: where it begins, in bytes.
        datatypes: of which datatype its items are.
        obj, memory: the buffer; see MessageSpec.
    """

    __slots__ = ("counts", "datatypes", "displs", "memory", "obj")

    def __init__(
        self,
        obj: Any,
        memory: memoryview | None,
        counts: list[int],
        displs: list[int],
        datatypes: list[Datatype],
    ) -> None:
        self.obj = obj
        self.memory = memory
        self.counts = counts
        self.displs = displs
        self.datatypes = datatypes

    @property
    def datatype(self) -> Datatype:
        """The datatype of all blocks, in the v-form."""
        return self.datatypes[0]

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return len(self.counts)

    @property
    def nbytes(self) -> int:
        """Bytes that travel, over all blocks."""
        return sum(self.block(i).nbytes for i in range(len(self.counts)))

    def block(self, i: int) -> MessageSpec:
        """The i-th block as a message."""
        datatype = self.datatypes[i]
        state = datatype._state
        if state is None:
            if self.counts[i]:
                raise MPIException(ERR_TYPE, "the null datatype has no messages")
            raise ValueError("this block has no datatype")
        return MessageSpec(
            self.obj, self.memory, datatype, committed(state), self.counts[i], self.displs[i]
        )


def vector(spec: Any, blocks: int, writable: bool = False) -> VectorSpec:
    """The blocks that a program means by `spec`, in the v-form.

    Args:
        spec: a buffer; or a list or tuple of a buffer, then counts, (counts, displacements) or
            both in
            turn, then a type: any of them may be left out or None. One number stands for all
            blocks: as a count, or as the distance between their beginnings.
        blocks: how many blocks there are.
        writable: whether they are received into.

    Raises:
        TypeError, KeyError, ValueError, BufferError, MPIException: see `specs`.
    """
    buf, counts, displs, typespec = parts_of(spec, _vector_parts)
    exported = exported_of(buf, writable)
    datatype = datatype_of(typespec, exported)
    state = datatype._state
    if state is None:
        if counts is None:
            raise ValueError("message: a null datatype has no extent")
        raise MPIException(ERR_TYPE, "the null datatype has no messages")
    committed(state)
    if counts is not None:
        numbers = _numbers(counts, blocks)
    elif exported is None:
        numbers = [0] * blocks
    else:
        items, more = divmod(items_in(len(exported.memory), state), blocks)
        numbers = [items + (i < more) for i in range(blocks)]
    places = _places(displs, numbers, blocks)
    extent = state.typemap.extent
    return VectorSpec(
        buf,
        None if exported is None else exported.memory,
        numbers,
        [place * extent for place in places],
        [datatype] * blocks,
    )


def vector_w(spec: Any, blocks: int, writable: bool = False) -> VectorSpec:
    """The blocks that a program means by `spec`, in the w-form: displacements are in bytes.

    Args:
        spec: a list or tuple of a buffer, then counts and displacements, in turn or as a pair, then
            datatypes, one for each block. Without counts there is one item in each block.

    Raises:
        TypeError, ValueError, BufferError: see `specs`.
    """
    if not isinstance(spec, (list, tuple)):
        raise TypeError("message: expecting a list or tuple of a buffer and datatypes")
    counts = displs = None
    if len(spec) == 2:
        buf, types = spec
    elif len(spec) == 3:
        buf, (counts, displs), types = spec
    elif len(spec) == 4:
        buf, counts, displs, types = spec
    else:
        raise ValueError("message: expecting 2 to 4 items")
    exported = exported_of(buf, writable)
    if exported is None and (counts is None or displs is None) and buf is not None:
        raise ValueError("message: BOTTOM needs counts and displacements")
    if len(types) != blocks:
        raise ValueError(f"message: expecting {blocks} datatypes, got {len(types)}")
    for datatype in types:
        if not isinstance(datatype, Datatype):
            raise TypeError(f"message: expecting a datatype, got {type(datatype).__name__}")
    default = 0 if buf is None else 1
    numbers = [default] * blocks if counts is None else _numbers(counts, blocks)
    places = [0] * blocks if displs is None else _numbers(displs, blocks)
    memory = None if exported is None else exported.memory
    return VectorSpec(buf, memory, numbers, places, list(types))


def _vector_parts(spec: Any) -> tuple[Any, Any, Any, Any]:
    if len(spec) == 2:
        buf, second = spec
        if second is None or isinstance(second, (Datatype, str)):
            return buf, None, None, second
        if isinstance(second, tuple):
            counts, displs = second
            return buf, counts, displs, None
        return buf, second, None, None
    if len(spec) == 3:
        buf, second, typespec = spec
        if isinstance(second, tuple):
            counts, displs = second
            return buf, counts, displs, typespec
        return buf, second, None, typespec
    if len(spec) == 4:
        return spec[0], spec[1], spec[2], spec[3]
    raise ValueError("message: expecting 2 to 4 items")


def _numbers(values: Any, blocks: int) -> list[int]:
    """One number for each block; a single one is meant for all."""
    if hasattr(values, "__index__") and not getattr(values, "ndim", 0):
        return [exact(values)] * blocks
    numbers = [exact(value) for value in values]
    if len(numbers) != blocks:
        raise ValueError(f"message: expecting {blocks} items, got {len(numbers)}")
    return numbers


def _places(displs: Any, counts: Sequence[int], blocks: int) -> list[int]:
    """Where the blocks begin, in items."""
    if displs is None:
        places, at = [], 0
        for count in counts:
            places.append(at)
            at += count
        return places
    if hasattr(displs, "__index__") and not getattr(displs, "ndim", 0):
        return [i * exact(displs) for i in range(blocks)]
    return _numbers(displs, blocks)
