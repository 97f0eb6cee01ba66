"""What a node sees of a file: which of its bytes a view shows, and in which order. No I/O.

A view (MPI-4.1, 14.3) tiles the file with a filetype, from a displacement on. The bytes that it
shows, one after the other, are its *stream*; file pointers count etypes of the stream.
"""

from __future__ import annotations

from typing import Any

from . import typemap
from .typemap import Typemap


class View:
    """A view of a file.

    Args:
        disp: where it begins, in bytes.
        etype_bytes: the size of its unit.
        tile: the typemap of its filetype; dense, or with holes where others see something.

    Example:
        >>> view = View(4, 2, Typemap(typemap.Grid(0, ((2, 6),), 2), 0, 12))
        >>> view.runs(0, 6)
        [(4, 2), (10, 2), (16, 2)]
        >>> view.byte_of(2), view.stream_bytes(17)
        (16, 5)
    """

    def __init__(self, disp: int, etype_bytes: int, tile: Typemap) -> None:
        self.disp = disp
        self.etype_bytes = etype_bytes
        self._tile = tile
        self._is_dense = tile.is_dense
        self._begins: list[int] = []  # of the runs of a tile, in the stream and in the file
        self._offsets: list[int] = []
        self._lengths: list[int] = []

    def byte_of(self, position: int) -> int:
        """The offset in the file of an etype of the stream."""
        at = position * self.etype_bytes
        if self._is_dense:
            return self.disp + self._tile.true_lb + at
        if not self._tile.size:
            return self.disp
        self._know_runs()
        return self._find(at)[0]

    def runs(self, begin: int, nbytes: int) -> list[tuple[int, int]]:
        """Offset in the file and length of the pieces that hold `nbytes` bytes of the stream.

        Args:
            begin: where they begin in the stream, in bytes.
        """
        if not nbytes or not self._tile.size:
            return []
        if self._is_dense:
            return [(self.disp + self._tile.true_lb + begin, nbytes)]
        self._know_runs()
        found: list[tuple[int, int]] = []
        while nbytes:
            offset, length = self._find(begin)
            length = min(length, nbytes)
            if found and sum(found[-1]) == offset:
                found[-1] = (found[-1][0], found[-1][1] + length)
            else:
                found.append((offset, length))
            begin += length
            nbytes -= length
        return found

    def stream_bytes(self, file_bytes: int) -> int:
        """How many bytes of a file of this size the view shows: where its end is in the stream."""
        size = self._tile.size
        seen = file_bytes - self.disp
        if seen <= 0 or not size:
            return 0
        if self._is_dense:
            return max(0, seen - self._tile.true_lb)
        self._know_runs()
        tiles = max(0, (seen - self._tile.true_ub) // self._tile.extent)
        found = tiles * size
        while (base := tiles * self._tile.extent) + self._tile.true_lb < seen:
            for offset, length in zip(self._offsets, self._lengths, strict=True):
                found += min(max(0, seen - base - offset), length)
            tiles += 1
        return found

    def _find(self, at: int) -> tuple[int, int]:
        """Where a byte of the stream is in the file, and how many follow it there."""
        from bisect import bisect_right

        tiles, rest = divmod(at, self._tile.size)
        run = bisect_right(self._begins, rest) - 1
        within = rest - self._begins[run]
        offset = self.disp + tiles * self._tile.extent + self._offsets[run] + within
        return offset, self._lengths[run] - within

    def _know_runs(self) -> None:
        if self._begins:
            return
        found: Any = typemap.runs(self._tile.layout)
        self._offsets = found.offsets.tolist()
        self._lengths = found.lengths.tolist()
        at = 0
        for length in self._lengths:
            self._begins.append(at)
            at += length
