"""Bytes of a layout in memory ↔ the same bytes packed; no I/O.

Grids are copied as numpy arrays with strides. Other runs are copied word by word through an index,
in words as large as all offsets and lengths allow, or one by one where they are few and long.
"""

from __future__ import annotations

import math
from typing import Any

from . import typemap
from .typemap import Grid, Runs, Typemap

_LONG_RUN_BYTES = 2048  # from this mean length on a slice for each run beats an index


def pack(memory: Any, layout: typemap.Layout) -> memoryview:
    """The bytes of `layout` in `memory` (a bytes-like view), one after the other."""
    import numpy

    source = numpy.frombuffer(memory, numpy.uint8)
    if isinstance(layout, Grid):
        return memoryview(_grid_view(source, layout).tobytes())
    mean = int(layout.lengths.sum()) // len(layout.lengths)
    if mean >= _LONG_RUN_BYTES:
        packed = numpy.empty(int(layout.lengths.sum()), numpy.uint8)
        at = 0
        for offset, length in zip(layout.offsets.tolist(), layout.lengths.tolist(), strict=True):
            packed[at : at + length] = source[offset : offset + length]
            at += length
        return packed.data
    index, words = _word_index(layout, source)
    return memoryview(words[index]).cast("B")


def unpack(memory: Any, layout: typemap.Layout, packed: Any) -> None:
    """Puts packed bytes, of which there may be fewer than the layout has, where they belong."""
    import numpy

    target = numpy.frombuffer(memory, numpy.uint8)
    source = numpy.frombuffer(packed, numpy.uint8) if len(packed) else numpy.empty(0, numpy.uint8)
    size = typemap.measure(layout)[0]
    if len(source) < size:
        _unpack_runs(target, _cut(typemap.runs(layout), len(source)), source)
    elif isinstance(layout, Grid):
        view = _grid_view(target, layout)
        view[...] = source[:size].view(view.dtype).reshape(view.shape)
    else:
        _unpack_runs(target, layout, source[:size])


def of_items(items: Typemap, count: int, origin: int) -> typemap.Layout:
    """The layout of `count` items of a typemap, the first of them at `origin`."""
    return typemap.shift(typemap.repeat(items.layout, count, items.extent), origin)


def bounds(layout: typemap.Layout) -> tuple[int, int]:
    """The first byte of a layout and the one after its last."""
    return typemap.measure(layout)[1:]


def _unpack_runs(target: Any, layout: Runs, source: Any) -> None:
    if not len(layout.lengths):
        return
    if len(source) // len(layout.lengths) >= _LONG_RUN_BYTES:
        at = 0
        for offset, length in zip(layout.offsets.tolist(), layout.lengths.tolist(), strict=True):
            target[offset : offset + length] = source[at : at + length]
            at += length
        return
    index, words = _word_index(layout, target)
    words[index] = source.view(words.dtype)


def _grid_view(memory: Any, grid: Grid) -> Any:
    """The grid as an array on the memory, in the largest words that fit its runs and steps."""
    import numpy

    word = _word(grid.nbytes, *(step for _, step in grid.dims))
    shape = (*(count for count, _ in grid.dims), grid.nbytes // word)
    strides = (*(step for _, step in grid.dims), word)
    return numpy.ndarray(shape, f"u{word}", memory, grid.offset, strides)


def _word_index(layout: Runs, memory: Any) -> tuple[Any, Any]:
    """The numbers of the words of the runs, and the memory as words of that size."""
    import numpy

    every = numpy.gcd.reduce(numpy.concatenate((layout.offsets, layout.lengths)))
    word = _word(int(every), _address(memory))
    words = memory[: len(memory) // word * word].view(f"u{word}")
    offsets, lengths = layout.offsets // word, layout.lengths // word
    if (lengths == lengths[0]).all():
        index = (offsets[:, None] + numpy.arange(lengths[0])).reshape(-1)
    else:
        ends = numpy.cumsum(lengths)
        index = numpy.arange(ends[-1]) + numpy.repeat(offsets - (ends - lengths), lengths)
    return index, words


def _address(array: Any) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _word(*numbers: int) -> int:
    """The largest word of 8, 4, 2 or 1 bytes that divides all the numbers."""
    return math.gcd(8, *numbers)


def _cut(layout: Runs, nbytes: int) -> Runs:
    """The first `nbytes` bytes of the runs."""
    import numpy

    ends = numpy.cumsum(layout.lengths)
    whole = int(numpy.searchsorted(ends, nbytes, side="right"))
    rest = nbytes - (int(ends[whole - 1]) if whole else 0)
    if not rest:
        return Runs(layout.offsets[:whole], layout.lengths[:whole])
    lengths = layout.lengths[: whole + 1].copy()
    lengths[-1] = rest
    return Runs(layout.offsets[: whole + 1], lengths)
