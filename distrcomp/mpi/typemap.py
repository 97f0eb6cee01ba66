"""Where the bytes of a datatype lie: the layout of one item, and what is built from it; no I/O.

A typemap is what MPI-4.1, 5.1 calls so, with the basic types forgotten: the runs of bytes that
hold data, in the order of the packed form, and the bounds by which further items are laid. It
never changes.

The runs are kept in one of two forms, whichever is smaller, and always merged where they touch:

- `Grid`: equal runs at regular steps, in any number of dimensions. Vectors, subarrays and all
  that is
  contiguous end here, whatever they were built by.
- `Runs`: any runs, as two numpy arrays of offsets and lengths.

Sizes and bounds are plain integers, so that nothing overflows; only `Runs` needs numpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Dims = tuple[tuple[int, int], ...]


class Grid(NamedTuple):
    """Runs of `nbytes` from `offset` on; `dims` are (count, step in bytes), the slowest first."""

    offset: int
    dims: Dims
    nbytes: int


class Runs(NamedTuple):
    """Runs of bytes in the order of the packed form: int64 arrays of equal length."""

    offsets: Any
    lengths: Any


Layout = Grid | Runs
_EMPTY = Grid(0, (), 0)


class Typemap:
    """The layout and bounds of one item of a datatype.

    Attributes:
        layout: where its bytes are.
        size: how many bytes of data it has.
        lb, ub: its bounds; the next item lies `extent` bytes further.
        true_lb, true_ub: the bounds of its bytes, whatever lb and ub were made.
        align: the alignment that a C structure with this member has.
    """

    __slots__ = ("align", "extent", "is_dense", "layout", "lb", "size", "true_lb", "true_ub", "ub")

    def __init__(self, layout: Layout, lb: int, ub: int, align: int = 1) -> None:
        self.layout = layout
        self.lb, self.ub, self.extent, self.align = lb, ub, ub - lb, align
        self.size, self.true_lb, self.true_ub = measure(layout)
        # Any number of items is one run of bytes: what needs neither packing nor copying.
        self.is_dense = _is_single(layout) and self.extent == self.size

    @property
    def is_single_run(self) -> bool:
        """Whether one item is one run of bytes (which says nothing of several)."""
        return _is_single(self.layout)


def basic(size: int, align: int = 0) -> Typemap:
    """The typemap of a basic type of `size` bytes."""
    return Typemap(Grid(0, (), size), 0, size, align or size)


def resized(old: Typemap, lb: int, extent: int) -> Typemap:
    """`old` with other bounds."""
    return Typemap(old.layout, lb, lb + extent, old.align)


def repeated(old: Typemap, count: int, step: int) -> Typemap:
    """`count` items of `old`, each `step` bytes after the one before it."""
    if count == 0 or old.size == 0:
        return Typemap(_EMPTY, 0, 0, old.align)
    last = (count - 1) * step
    lb, ub = old.lb + min(0, last), old.ub + max(0, last)
    return Typemap(repeat(old.layout, count, step), lb, ub, old.align)


def contiguous(old: Typemap, count: int) -> Typemap:
    """`count` items of `old`, one after the other."""
    return repeated(old, count, old.extent)


def placed(old: Typemap, blocks: Iterable[tuple[int, int]]) -> Typemap:
    """Blocks of `old`, given as (number of items, offset in bytes)."""
    return joined([(contiguous(old, count), offset) for count, offset in blocks], old.align)


def spread(old: Typemap, offsets: Sequence[int]) -> Typemap:
    """`old` once at each of the offsets, which are in bytes."""
    if not offsets or old.size == 0:
        return Typemap(_EMPTY, 0, 0, old.align)
    lb, ub = old.lb + min(offsets), old.ub + max(offsets)
    return Typemap(_spread(old.layout, offsets), lb, ub, old.align)


def joined(parts: Sequence[tuple[Typemap, int]], align: int = 1) -> Typemap:
    """Typemaps one after the other, each moved by its offset; empty ones count for nothing."""
    parts = [part for part in parts if part[0].size]
    if not parts:
        return Typemap(_EMPTY, 0, 0, align)
    lb = min(old.lb + offset for old, offset in parts)
    ub = max(old.ub + offset for old, offset in parts)
    return Typemap(_join([(old.layout, offset) for old, offset in parts]), lb, ub, align)


def structure(parts: Sequence[tuple[Typemap, int, int]]) -> Typemap:
    """A C structure of members (typemap, number of items, offset), padded at its end as in C."""
    align = max((old.align for old, count, _ in parts if count), default=1)
    whole = joined([(contiguous(old, count), offset) for old, count, offset in parts], align)
    padding = -whole.extent % align
    return Typemap(whole.layout, whole.lb, whole.ub + padding, align)


def repeat(layout: Layout, count: int, step: int) -> Layout:
    """The layout of `count` copies of a layout, `step` bytes apart."""
    if count == 1:
        return layout
    if count == 0:
        return _EMPTY
    if isinstance(layout, Grid):
        return _grid(layout.offset, ((count, step), *layout.dims), layout.nbytes)
    import numpy

    starts = numpy.arange(count, dtype=numpy.int64) * step
    return _outer(layout, starts)


def shift(layout: Layout, offset: int) -> Layout:
    """The layout moved by `offset` bytes."""
    if offset == 0 or layout is _EMPTY:
        return layout
    if isinstance(layout, Grid):
        return Grid(layout.offset + offset, layout.dims, layout.nbytes)
    return Runs(layout.offsets + offset, layout.lengths)


def runs(layout: Layout) -> Runs:
    """The layout as runs, not merged."""
    if isinstance(layout, Runs):
        return layout
    import numpy

    offsets = numpy.array([layout.offset], numpy.int64)
    for count, step in reversed(layout.dims):
        starts = numpy.arange(count, dtype=numpy.int64) * step
        offsets = (starts[:, None] + offsets).reshape(-1)
    return Runs(offsets, numpy.full(len(offsets), layout.nbytes, numpy.int64))


def _grid(offset: int, dims: Dims, nbytes: int) -> Grid:
    """A grid in its smallest form: no dimension that another one holds already."""
    if nbytes == 0 or any(count == 0 for count, _ in dims):
        return _EMPTY
    kept: list[tuple[int, int]] = []
    for count, step in reversed(dims):  # the fastest first
        if count == 1:
            continue
        if not kept and step == nbytes:
            nbytes *= count
        elif kept and step == kept[-1][0] * kept[-1][1]:
            kept[-1] = (kept[-1][0] * count, kept[-1][1])
        else:
            kept.append((count, step))
    return Grid(offset, tuple(reversed(kept)), nbytes)


def _is_single(layout: Layout) -> bool:
    return isinstance(layout, Grid) and not layout.dims


def measure(layout: Layout) -> tuple[int, int, int]:
    """How many bytes a layout has, its first and the one after its last."""
    if isinstance(layout, Runs):
        ends = layout.offsets + layout.lengths
        return int(layout.lengths.sum()), int(layout.offsets.min()), int(ends.max())
    size, low, high = layout.nbytes, layout.offset, layout.offset + layout.nbytes
    for count, step in layout.dims:
        size *= count
        low, high = low + min(0, (count - 1) * step), high + max(0, (count - 1) * step)
    return size, low, high


def _spread(layout: Layout, offsets: Sequence[int]) -> Layout:
    step = offsets[1] - offsets[0] if len(offsets) > 1 else 0
    if all(offset == offsets[0] + i * step for i, offset in enumerate(offsets)):
        return shift(repeat(layout, len(offsets), step), offsets[0])
    import numpy

    return _outer(runs(layout), numpy.array(offsets, numpy.int64))


def _join(parts: list[tuple[Layout, int]]) -> Layout:
    if len(parts) == 1:
        return shift(*parts[0])
    single = [
        (layout.offset + offset, layout.nbytes)
        for layout, offset in parts
        if isinstance(layout, Grid) and not layout.dims
    ]
    if len(single) == len(parts):
        return _join_single(single)
    import numpy

    moved = [runs(shift(*part)) for part in parts]
    return _merged(
        numpy.concatenate([part.offsets for part in moved]),
        numpy.concatenate([part.lengths for part in moved]),
    )


def _join_single(found: list[tuple[int, int]]) -> Layout:
    """The layout of a few runs, (offset, length), mostly the members of a structure."""
    merged = found[:1]
    for offset, length in found[1:]:
        start, so_far = merged[-1]
        if start + so_far == offset:
            merged[-1] = (start, so_far + length)
        else:
            merged.append((offset, length))
    start, length = merged[0]
    if len(merged) == 1:
        return Grid(start, (), length)
    step = merged[1][0] - start
    if merged == [(start + i * step, length) for i in range(len(merged))]:
        return Grid(start, ((len(merged), step),), length)
    import numpy

    offsets, lengths = zip(*merged, strict=True)
    return Runs(numpy.array(offsets, numpy.int64), numpy.array(lengths, numpy.int64))


def _outer(layout: Runs, starts: Any) -> Layout:
    """The runs once from each start."""
    import numpy

    offsets = (starts[:, None] + layout.offsets).reshape(-1)
    return _merged(offsets, numpy.tile(layout.lengths, len(starts)))


def _merged(offsets: Any, lengths: Any) -> Layout:
    """The runs with neighbours made one, as a grid if they are regular."""
    import numpy

    kept = lengths > 0
    offsets, lengths = offsets[kept], lengths[kept]
    if not len(offsets):
        return _EMPTY
    first = numpy.flatnonzero(
        numpy.concatenate(([True], offsets[1:] != offsets[:-1] + lengths[:-1]))
    )
    lengths = numpy.add.reduceat(lengths, first)
    offsets = offsets[first]
    if (lengths == lengths[0]).all():
        steps = numpy.diff(offsets)
        if (steps == steps[:1]).all():
            dims = ((len(offsets), int(steps[0])),) if len(steps) else ()
            return Grid(int(offsets[0]), dims, int(lengths[0]))
    return Runs(offsets, lengths)
