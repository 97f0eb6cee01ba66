"""Numbers that all nodes of a communicator read and change, each change at once: windows of MPI."""

from __future__ import annotations

import array
from typing import Any, Self

from . import MPI


class Cells:
    """Numbers in the memory of one node, read and changed by all of them, each change at once."""

    def __init__(
        self, comm: MPI.Intracomm, info: MPI.Info, root: int, typecode: str, values: list[Any]
    ) -> None:
        self._root = root
        self._typecode = typecode
        start = array.array(typecode, values)
        size = len(values) * start.itemsize if comm.Get_rank() == root else 0
        self._win = MPI.Win.Allocate(size, start.itemsize, info, comm)
        if comm.Get_rank() == root:
            self._win.Lock(root)
            self._win.Put(start, root)
            self._win.Unlock(root)
        comm.Barrier()

    def apply(self, value: Any, operation: MPI.Op, index: int = 0) -> Any:
        """Combines a cell with `value`; what was there before."""
        before = array.array(self._typecode, [0])
        self._win.Lock(self._root, MPI.LOCK_SHARED)
        given = array.array(self._typecode, [value])
        self._win.Fetch_and_op(given, before, self._root, index, operation)
        self._win.Unlock(self._root)
        return before[0]

    def swap_if(self, expected: Any, value: Any, index: int = 0) -> Any:
        """Puts `value` into a cell that holds `expected`; what was there before."""
        before = array.array(self._typecode, [0])
        self._win.Lock(self._root, MPI.LOCK_SHARED)
        given = array.array(self._typecode, [value])
        compared = array.array(self._typecode, [expected])
        self._win.Compare_and_swap(given, compared, before, self._root, index)
        self._win.Unlock(self._root)
        return before[0]

    def free(self) -> None:
        """Lets go of the memory; all nodes call it."""
        self._win.Free()


class Counter:
    """Global counter: each value is given to one node only.

    Args:
        start: the first value.
        step: how much further the next is.
        typecode: of the value, as in the array module.
        comm: who counts; all of them make it and free it.
        info: for the window that the counter lies in.
        root: where it lies.
    """

    def __init__(
        self,
        start: int = 0,
        step: int = 1,
        *,
        typecode: str = "i",
        comm: MPI.Intracomm = MPI.COMM_SELF,
        info: MPI.Info = MPI.INFO_NULL,
        root: int = 0,
    ) -> None:
        """Initialize global counter."""
        self._step = step
        self._cells: Cells | None = Cells(comm, info, root, typecode, [start])

    def __iter__(self) -> Self:
        """Implement ``iter(self)``."""
        return self

    def __next__(self) -> int:
        """Implement ``next(self)``."""
        return self.next()

    def next(self, incr: int | None = None) -> int:
        """Return current value and increment, by `incr` if it is given."""
        if self._cells is None:
            raise RuntimeError("counter already freed")
        value: int = self._cells.apply(self._step if incr is None else incr, MPI.SUM)
        return value

    def free(self) -> None:
        """Free counter resources."""
        cells, self._cells = self._cells, None
        if cells is not None:
            cells.free()
