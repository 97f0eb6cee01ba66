"""A message of the program: memory, and which of its bytes travel."""

from __future__ import annotations

from typing import Any

from . import element_arrays, layout_copy, raw_memory, typemap
from .datatype_state import TypeState
from .errors import ERR_BUFFER, MPIException

_EMPTY = memoryview(b"")


class MessageSpec:
    """Items of one datatype in memory; see `specs`.

    Attributes:
        datatype: their datatype.
        state: what that is behind its handle.
        count: how many items; of one block, if there are several.
        blocks: how many blocks of `count` items there are.
        nbytes: bytes that travel, for one block.
        memory: all the memory that the object offers; None for BOTTOM, where layouts hold
            addresses.
        origin: where in the memory the first item is, in bytes.
        obj: the object whose memory it is.
        is_whole: known to be all of the memory, in one run.
    """

    __slots__ = (
        "blocks",
        "count",
        "datatype",
        "is_whole",
        "memory",
        "nbytes",
        "obj",
        "origin",
        "state",
    )

    def __init__(
        self,
        obj: Any,
        memory: memoryview | None,
        datatype: Any,
        state: TypeState,
        count: int,
        origin: int = 0,
    ) -> None:
        self.obj = obj
        self.memory = memory
        self.datatype = datatype
        self.state = state
        self.count = count
        self.origin = origin
        self.nbytes = count * state.size
        self.blocks = 1
        self.is_whole = False

    @property
    def typemap(self) -> typemap.Typemap:
        """The layout of an item."""
        return self.state.typemap

    @property
    def is_contiguous(self) -> bool:
        """Whether the bytes that travel are one run of the memory."""
        layout = self.state.typemap
        return layout.is_dense or self.count == 0 or (self.count == 1 and layout.is_single_run)

    def to_bytes(self) -> memoryview:
        """The bytes that travel: the memory itself if they are one run, else packed."""
        memory = self.memory
        if memory is not None and self.is_whole:
            return memory
        if self.is_contiguous:
            return self._run()
        memory, layout = self._located()
        return layout_copy.pack(memory, layout)

    def writable(self) -> memoryview | None:
        """The memory itself, to be received into, if its bytes are one run."""
        if self.is_whole:
            return self.memory
        return self._run() if self.is_contiguous else None

    def from_bytes(self, data: Any) -> None:
        """Puts received bytes where they belong; there may be fewer than `nbytes`."""
        if len(data) > self.nbytes:
            raise ValueError(f"{len(data)} bytes don't fit into {self.nbytes}")
        if not len(data):
            return
        if self.is_contiguous:
            self._run()[: len(data)] = data
        else:
            memory, layout = self._located()
            layout_copy.unpack(memory, layout, data)

    def block(self, i: int) -> MessageSpec:
        """The i-th block."""
        origin = self.origin + i * self.count * self.state.typemap.extent
        return MessageSpec(self.obj, self.memory, self.datatype, self.state, self.count, origin)

    def whole(self) -> MessageSpec:
        """All blocks as one message."""
        count = self.count * self.blocks
        return MessageSpec(self.obj, self.memory, self.datatype, self.state, count, self.origin)

    def part(self, start: int, count: int) -> MessageSpec:
        """The `count` items from item `start` on."""
        origin = self.origin + start * self.state.typemap.extent
        return MessageSpec(self.obj, self.memory, self.datatype, self.state, count, origin)

    def as_array(self, data: Any) -> Any:
        """Packed bytes of this type as a numpy array of its basic elements (or pairs)."""
        return element_arrays.view(data, self.state)

    def _run(self) -> memoryview:
        """The one run of memory that travels."""
        if self.nbytes == 0:
            return _EMPTY if self.memory is None or self.memory.readonly else self.memory[:0]
        start = self.origin + self.state.typemap.true_lb
        memory = self.memory
        if memory is None:
            return raw_memory.at(start, self.nbytes)
        end = start + self.nbytes
        if start == 0 and end == len(memory):
            return memory
        if start < 0 or end > len(memory):
            memory, moved = self._reach(start, end)
            start, end = start + moved, end + moved
        return memory[start:end]

    def _located(self) -> tuple[Any, Any]:
        """The memory and the layout in it of all that travels."""
        layout = layout_copy.of_items(self.state.typemap, self.count, self.origin)
        low, high = layout_copy.bounds(layout)
        if self.memory is None:
            memory, moved = raw_memory.at(low, high - low), -low
        elif low < 0 or high > len(self.memory):
            memory, moved = self._reach(low, high)
        else:
            return self.memory, layout
        return memory, typemap.shift(layout, moved)

    def _reach(self, low: int, high: int) -> tuple[memoryview, int]:
        """The memory around what the object offers, if it is a view of that much."""
        memory = self.memory
        if memory is None:
            raise ValueError("a message without memory has no surroundings")
        around = raw_memory.owner_of(self.obj, memory)
        if around is not None:
            owner, offset = around
            if low + offset >= 0 and high + offset <= len(owner):
                return owner, offset
        name = self.datatype.name or "this datatype"
        raise MPIException(
            ERR_BUFFER,
            f"{self.count} items of {name} need bytes {low} to {high}"
            f" of a buffer of {len(memory)} bytes",
        )
