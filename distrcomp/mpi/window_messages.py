"""What the nodes of a window tell each other, as bytes: fixed layouts, no pickle.

A message is a header, the blocks of a layout and data. The header tells the kind, a serial by which
the origin knows the answer, and what is done to which bytes of the target's window. No I/O.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from .typemap import Grid, Layout, Runs, Typemap, runs


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


class Message(NamedTuple):
    """One message of the window's protocol.

    Attributes:
        op, element: how and as what accumulated data is combined, by the caller's numbers.
        layout: which bytes of the window, counted from its begin; in a dynamic window, addresses.
    """

    kind: Kind
    serial: int = 0
    op: int = 0
    element: int = 0
    layout: Layout = Grid(0, (), 0)
    data: memoryview = memoryview(b"")

    def to_bytes(self) -> bytes:
        """The message as it travels."""
        layout = self.layout
        offset, nbytes, n_run = 0, 0, 0
        pairs = b""
        if isinstance(layout, Runs):
            import numpy

            n_run = len(layout.offsets)
            pairs = numpy.column_stack((layout.offsets, layout.lengths)).astype("<i8").tobytes()
        else:
            offset, nbytes = layout.offset, layout.nbytes
            if layout.dims:
                flat = [number for dim in layout.dims for number in dim]
                pairs = struct.pack(f"<{len(flat)}q", *flat)
        header = _HEADER.pack(
            self.kind,
            self.op,
            self.element,
            n_run,
            self.serial,
            offset,
            nbytes,
            len(pairs) // _PAIR_BYTES,
        )
        return b"".join((header, pairs, self.data))


_HEADER = struct.Struct("<BBHIQqqI")
_PAIR_BYTES = 16


def contiguous(offset: int, nbytes: int) -> Grid:
    """A layout without holes."""
    return Grid(offset, (), nbytes)


def measure(layout: Layout) -> tuple[int, int, int]:
    """How many bytes a layout has, the first of them, and the one after the last.

    Example:
        >>> measure(Grid(8, ((3, 16),), 4))
        (12, 8, 44)
    """
    if isinstance(layout, Grid) and not layout.dims:
        return layout.nbytes, layout.offset, layout.offset + layout.nbytes
    whole = Typemap(layout, 0, 0)
    return whole.size, whole.true_lb, whole.true_ub


def cut(layout: Layout, nbytes: int) -> Layout:
    """The first `nbytes` bytes of a layout, which has as many.

    Example:
        >>> cut(Grid(8, (), 4), 3)
        Grid(offset=8, dims=(), nbytes=3)
    """
    if isinstance(layout, Grid) and not layout.dims:
        return Grid(layout.offset, (), nbytes)
    import numpy

    offsets, lengths = runs(layout)
    ends = numpy.cumsum(lengths)
    n_run = int(numpy.searchsorted(ends, nbytes)) + 1 if nbytes else 0
    lengths = lengths[:n_run].copy()
    if n_run:
        lengths[-1] -= int(ends[n_run - 1]) - nbytes
    return Runs(offsets[:n_run], lengths)


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
        kind, op, element, n_run, serial, offset, nbytes, n_pair = _HEADER.unpack_from(data)
    except struct.error as error:
        raise ValueError(f"no message of a window: {error}") from error
    end = _HEADER.size + _PAIR_BYTES * n_pair
    if end > len(data) or n_run not in (0, n_pair):
        raise ValueError("no message of a window: its layout is cut")
    layout: Layout
    if n_run:
        import numpy

        pairs = numpy.frombuffer(data[_HEADER.size : end], "<i8").reshape(-1, 2)
        layout = Runs(pairs[:, 0], pairs[:, 1])
    elif n_pair:
        flat = struct.unpack_from(f"<{2 * n_pair}q", data, _HEADER.size)
        layout = Grid(offset, tuple(zip(flat[::2], flat[1::2], strict=True)), nbytes)
    else:
        layout = Grid(offset, (), nbytes)
    return Message(Kind(kind), serial, op, element, layout, data[end:])
