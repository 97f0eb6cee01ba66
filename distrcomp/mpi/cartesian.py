"""Cartesian topologies: how ranks lie on a grid, and who is whose neighbour. No I/O.

Ranks are in row-major order: the last coordinate varies fastest (MPI-4.1, 8.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from ..errors import CallError
from ..grids import even_shape
from .checks import integers, is_below
from .constants import PROC_NULL
from .errors import ERR_ARG, ERR_DIMS, ERR_RANK, MPIException


class Cartesian(NamedTuple):
    """The shape of a grid of ranks.

    Attributes:
        dims: how many ranks lie in each direction.
        periods: which directions are closed to a ring.
    """

    dims: tuple[int, ...]
    periods: tuple[bool, ...]

    @property
    def size(self) -> int:
        """How many ranks the grid holds."""
        return prod(self.dims)

    def coords(self, rank: int) -> list[int]:
        """Where a rank lies.

        Raises:
            MPIException: ERR_RANK when the grid has no such rank.
        """
        if not is_below(rank, self.size):
            raise MPIException(ERR_RANK, f"rank {rank} is not on a grid of {self.size}")
        found = []
        for length in reversed(self.dims):
            rank, place = divmod(rank, length)
            found.append(place)
        return found[::-1]

    def rank(self, coords: Sequence[int]) -> int:
        """Who lies at these coordinates; those of a closed direction wrap round.

        Raises:
            MPIException: ERR_ARG when they lie beyond the end of an open direction.
        """
        rank = 0
        for place, length, is_closed in zip(coords, self.dims, self.periods, strict=True):
            if is_closed:
                place %= length
            elif not 0 <= place < length:
                raise MPIException(ERR_ARG, f"coordinate {place} is not in 0..{length - 1}")
            rank = rank * length + place
        return rank

    def shift(self, rank: int, direction: int, disp: int) -> tuple[int, int]:
        """From whom and to whom `rank` shifts data by `disp` steps; PROC_NULL beyond an end.

        Raises:
            MPIException: ERR_ARG when there is no such direction.
        """
        if not is_below(direction, len(self.dims)):
            raise MPIException(ERR_ARG, f"direction {direction} of {len(self.dims)} directions")
        return self._step(rank, direction, -disp), self._step(rank, direction, disp)

    def neighbours(self, rank: int) -> list[int]:
        """For each direction whom a step back and a step on leads to, in this order."""
        return [
            self._step(rank, direction, disp)
            for direction in range(len(self.dims))
            for disp in (-1, 1)
        ]

    def sub(self, remain: Sequence[bool]) -> Cartesian:
        """The grid of the directions that remain."""
        kept = [i for i, stays in enumerate(remain) if stays]
        return Cartesian(tuple(self.dims[i] for i in kept), tuple(self.periods[i] for i in kept))

    def sub_place(self, rank: int, remain: Sequence[bool]) -> tuple[int, int]:
        """Which of the grids of the remaining directions a rank lies in, and its rank there."""
        coords = self.coords(rank)
        dropped = [not stays for stays in remain]
        inside = [place for place, stays in zip(coords, remain, strict=True) if stays]
        outside = [place for place, gone in zip(coords, dropped, strict=True) if gone]
        return self.sub(dropped).rank(outside), self.sub(remain).rank(inside)

    def _step(self, rank: int, direction: int, disp: int) -> int:
        coords = self.coords(rank)
        coords[direction] += disp
        is_outside = not 0 <= coords[direction] < self.dims[direction]
        if is_outside and not self.periods[direction]:
            return PROC_NULL
        return self.rank(coords)


def grid(dims: Sequence[int], periods: Any) -> Cartesian:
    """A grid from what a program tells: lengths, and which directions are closed.

    Args:
        periods: one truth for each direction, one for all, or None where none is closed.

    Raises:
        ValueError: there are more or fewer of them than directions.
        MPIException: ERR_DIMS when a length is negative.
    """
    lengths = tuple(integers(dims))
    closed = flags(periods, len(lengths))
    if any(length < 0 for length in lengths):
        raise MPIException(ERR_DIMS, f"a length below zero in {list(lengths)}")
    return Cartesian(lengths, closed)


def flags(values: Any, count: int) -> tuple[bool, ...]:
    """One truth for each direction, of as many, of one for all, or of None for no."""
    if values is None or isinstance(values, (bool, int)):
        return (bool(values),) * count
    found = tuple(bool(value) for value in values)
    if len(found) != count:
        raise ValueError(f"expecting {count} items, got {len(found)}")
    return found


def compute_dims(n_node: int, dims: Sequence[int]) -> list[int]:
    """Replaces the zeros of `dims` so that the product is `n_node` (MPI-4.1, 8.5.2).

    What is filled in is as even as it can be: its largest number is the smallest possible, then the
    second largest, and so on; it falls from left to right.

    Raises:
        MPIException: ERR_DIMS when the numbers that are given don't divide `n_node`, ERR_ARG when
            there can't be a grid of so many.
    """
    if n_node < 1:
        raise MPIException(ERR_ARG, f"a grid of {n_node} nodes")
    if any(length < 0 for length in dims):
        raise MPIException(ERR_DIMS, f"a length below zero in {list(dims)}")
    try:
        return even_shape(n_node, dims)
    except CallError as error:
        raise MPIException(ERR_DIMS, str(error)) from error
