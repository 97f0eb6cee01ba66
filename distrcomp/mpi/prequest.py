# ruff: noqa: N802
"""Persistent requests: made once, started many times (MPI-4.1, 3.9 and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from .errors import ERR_REQUEST, MPIException
from .operations import Renewed
from .partitioned import Partitioned
from .request import Request


class Prequest(Request):
    """A persistent request.

    Example:
        >>> from distrcomp.mpi import MPI
        >>> memory = bytearray(2)
        >>> request = MPI.COMM_SELF.Recv_init(memory, source=0)
        >>> for text in (b"ab", b"cd"):
        ...     request.Start()
        ...     MPI.COMM_SELF.Send(text, dest=0)
        ...     request.Wait() and memory.decode()
        'ab'
        'cd'
        >>> request.Free()
    """

    def __new__(cls, request: Request | None = None) -> Self:
        """The null request, or another handle of a persistent one."""
        self = super().__new__(cls, request)
        if self._state is not None and not self._state.is_persistent:
            raise TypeError("Cannot convert mpi4py.MPI.Request to mpi4py.MPI.Prequest")
        return self

    def Start(self) -> None:
        """Begin what the request stands for."""
        operation = self._renewed()
        if operation.is_active:
            raise MPIException(ERR_REQUEST, "this request is started already: wait for it first")
        operation.start()

    @classmethod
    def Startall(cls, requests: Sequence[Prequest]) -> None:
        """Begin what each of these requests stands for."""
        for request in requests:
            request.Start()

    def Pready(self, partition: int) -> None:
        """Say that a partition may be sent."""
        self._partitioned().send((partition,))

    def Pready_range(self, partition_low: int, partition_high: int) -> None:
        """Say that the partitions from one to another, both included, may be sent."""
        self._partitioned().send(range(partition_low, partition_high + 1))

    def Pready_list(self, partitions: Sequence[int]) -> None:
        """Say that these partitions may be sent."""
        self._partitioned().send(partitions)

    def Parrived(self, partition: int) -> bool:
        """Whether a partition has been received."""
        return self._partitioned().has_arrived(partition)

    def _renewed(self) -> Renewed:
        if not isinstance(self._state, Renewed):
            raise MPIException(ERR_REQUEST, "this is no persistent request")
        return self._state

    def _partitioned(self) -> Partitioned:
        if not isinstance(self._state, Partitioned):
            raise MPIException(ERR_REQUEST, "this request has no partitions")
        return self._state
