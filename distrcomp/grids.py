"""Nodes on a grid: who lies where, and who is whose neighbour; no I/O.

Nodes are in row-major order: the last coordinate varies fastest (MPI-4.1, 8.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from .arguments import integer, node_number
from .errors import CallError


class Grid(NamedTuple):
    """The shape of a grid of nodes.

    Attributes:
        shape: how many nodes lie along each axis.
        closed: which axes are closed to a ring.

    Example:
        >>> grid = Grid((2, 3), (False, True))
        >>> grid.coords(5), grid.node_at((1, 3)), grid.shift(5, axis=1)
        ((1, 2), 3, (4, 3))
    """

    shape: tuple[int, ...]
    closed: tuple[bool, ...]

    @property
    def size(self) -> int:
        """How many nodes lie on it."""
        return prod(self.shape)

    def coords(self, node: int) -> tuple[int, ...]:
        """Where a node lies.

        Raises:
            NoSuchNode: not on this grid.
        """
        rest = node_number(node, self.size)
        found = []
        for length in reversed(self.shape):
            rest, place = divmod(rest, length)
            found.append(place)
        return tuple(reversed(found))

    def node_at(self, coords: Sequence[int]) -> int:
        """Who lies there; a coordinate of a closed axis wraps round.

        Raises:
            CallError: nobody.
        """
        if len(coords) != len(self.shape):
            raise CallError(f"{tuple(coords)} are not {len(self.shape)} coordinates")
        node = 0
        for place, length, is_closed in zip(coords, self.shape, self.closed, strict=True):
            if is_closed:
                place %= length
            elif not 0 <= place < length:
                raise CallError(f"{tuple(coords)} lies outside the grid {self.shape}")
            node = node * length + place
        return node

    def shift(self, node: int, axis: int, steps: int = 1) -> tuple[int | None, int | None]:
        """From whom and to whom a node shifts data by some steps; None beyond an open end.

        Raises:
            CallError: there is no such axis.
        """
        if not 0 <= axis < len(self.shape):
            raise CallError(f"there is no axis {axis}: the grid has {len(self.shape)}")
        return self._step(node, axis, -steps), self._step(node, axis, steps)

    def sub(self, keep: Sequence[bool]) -> Grid:
        """The grid of the axes that are kept."""
        kept = [axis for axis, stays in enumerate(keep) if stays]
        return Grid(
            tuple(self.shape[axis] for axis in kept), tuple(self.closed[axis] for axis in kept)
        )

    def place_in_sub(self, node: int, keep: Sequence[bool]) -> tuple[int, int]:
        """In which of the grids of the kept axes a node lies, and its id there."""
        coords = self.coords(node)
        dropped = [not stays for stays in keep]
        inside = [place for place, stays in zip(coords, keep, strict=True) if stays]
        outside = [place for place, gone in zip(coords, dropped, strict=True) if gone]
        return self.sub(dropped).node_at(outside), self.sub(keep).node_at(inside)

    def _step(self, node: int, axis: int, steps: int) -> int | None:
        coords = list(self.coords(node))
        coords[axis] += steps
        if not (self.closed[axis] or 0 <= coords[axis] < self.shape[axis]):
            return None
        return self.node_at(coords)


def make_grid(n_node: int, shape: Sequence[int], closed: bool | Sequence[bool] = False) -> Grid:
    """A grid of at most `n_node` nodes from what a program tells.

    Args:
        shape: how many nodes along each axis; zeros are filled in by `even_shape`.
        closed: one truth for all axes, or one for each.

    Raises:
        CallError: there is no such grid of so many nodes.
    """
    lengths = [integer(length) for length in shape]
    if any(length is None or length < 0 for length in lengths):
        raise CallError(f"{tuple(shape)!r} is no shape: it takes integers, 0 for any")
    known = [length or 0 for length in lengths]
    whole = even_shape(n_node, known) if 0 in known else known
    if prod(whole) > n_node:
        raise CallError(f"a grid of {tuple(whole)} needs {prod(whole)} nodes; there are {n_node}")
    truths = (closed,) * len(whole) if isinstance(closed, (bool, int)) else tuple(closed)
    if len(truths) != len(whole):
        raise CallError(f"{len(truths)} truths say which of {len(whole)} axes are closed")
    return Grid(tuple(whole), tuple(map(bool, truths)))


def even_shape(n_node: int, shape: Sequence[int]) -> list[int]:
    """Replaces the zeros of `shape` so that the product is `n_node` (MPI-4.1, 8.5.2).

    What is filled in is as even as it can be: its largest number is the smallest possible, then the
    second largest, and so on; it falls from left to right.

    Raises:
        CallError: the numbers that are given don't divide `n_node`.

    Example:
        >>> even_shape(12, [0, 0]), even_shape(12, [0, 2, 0])
        ([4, 3], [3, 2, 2])
    """
    n_free = sum(not length for length in shape)
    rest, remainder = divmod(n_node, prod(length for length in shape if length))
    if remainder or (rest != 1 and not n_free):
        raise CallError(f"{n_node} nodes don't fill a grid of {tuple(shape)}")
    free = iter(_even(rest, n_free, rest) or ())
    return [length or next(free) for length in shape]


def _even(product: int, n_factor: int, highest: int) -> list[int] | None:
    """The most even factors, falling, none above `highest`; None if there are none."""
    if n_factor <= 1:
        return [product][:n_factor] if product <= highest else None
    for factor in _divisors(product):
        if factor**n_factor < product:
            continue
        if factor > highest:
            return None
        rest = _even(product // factor, n_factor - 1, factor)
        if rest is not None:
            return [factor, *rest]
    return None


def _divisors(number: int) -> list[int]:
    low = [d for d in range(1, int(number**0.5) + 1) if not number % d]
    return low + [number // d for d in reversed(low) if d * d != number]
