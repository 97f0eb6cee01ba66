"""What the nodes of a window tell each other, as bytes: fixed layouts, no pickle.

A message is a header, the blocks of a layout and data. The header tells the kind, a serial by which
the origin knows the answer, and what is done to which bytes of the target's window. No I/O.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple


class Kind(IntEnum):
    """What a message asks for, or answers."""

    PUT = 1
    GET = 2
    ACCUMULATE = 3
    GET_ACCUMULATE = 4
    COMPARE_AND_SWAP = 5
    FLUSH = 6  # answer when all before it is done
    LOCK_SHARED = 7
    LOCK_EXCLUSIVE = 8
    UNLOCK = 9
    POST = 10  # the target's window is open to the origin
    COMPLETE = 11  # the origin is done with it
    DONE = 12  # the answers: with data, where data was asked for
    REFUSED = 13  # `element` is the error class


class Layout(NamedTuple):
    """Some bytes of a window: `n_item` items, `extent` bytes apart, each of some blocks.

    Attributes:
        offset: where item 0 begins, in bytes from where the window begins; in a dynamic window, the
            address.
        blocks: displacement from the item's begin and length of each, in the order of the data.
    """

    offset: int
    n_item: int
    extent: int
    blocks: tuple[tuple[int, int], ...]

    @property
    def nbytes(self) -> int:
        """How many bytes of data it holds."""
        return self.n_item * sum(length for _, length in self.blocks)

    def span(self) -> tuple[int, int]:
        """The first byte and the one after the last.

        Example:
            >>> Layout(8, 3, 16, ((0, 4),)).span()
            (8, 44)
        """
        if not self.nbytes:
            return self.offset, self.offset
        last = (self.n_item - 1) * self.extent
        begins = [begin for begin, length in self.blocks if length]
        ends = [begin + length for begin, length in self.blocks if length]
        return self.offset + min(begins) + min(0, last), self.offset + max(ends) + max(0, last)

    def runs(self) -> Iterator[tuple[int, int]]:
        """Begin and length of each piece without a hole, in the order of the data.

        Example:
            >>> list(Layout(8, 2, 16, ((0, 4), (4, 4), (12, 1))).runs())
            [(8, 8), (20, 1), (24, 8), (36, 1)]
        """
        begin, end = 0, 0
        for item in range(self.n_item):
            base = self.offset + item * self.extent
            for displacement, length in self.blocks:
                if base + displacement == end:
                    end += length
                    continue
                if end > begin:
                    yield begin, end - begin
                begin = base + displacement
                end = begin + length
        if end > begin:
            yield begin, end - begin


def contiguous(offset: int, nbytes: int) -> Layout:
    """A layout without holes."""
    return Layout(offset, 1, nbytes, ((0, nbytes),))


def simplified(layout: Layout) -> Layout:
    """The same bytes, as one block where there are no holes.

    Example:
        >>> simplified(Layout(8, 3, 4, ((0, 2), (2, 2))))
        Layout(offset=8, n_item=1, extent=12, blocks=((0, 12),))
    """
    nbytes = layout.nbytes
    end = 0
    for displacement, length in layout.blocks:
        if displacement != end:
            return layout
        end += length
    if layout.n_item > 1 and layout.extent != end:
        return layout
    return contiguous(layout.offset, nbytes)


class Message(NamedTuple):
    """One message of the window's protocol.

    Attributes:
        op, element: how and as what accumulated data is combined, by the caller's numbers.
    """

    kind: Kind
    serial: int = 0
    op: int = 0
    element: int = 0
    layout: Layout = contiguous(0, 0)
    data: memoryview = memoryview(b"")

    def to_bytes(self) -> bytes:
        """The message as it travels."""
        offset, n_item, extent, blocks = self.layout
        flat = [number for block in blocks for number in block]
        header = _HEADER.pack(
            self.kind, self.op, self.element, self.serial, offset, n_item, extent, len(blocks)
        )
        return b"".join((header, struct.pack(f"<{len(flat)}q", *flat), self.data))


_HEADER = struct.Struct("<BBHQqQqI")


def parse(data: memoryview) -> Message:
    """The message that these bytes are.

    Raises:
        ValueError: they are none.

    Example:
        >>> message = Message(Kind.PUT, 7, layout=contiguous(8, 2), data=memoryview(b"ab"))
        >>> parse(memoryview(message.to_bytes())) == message
        True
    """
    try:
        kind, op, element, serial, offset, n_item, extent, n_block = _HEADER.unpack_from(data)
        flat = struct.unpack_from(f"<{2 * n_block}q", data, _HEADER.size)
    except struct.error as error:
        raise ValueError(f"no message of a window: {error}") from error
    blocks = tuple(zip(flat[::2], flat[1::2], strict=True))
    payload = data[_HEADER.size + 16 * n_block :]
    return Message(Kind(kind), serial, op, element, Layout(offset, n_item, extent, blocks), payload)
