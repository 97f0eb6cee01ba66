# ruff: noqa: N802, ARG002
"""The persistent collectives on memory: each returns a request to be started (MPI-4.1, 6.13).

What the arguments mean is found out once; the memory is read anew each time. Hints do nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import buffer_plans as plans
from . import reduction_plans as reductions
from .collective_base import CollectiveBase
from .info import INFO_NULL, Info
from .op import SUM, Op
from .prequest import Prequest


class RenewedCollectives(CollectiveBase):
    """Collectives on memory that are started many times, of communicators of any kind."""

    def Barrier_init(self, info: Info = INFO_NULL) -> Prequest:
        """Make a request to wait for all nodes."""
        return self._renew(plans.barrier())

    def Bcast_init(self, buf: Any, root: int = 0, info: Info = INFO_NULL) -> Prequest:
        """Make a request to give the root's memory to all."""
        return self._renew(plans.bcast(self._side, buf, root))

    def Gather_init(
        self, sendbuf: Any, recvbuf: Any, root: int = 0, info: Info = INFO_NULL
    ) -> Prequest:
        """Make a request to gather the memory of all at the root, in blocks of one size."""
        return self._renew(plans.gather(self._side, sendbuf, recvbuf, root, plans.equal_blocks))

    def Gatherv_init(
        self, sendbuf: Any, recvbuf: Any, root: int = 0, info: Info = INFO_NULL
    ) -> Prequest:
        """Make a request to gather the memory of all at the root, in blocks of any size."""
        return self._renew(plans.gather(self._side, sendbuf, recvbuf, root, plans.unequal_blocks))

    def Scatter_init(
        self, sendbuf: Any, recvbuf: Any, root: int = 0, info: Info = INFO_NULL
    ) -> Prequest:
        """Make a request to give each node a block of the root's memory, all of one size."""
        return self._renew(plans.scatter(self._side, sendbuf, recvbuf, root, plans.equal_blocks))

    def Scatterv_init(
        self, sendbuf: Any, recvbuf: Any, root: int = 0, info: Info = INFO_NULL
    ) -> Prequest:
        """Make a request to give each node a block of the root's memory, of any size."""
        return self._renew(plans.scatter(self._side, sendbuf, recvbuf, root, plans.unequal_blocks))

    def Allgather_init(self, sendbuf: Any, recvbuf: Any, info: Info = INFO_NULL) -> Prequest:
        """Make a request to gather the memory of all at all nodes, in blocks of one size."""
        return self._renew(plans.allgather(self._side, sendbuf, recvbuf, plans.equal_blocks))

    def Allgatherv_init(self, sendbuf: Any, recvbuf: Any, info: Info = INFO_NULL) -> Prequest:
        """Make a request to gather the memory of all at all nodes, in blocks of any size."""
        return self._renew(plans.allgather(self._side, sendbuf, recvbuf, plans.unequal_blocks))

    def Alltoall_init(self, sendbuf: Any, recvbuf: Any, info: Info = INFO_NULL) -> Prequest:
        """Make a request to give each node a block of each one's memory, all of one size."""
        return self._renew(plans.alltoall(self._side, sendbuf, recvbuf, plans.equal_blocks))

    def Alltoallv_init(self, sendbuf: Any, recvbuf: Any, info: Info = INFO_NULL) -> Prequest:
        """Make a request to give each node a block of each one's memory, of any size."""
        return self._renew(plans.alltoall(self._side, sendbuf, recvbuf, plans.unequal_blocks))

    def Alltoallw_init(self, sendbuf: Any, recvbuf: Any, info: Info = INFO_NULL) -> Prequest:
        """Make a request to give each node a block of each one's memory, of any datatype."""
        return self._renew(plans.alltoall(self._side, sendbuf, recvbuf, plans.typed_blocks))

    def Reduce_init(
        self, sendbuf: Any, recvbuf: Any, op: Op = SUM, root: int = 0, info: Info = INFO_NULL
    ) -> Prequest:
        """Make a request to combine the memory of all at the root."""
        return self._renew(reductions.reduce(self._side, sendbuf, recvbuf, op, root))

    def Allreduce_init(
        self, sendbuf: Any, recvbuf: Any, op: Op = SUM, info: Info = INFO_NULL
    ) -> Prequest:
        """Make a request to combine the memory of all at all nodes."""
        return self._renew(reductions.allreduce(self._side, sendbuf, recvbuf, op))

    def Reduce_scatter_block_init(
        self, sendbuf: Any, recvbuf: Any, op: Op = SUM, info: Info = INFO_NULL
    ) -> Prequest:
        """Make a request to combine the memory of all and give each node an equal block."""
        return self._renew(reductions.reduce_scatter_block(self._side, sendbuf, recvbuf, op))

    def Reduce_scatter_init(
        self,
        sendbuf: Any,
        recvbuf: Any,
        recvcounts: Sequence[int] | None = None,
        op: Op = SUM,
        info: Info = INFO_NULL,
    ) -> Prequest:
        """Make a request to combine the memory of all and give each node a block."""
        with self._translated():  # where no counts are given, all tell theirs
            plan = reductions.reduce_scatter(self._side, sendbuf, recvbuf, recvcounts, op)
        return self._renew(plan)


class RenewedPrefixes(CollectiveBase):
    """Collectives on memory that are started many times, of communicators of one group."""

    def Scan_init(
        self, sendbuf: Any, recvbuf: Any, op: Op = SUM, info: Info = INFO_NULL
    ) -> Prequest:
        """Make a request to combine the memory of the nodes up to this one."""
        return self._renew(reductions.scan(sendbuf, recvbuf, op))

    def Exscan_init(
        self, sendbuf: Any, recvbuf: Any, op: Op = SUM, info: Info = INFO_NULL
    ) -> Prequest:
        """Make a request to combine the memory of the nodes before this one."""
        return self._renew(reductions.exscan(sendbuf, recvbuf, op))
