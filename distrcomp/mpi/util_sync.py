"""`mpi4py.util.sync`: taking turns, counting, and excluding each other.

Who must wait, waits for a message, so nobody spins. A mutex is a queue after Mellor-Crummey and
Scott (ACM TOCS 9(1), 1991): its end is a number at rank 0, exchanged atomically; who finds somebody
there tells him so and waits for his word, which comes when he lets go. A condition's waiting nodes
stand in a ring of ranks at rank 0, changed only by who holds the mutex.

Nothing here is safe from several threads of a node, as in mpi4py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Self, TypeVar

from . import MPI
from .util_counter import Cells, Counter

__all__ = ["Condition", "Counter", "Mutex", "Semaphore", "Sequential"]

T = TypeVar("T")

_WAITS, _YOURS, _WAKE = 1, 2, 3  # tags


class Sequential:
    """Sequential execution: the nodes of a communicator one after the other, by rank.

    Example:
        >>> with Sequential(comm):  # doctest: +SKIP
        ...     print(comm.rank)
    """

    def __init__(self, comm: MPI.Intracomm, tag: int = 0) -> None:
        """Initialize sequential execution."""
        self.comm = comm
        self.tag = int(tag)

    def __enter__(self) -> Self:
        """Enter sequential execution."""
        self.begin()
        return self

    def __exit__(self, *exc: object) -> None:
        """Exit sequential execution."""
        self.end()

    def begin(self) -> None:
        """Begin sequential execution."""
        rank = self.comm.Get_rank()
        if rank > 0:
            self.comm.Recv([bytearray(), MPI.BYTE], rank - 1, self.tag)

    def end(self) -> None:
        """End sequential execution."""
        rank = self.comm.Get_rank()
        if rank < self.comm.Get_size() - 1:
            self.comm.Send([b"", MPI.BYTE], rank + 1, self.tag)


class _Acquired:
    """Mixin: a `with` block acquires it and releases it at its end."""

    acquire: Callable[..., bool]
    release: Callable[..., None]

    def __enter__(self) -> Self:
        """Acquire it."""
        self.acquire()
        return self

    def __exit__(self, *exc: object) -> None:
        """Release it."""
        self.release()


class Mutex(_Acquired):
    """Mutual exclusion among nodes; fair.

    Args:
        recursive: whether who holds it may take it again.
        comm: who excludes each other; all of them make it and free it.
        info: for the window.
    """

    def __init__(
        self,
        *,
        recursive: bool = False,
        comm: MPI.Intracomm = MPI.COMM_SELF,
        info: MPI.Info = MPI.INFO_NULL,
    ) -> None:
        """Initialize mutex object."""
        self._recursive = bool(recursive)
        self._count = 0
        self._comm: MPI.Intracomm = comm.Dup()
        self._cells: Cells | None = Cells(self._comm, info, 0, "i", [0])
        self._me = self._comm.Get_rank() + 1  # 0 at the queue's end: it is empty

    def acquire(self, blocking: bool = True) -> bool:
        """Acquire mutex, blocking or non-blocking; return whether it is held."""
        cells = self._open()
        if self._count:
            if not self._recursive:
                raise RuntimeError("cannot acquire already held mutex")
            self._count += 1
            return True
        if blocking:
            before = cells.apply(self._me, MPI.REPLACE)
            if before:
                self._comm.send(None, before - 1, _WAITS)
                self._comm.recv(source=before - 1, tag=_YOURS)
        elif cells.swap_if(0, self._me):
            return False
        self._count = 1
        return True

    def release(self) -> None:
        """Release mutex."""
        cells = self._open()
        if not self._count:
            raise RuntimeError("cannot release unheld mutex")
        self._count -= 1
        if not self._count and cells.swap_if(self._me, 0) != self._me:
            status = MPI.Status()  # somebody came behind us; who, he tells
            self._comm.recv(source=MPI.ANY_SOURCE, tag=_WAITS, status=status)
            self._comm.send(None, status.Get_source(), _YOURS)

    def locked(self) -> bool:
        """Return whether the mutex is held, by this node."""
        self._open()
        return self._count > 0

    def count(self) -> int:
        """Return the recursion count."""
        self._open()
        return self._count

    def free(self) -> None:
        """Free mutex resources; one that is held is released first."""
        self._let_go()
        cells, self._cells = self._cells, None
        if cells is not None:
            cells.free()
            self._comm.Free()

    def _let_go(self) -> None:
        """Releases it, however often it is held: who waits for it takes part in freeing, too."""
        if self._cells is not None and self._count:
            self._count = 1
            self.release()

    def _open(self) -> Cells:
        if self._cells is None:
            raise RuntimeError("mutex already freed")
        return self._cells


class Condition(_Acquired):
    """Condition variable: nodes wait until others notify them.

    Args:
        mutex: what protects it; without one it has its own.
        recursive: of its own mutex.
        comm, info: of its own mutex; a given one brings them along.
    """

    def __init__(
        self,
        mutex: Mutex | None = None,
        *,
        recursive: bool = True,
        comm: MPI.Intracomm = MPI.COMM_SELF,
        info: MPI.Info = MPI.INFO_NULL,
    ) -> None:
        """Initialize condition variable."""
        self._owns_mutex = mutex is None
        self._mutex = Mutex(recursive=recursive, comm=comm, info=info) if mutex is None else mutex
        self._mutex._open()
        self._comm: MPI.Intracomm = self._mutex._comm.Dup()
        self._size = self._comm.Get_size()
        # How many have begun to wait, how many were woken, and who stands in the ring.
        self._cells: Cells | None = Cells(self._comm, info, 0, "q", [0, 0] + [0] * self._size)

    def acquire(self, blocking: bool = True) -> bool:
        """Acquire the underlying mutex."""
        self._open()
        return self._mutex.acquire(blocking)

    def release(self) -> None:
        """Release the underlying mutex."""
        self._open()
        self._mutex.release()

    def locked(self) -> bool:
        """Return whether the underlying mutex is held."""
        self._open()
        return self._mutex.locked()

    def wait(self) -> Literal[True]:
        """Wait until notified by another process."""
        cells = self._held()
        begun = cells.apply(1, MPI.SUM, 0)
        cells.apply(self._comm.Get_rank(), MPI.REPLACE, 2 + begun % self._size)
        mutex = self._mutex
        held, mutex._count = mutex._count, 1
        mutex.release()
        self._comm.recv(source=MPI.ANY_SOURCE, tag=_WAKE)
        mutex.acquire()
        mutex._count = held
        return True

    def wait_for(self, predicate: Callable[[], T]) -> T:
        """Wait until a predicate evaluates to `True`; return what it gave."""
        self._held()
        while not (result := predicate()):
            self.wait()
        return result

    def notify(self, n: int = 1) -> int:
        """Wake up one or more processes waiting on this condition; return how many."""
        cells = self._held()
        begun = cells.apply(0, MPI.NO_OP, 0)
        woken = cells.apply(0, MPI.NO_OP, 1)
        count: int = min(n, begun - woken)
        for place in range(woken, woken + count):
            rank = cells.apply(0, MPI.NO_OP, 2 + place % self._size)
            self._comm.send(None, rank, _WAKE)
        if count > 0:
            cells.apply(count, MPI.SUM, 1)
        return max(0, count)

    def notify_all(self) -> int:
        """Wake up all processes waiting on this condition; return how many."""
        return self.notify(self._size)

    def free(self) -> None:
        """Free condition resources; a mutex that is held is released first."""
        cells, self._cells = self._cells, None
        if cells is not None:
            self._mutex._let_go()
            cells.free()
            self._comm.Free()
            if self._owns_mutex:
                self._mutex.free()

    def _open(self) -> Cells:
        if self._cells is None:
            raise RuntimeError("condition already freed")
        return self._cells

    def _held(self) -> Cells:
        cells = self._open()
        if not self._mutex.locked():
            raise RuntimeError("cannot wait on or notify through an unheld mutex")
        return cells


class Semaphore(_Acquired):
    """Semaphore object: so many nodes at once.

    Args:
        value: how many.
        bounded: releasing more often than acquiring raises ValueError.
        comm, info: as of a mutex.
    """

    def __init__(
        self,
        value: int = 1,
        *,
        bounded: bool = True,
        comm: MPI.Intracomm = MPI.COMM_SELF,
        info: MPI.Info = MPI.INFO_NULL,
    ) -> None:
        """Initialize semaphore object."""
        if value < 0:
            raise ValueError("initial value must be non-negative")
        self._bounded = bool(bounded)
        self._bound = value
        self._counter = Counter(value, comm=comm, info=info)
        self._condition = Condition(recursive=False, comm=comm, info=info)

    def acquire(self, blocking: bool = True) -> bool:
        """Acquire semaphore, decrementing the internal counter by one; return whether it was."""
        with self._condition:
            while self._counter.next(0) == 0:
                if not blocking:
                    return False
                self._condition.wait()
            self._counter.next(-1)
        return True

    def release(self, n: int = 1) -> None:
        """Release semaphore, incrementing the internal counter by one or more."""
        if n < 1:
            raise ValueError("increment must be one or more")
        with self._condition:
            if self._bounded and self._counter.next(0) + n > self._bound:
                raise ValueError("semaphore released too many times")
            self._counter.next(n)
            self._condition.notify(n)

    def free(self) -> None:
        """Free semaphore resources."""
        self._counter.free()
        self._condition.free()
