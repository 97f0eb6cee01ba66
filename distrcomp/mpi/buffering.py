# ruff: noqa: N802
"""The memory that a program attaches for buffered sends (MPI-4.1, 3.6).

distrcomp buffers by itself what it sends, so the memory is never written to. What MPI promises
about it is kept all the same: messages under way and their overheads never take more than was
attached, a send that would is an error, and detaching and flushing wait until they all have gone.

A buffered send asks `pool.take(nbytes)` first, sends as isend does, and passes what is under way to
`pool.hold(nbytes, operation)`. Where nothing was attached to a communicator, the node's pool is
used.
"""

from __future__ import annotations

from typing import Any, ClassVar

from .constants import BSEND_OVERHEAD
from .errors import ERR_BUFFER, MPIException
from .memory import buffer
from .operations import Done, Operation, Parts, are_all_done, wait_all
from .request import Request
from .special_buffers import BUFFER_AUTOMATIC

_ROOM_FOR_EVER = 1 << 62


class Pool:
    """The memory attached to one object, and the messages that take room in it."""

    def __init__(self) -> None:
        self._memory: Any = None
        self._room = 0
        self._under_way: list[tuple[int, Operation]] = []

    @property
    def is_attached(self) -> bool:
        """Whether there is memory."""
        return self._memory is not None

    def attach(self, memory: Any) -> None:
        """Takes memory of the program's for its own, or BUFFER_AUTOMATIC, which never is full."""
        if self.is_attached:
            raise MPIException(ERR_BUFFER, "a buffer is attached already")
        if memory is None or isinstance(memory, type(BUFFER_AUTOMATIC)):
            self._memory, self._room = BUFFER_AUTOMATIC, _ROOM_FOR_EVER
        else:
            attached = buffer.frombuffer(memory)
            if attached.readonly:
                raise BufferError("memory to attach is written to: this is read-only")
            self._memory, self._room = attached, attached.nbytes

    def detach(self) -> Any:
        """Waits until all messages have gone; the memory that was attached, None for none."""
        self.flush()
        memory, self._memory, self._room = self._memory, None, 0
        return memory

    def flush(self) -> None:
        """Waits until all messages have gone."""
        wait_all([operation for _, operation in self._under_way])
        self._under_way.clear()

    def iflush(self) -> Operation:
        """The going of all messages that are under way now."""
        operations = [operation for _, operation in self._under_way]
        return Parts(operations) if operations else Done()

    def take(self, nbytes: int) -> None:
        """Checks that a message has room now."""
        if nbytes + BSEND_OVERHEAD <= self._free():
            return
        are_all_done([operation for _, operation in self._under_way])  # moves what can move
        if nbytes + BSEND_OVERHEAD > self._free():
            raise MPIException(
                ERR_BUFFER,
                f"{nbytes} bytes and {BSEND_OVERHEAD} of overhead don't fit into the"
                f" {self._free()} that are free of the attached buffer",
            )

    def hold(self, nbytes: int, operation: Operation) -> None:
        """Keeps the room of a message until it has gone."""
        self._under_way.append((nbytes + BSEND_OVERHEAD, operation))

    def _free(self) -> int:
        self._under_way = [held for held in self._under_way if not held[1].is_done()]
        return self._room - sum(nbytes for nbytes, _ in self._under_way)


class BufferOwner:
    """Mixin for handles that memory can be attached to; the pool is `buffer` of the state."""

    __slots__ = ()

    _state: Any
    _null_error: ClassVar[int]

    def Attach_buffer(self, buf: Any) -> None:
        """Attach memory for buffered sends; None or BUFFER_AUTOMATIC for as much as it takes."""
        self._pool().attach(buf)

    def Detach_buffer(self) -> Any:
        """Detach the memory for buffered sends, when all of them have gone."""
        return self._pool().detach()

    def Flush_buffer(self) -> None:
        """Block until all buffered messages have gone."""
        self._pool().flush()

    def Iflush_buffer(self) -> Request:
        """Flush the buffered messages without blocking."""
        return Request._of(self._pool().iflush())

    def _pool(self) -> Pool:
        if self._state is None:
            raise MPIException(self._null_error, "a null handle has no buffer")
        if self._state.buffer is None:
            self._state.buffer = Pool()
        pool: Pool = self._state.buffer
        return pool


node_pool = Pool()


def Attach_buffer(buf: Any) -> None:
    """Attach memory for buffered sends; None or BUFFER_AUTOMATIC for as much as it takes."""
    node_pool.attach(buf)


def Detach_buffer() -> Any:
    """Detach the memory for buffered sends, when all of them have gone."""
    return node_pool.detach()


def Flush_buffer() -> None:
    """Block until all buffered messages have gone."""
    node_pool.flush()


def Iflush_buffer() -> Request:
    """Flush the buffered messages without blocking."""
    return Request._of(node_pool.iflush())
