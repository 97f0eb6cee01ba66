# ruff: noqa: N802
"""The blocking collectives on memory: the upper-case calls of a communicator (MPI-4.1, chapter 6).

What the arguments mean stands in buffer_plans and reduction_plans; what messages are, in specs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import buffer_plans as plans
from . import reduction_plans as reductions
from .collective_base import CollectiveBase
from .op import SUM, Op


class BufferCollectives(CollectiveBase):
    """Collectives on memory, of communicators of any kind."""

    def Barrier(self) -> None:
        """Wait for all nodes."""
        self._run(plans.barrier())

    def Bcast(self, buf: Any, root: int = 0) -> None:
        """Give the root's memory to all."""
        self._run(plans.bcast(self._side, buf, root))

    def Gather(self, sendbuf: Any, recvbuf: Any, root: int = 0) -> None:
        """Gather the memory of all at the root, in blocks of one size."""
        self._run(plans.gather(self._side, sendbuf, recvbuf, root, plans.equal_blocks))

    def Gatherv(self, sendbuf: Any, recvbuf: Any, root: int = 0) -> None:
        """Gather the memory of all at the root, in blocks of any size."""
        self._run(plans.gather(self._side, sendbuf, recvbuf, root, plans.unequal_blocks))

    def Scatter(self, sendbuf: Any, recvbuf: Any, root: int = 0) -> None:
        """Give each node a block of the root's memory, all of one size."""
        self._run(plans.scatter(self._side, sendbuf, recvbuf, root, plans.equal_blocks))

    def Scatterv(self, sendbuf: Any, recvbuf: Any, root: int = 0) -> None:
        """Give each node a block of the root's memory, of any size."""
        self._run(plans.scatter(self._side, sendbuf, recvbuf, root, plans.unequal_blocks))

    def Allgather(self, sendbuf: Any, recvbuf: Any) -> None:
        """Gather the memory of all at all nodes, in blocks of one size."""
        self._run(plans.allgather(self._side, sendbuf, recvbuf, plans.equal_blocks))

    def Allgatherv(self, sendbuf: Any, recvbuf: Any) -> None:
        """Gather the memory of all at all nodes, in blocks of any size."""
        self._run(plans.allgather(self._side, sendbuf, recvbuf, plans.unequal_blocks))

    def Alltoall(self, sendbuf: Any, recvbuf: Any) -> None:
        """Give each node a block of each one's memory, all of one size."""
        self._run(plans.alltoall(self._side, sendbuf, recvbuf, plans.equal_blocks))

    def Alltoallv(self, sendbuf: Any, recvbuf: Any) -> None:
        """Give each node a block of each one's memory, of any size."""
        self._run(plans.alltoall(self._side, sendbuf, recvbuf, plans.unequal_blocks))

    def Alltoallw(self, sendbuf: Any, recvbuf: Any) -> None:
        """Give each node a block of each one's memory, of any size and datatype."""
        self._run(plans.alltoall(self._side, sendbuf, recvbuf, plans.typed_blocks))

    def Reduce(self, sendbuf: Any, recvbuf: Any, op: Op = SUM, root: int = 0) -> None:
        """Combine the memory of all at the root."""
        self._run(reductions.reduce(self._side, sendbuf, recvbuf, op, root))

    def Allreduce(self, sendbuf: Any, recvbuf: Any, op: Op = SUM) -> None:
        """Combine the memory of all at all nodes."""
        self._run(reductions.allreduce(self._side, sendbuf, recvbuf, op))

    def Reduce_scatter_block(self, sendbuf: Any, recvbuf: Any, op: Op = SUM) -> None:
        """Combine the memory of all and give each node a block of it, all of one size."""
        self._run(reductions.reduce_scatter_block(self._side, sendbuf, recvbuf, op))

    def Reduce_scatter(
        self, sendbuf: Any, recvbuf: Any, recvcounts: Sequence[int] | None = None, op: Op = SUM
    ) -> None:
        """Combine the memory of all and give each node a block of it, of any size."""
        with self._translated():  # where no counts are given, all tell theirs
            plan = reductions.reduce_scatter(self._side, sendbuf, recvbuf, recvcounts, op)
        self._run(plan)


class Prefixes(CollectiveBase):
    """Collectives on memory, of communicators of one group."""

    def Scan(self, sendbuf: Any, recvbuf: Any, op: Op = SUM) -> None:
        """Combine the memory of the nodes up to this one."""
        self._run(reductions.scan(sendbuf, recvbuf, op))

    def Exscan(self, sendbuf: Any, recvbuf: Any, op: Op = SUM) -> None:
        """Combine the memory of the nodes before this one; node 0 receives nothing."""
        self._run(reductions.exscan(sendbuf, recvbuf, op))
