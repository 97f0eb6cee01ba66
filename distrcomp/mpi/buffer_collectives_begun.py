# ruff: noqa: N802
"""The non-blocking collectives on memory: each returns a request (MPI-4.1, 6.12).

The memory must not be changed, or that received into not be read, before the request is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import buffer_plans as plans
from . import reduction_plans as reductions
from .collective_base import CollectiveBase
from .op import SUM, Op
from .request import Request


class BegunCollectives(CollectiveBase):
    """Collectives on memory that are begun, of communicators of any kind."""

    def Ibarrier(self) -> Request:
        """Begin to wait for all nodes."""
        return self._begin(plans.barrier())

    def Ibcast(self, buf: Any, root: int = 0) -> Request:
        """Begin to give the root's memory to all."""
        return self._begin(plans.bcast(self._side, buf, root))

    def Igather(self, sendbuf: Any, recvbuf: Any, root: int = 0) -> Request:
        """Begin to gather the memory of all at the root, in blocks of one size."""
        return self._begin(plans.gather(self._side, sendbuf, recvbuf, root, plans.equal_blocks))

    def Igatherv(self, sendbuf: Any, recvbuf: Any, root: int = 0) -> Request:
        """Begin to gather the memory of all at the root, in blocks of any size."""
        return self._begin(plans.gather(self._side, sendbuf, recvbuf, root, plans.unequal_blocks))

    def Iscatter(self, sendbuf: Any, recvbuf: Any, root: int = 0) -> Request:
        """Begin to give each node a block of the root's memory, all of one size."""
        return self._begin(plans.scatter(self._side, sendbuf, recvbuf, root, plans.equal_blocks))

    def Iscatterv(self, sendbuf: Any, recvbuf: Any, root: int = 0) -> Request:
        """Begin to give each node a block of the root's memory, of any size."""
        return self._begin(plans.scatter(self._side, sendbuf, recvbuf, root, plans.unequal_blocks))

    def Iallgather(self, sendbuf: Any, recvbuf: Any) -> Request:
        """Begin to gather the memory of all at all nodes, in blocks of one size."""
        return self._begin(plans.allgather(self._side, sendbuf, recvbuf, plans.equal_blocks))

    def Iallgatherv(self, sendbuf: Any, recvbuf: Any) -> Request:
        """Begin to gather the memory of all at all nodes, in blocks of any size."""
        return self._begin(plans.allgather(self._side, sendbuf, recvbuf, plans.unequal_blocks))

    def Ialltoall(self, sendbuf: Any, recvbuf: Any) -> Request:
        """Begin to give each node a block of each one's memory, all of one size."""
        return self._begin(plans.alltoall(self._side, sendbuf, recvbuf, plans.equal_blocks))

    def Ialltoallv(self, sendbuf: Any, recvbuf: Any) -> Request:
        """Begin to give each node a block of each one's memory, of any size."""
        return self._begin(plans.alltoall(self._side, sendbuf, recvbuf, plans.unequal_blocks))

    def Ialltoallw(self, sendbuf: Any, recvbuf: Any) -> Request:
        """Begin to give each node a block of each one's memory, of any size and datatype."""
        return self._begin(plans.alltoall(self._side, sendbuf, recvbuf, plans.typed_blocks))

    def Ireduce(self, sendbuf: Any, recvbuf: Any, op: Op = SUM, root: int = 0) -> Request:
        """Begin to combine the memory of all at the root."""
        return self._begin(reductions.reduce(self._side, sendbuf, recvbuf, op, root))

    def Iallreduce(self, sendbuf: Any, recvbuf: Any, op: Op = SUM) -> Request:
        """Begin to combine the memory of all at all nodes."""
        return self._begin(reductions.allreduce(self._side, sendbuf, recvbuf, op))

    def Ireduce_scatter_block(self, sendbuf: Any, recvbuf: Any, op: Op = SUM) -> Request:
        """Begin to combine the memory of all and give each node a block of it, all of one size."""
        return self._begin(reductions.reduce_scatter_block(self._side, sendbuf, recvbuf, op))

    def Ireduce_scatter(
        self, sendbuf: Any, recvbuf: Any, recvcounts: Sequence[int] | None = None, op: Op = SUM
    ) -> Request:
        """Begin to combine the memory of all and give each node a block of it, of any size."""
        with self._translated():  # where no counts are given, all tell theirs
            plan = reductions.reduce_scatter(self._side, sendbuf, recvbuf, recvcounts, op)
        return self._begin(plan)


class BegunPrefixes(CollectiveBase):
    """Collectives on memory that are begun, of communicators of one group."""

    def Iscan(self, sendbuf: Any, recvbuf: Any, op: Op = SUM) -> Request:
        """Begin to combine the memory of the nodes up to this one."""
        return self._begin(reductions.scan(sendbuf, recvbuf, op))

    def Iexscan(self, sendbuf: Any, recvbuf: Any, op: Op = SUM) -> Request:
        """Begin to combine the memory of the nodes before this one; node 0 receives nothing."""
        return self._begin(reductions.exscan(sendbuf, recvbuf, op))
