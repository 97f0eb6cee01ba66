"""The layouts of subarrays and of parts of distributed arrays (MPI-4.1, 5.1.3, 5.1.4); no I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence

from . import typemap
from .constants import (
    DISTRIBUTE_BLOCK,
    DISTRIBUTE_CYCLIC,
    DISTRIBUTE_DFLT_DARG,
    DISTRIBUTE_NONE,
)
from .typemap import Typemap


def subarray(
    old: Typemap, sizes: Sequence[int], subsizes: Sequence[int], starts: Sequence[int]
) -> Typemap:
    """A block of an array of items of `old`; the dimensions come slowest first."""
    layout, step, offset = old.layout, old.extent, 0
    for size, subsize, start in zip(
        reversed(sizes), reversed(subsizes), reversed(starts), strict=True
    ):
        layout = typemap.repeat(layout, subsize, step)
        offset += start * step
        step *= size
    return _whole(typemap.shift(layout, offset), step, old)


def darray(old: Typemap, sizes: Sequence[int], owned: Sequence[Sequence[int]]) -> Typemap:
    """The items of an array with owned indices in each dimension; the slowest comes first."""
    part, step = Typemap(old.layout, 0, old.extent, old.align), old.extent
    for size, indices in zip(reversed(sizes), reversed(owned), strict=True):
        part = typemap.spread(part, [index * step for index in indices])
        step *= size
    return _whole(part.layout, step, old)


def owned(
    rank: int,
    sizes: Sequence[int],
    distribs: Sequence[int],
    dargs: Sequence[int],
    psizes: Sequence[int],
) -> list[list[int]]:
    """The indices of each dimension that a process of the grid `psizes` owns.

    Raises:
        ValueError: the arguments don't fit together.
    """
    coordinates: list[int] = []
    for psize in reversed(psizes):
        coordinates.insert(0, rank % psize)
        rank //= psize
    return [
        _owned(coordinate, *dimension)
        for coordinate, *dimension in zip(coordinates, sizes, distribs, dargs, psizes, strict=True)
    ]


def _owned(coordinate: int, size: int, distrib: int, darg: int, psize: int) -> list[int]:
    if distrib == DISTRIBUTE_NONE:
        if psize != 1:
            raise ValueError(f"a dimension that isn't distributed has {psize} processes")
        return list(range(size))
    if darg != DISTRIBUTE_DFLT_DARG and darg <= 0:
        raise ValueError(f"distribution argument {darg} is not above 0")
    if distrib == DISTRIBUTE_BLOCK:
        block = math.ceil(size / psize) if darg == DISTRIBUTE_DFLT_DARG else darg
        if block * psize < size:
            raise ValueError(f"{psize} blocks of {block} don't hold {size}")
        return list(range(coordinate * block, min(size, (coordinate + 1) * block)))
    if distrib != DISTRIBUTE_CYCLIC:
        raise ValueError(f"{distrib} is no distribution")
    block = 1 if darg == DISTRIBUTE_DFLT_DARG else darg
    starts = range(coordinate * block, size, psize * block)
    return [index for start in starts for index in range(start, min(size, start + block))]


def _whole(layout: typemap.Layout, extent: int, old: Typemap) -> Typemap:
    """The layout with the bounds of the whole array."""
    return Typemap(layout, 0, extent, old.align)
