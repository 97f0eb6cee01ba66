"""The collective calls of every communicator (MPI-4.1, chapter 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import close_collectives as close
from . import collectives as c
from .arguments import node_number
from .array_path import ARRAY_TYPES
from .collective_path import CollectivePath
from .collective_requests import CollectiveRequest
from .errors import CallError
from .long_path import WORLD
from .meeting import Meeting, meeting_for
from .ops import Op, as_op
from .out import check_like
from .raw_calls import RawCalls
from .requests import Request

_LARGE_BYTES = c.LARGE_BYTES

Combine = Op | Callable[[Any, Any], Any]

_Call = tuple[Any, ...]
"""Kind, root, algorithm and its arguments."""


class CollectiveCalls(RawCalls):
    """What all nodes of a communicator do together; see Communicator.

    Every node has to call the same ones in the same order. Where they don't, CollectiveMismatch
    tells who is where; where one has ended, NodeLost. Each call has a form that returns a Request:
    `ibcast` for `bcast`, and so on; its `wait` returns the value.
    """

    __slots__ = ("_meeting", "_together")

    def _prepare(self) -> None:
        super()._prepare()
        self._together: CollectivePath | None = None
        self._meeting: Meeting | None = None

    @property
    def _all(self) -> CollectivePath:
        path = self._together
        if path is None:
            path = self._make_path()
            if self._number == WORLD:
                self._meeting = meeting_for(path, self._engine)
            self._together = path
        return path

    def _make_path(self) -> CollectivePath:
        raise NotImplementedError

    def barrier(self) -> None:
        """Returns when all nodes have called it (MPI-4.1, 6.3).

        Example:
            >>> import distrcomp as dc
            >>> dc.barrier()
        """
        path = self._together or self._all
        meeting = self._meeting
        if meeting is not None and meeting.is_open:
            meeting.wait(path.enter(c.BARRIER, 0))
        elif path.is_close:
            close.barrier(path)
        else:
            path.run(c.BARRIER, 0, c.barrier)

    def bcast(self, obj: Any, root: int = 0, *, out: Any = None) -> Any:
        """The object of node `root`, on all nodes (MPI-4.1, 6.4).

        Args:
            obj: what the root gives; of the others it is not looked at.
            out: an array or buffer that takes what comes, as in `recv`; not looked at on the root.

        Example:
            >>> import distrcomp as dc
            >>> dc.bcast({"any": "object"})
            {'any': 'object'}
        """
        path = self._together or self._all
        if path.is_close and out is None and (type(obj) not in ARRAY_TYPES or root != self.node_id):
            return close.bcast(path, obj, node_number(root, self.n_node))
        return path.run(*self._best(self._bcast(obj, root, out)))

    def gather(self, obj: Any, root: int = 0) -> list[Any] | None:
        """The objects of all nodes, in order, on node `root`; None elsewhere (MPI-4.1, 6.5).

        Example:
            >>> import distrcomp as dc
            >>> dc.gather(dc.node_id)
            [0]
        """
        path = self._together or self._all
        if path.is_close and type(obj) not in ARRAY_TYPES:
            return close.gather(path, obj, node_number(root, self.n_node))
        gathered: list[Any] | None = path.run(*self._gather(obj, root))
        return gathered

    def scatter(self, objs: Sequence[Any] | None, root: int = 0) -> Any:
        """Each node's item of the list that node `root` gives (MPI-4.1, 6.6).

        Args:
            objs: on the root, one object for each node; of the others it is not looked at.

        Raises:
            CallError: it is no sequence of `n_node` objects.

        Example:
            >>> import distrcomp as dc
            >>> dc.scatter(["for me"])
            'for me'
        """
        return self._all.run(*self._scatter(objs, root))

    def allgather(self, obj: Any) -> list[Any]:
        """The objects of all nodes, in order, on all of them (MPI-4.1, 6.7).

        Example:
            >>> import distrcomp as dc
            >>> dc.allgather("me")
            ['me']
        """
        gathered: list[Any] = self._all.run(c.ALLGATHER, 0, c.allgather, obj)
        return gathered

    def alltoall(self, objs: Sequence[Any]) -> list[Any]:
        """What each node has for this one, in order (MPI-4.1, 6.8).

        Args:
            objs: one object for each node.

        Raises:
            CallError: it is no sequence of `n_node` objects.

        Example:
            >>> import distrcomp as dc
            >>> dc.alltoall(["to myself"])
            ['to myself']
        """
        path = self._together or self._all
        call = self._alltoall(objs)
        if path.is_close and ARRAY_TYPES.isdisjoint(map(type, call[3])):
            return close.alltoall(path, call[3])
        received: list[Any] = path.run(*call)
        return received

    def reduce(self, obj: Any, op: Combine | None = None, root: int = 0) -> Any:
        """All contributions together, on node `root`; None elsewhere (MPI-4.1, 6.9.1).

        Args:
            obj: what this node contributes. Arrays are combined element by element and must be
                alike; other objects by Python's operators.
            op: SUM (so is None), PROD, MIN, MAX, MINLOC, MAXLOC, LAND, LOR, LXOR, BAND, BOR, BXOR,
                an Op, or an associative function of two contributions, that of lower nodes first.

        Raises:
            CollectiveMismatch: arrays of different shape or dtype were contributed.

        Example:
            >>> import distrcomp as dc
            >>> dc.reduce(21, dc.MAX)
            21
        """
        return self._all.run(*self._best(self._reduce(obj, op, root)))

    def allreduce(self, obj: Any, op: Combine | None = None, *, out: Any = None) -> Any:
        """All contributions together, on all nodes, the same bits on each (MPI-4.1, 6.9.6).

        Args:
            obj, op: as `reduce`.
            out: an array like `obj` that takes the result, and is returned; may be `obj` itself.

        Raises:
            DoesNotFit: `out` is none; nothing was sent.

        Example:
            >>> import distrcomp as dc
            >>> dc.allreduce(2)
            2
        """
        path = self._together or self._all
        if path.is_close and out is None and type(obj) in close.SCALARS:
            return close.allreduce(path, obj, as_op(op))
        return path.run(*self._best(self._allreduce(obj, op, out)))

    def reduce_scatter(self, objs: Sequence[Any], op: Combine | None = None) -> Any:
        """What all nodes contribute for this one, together (MPI-4.1, 6.10).

        Args:
            objs: one contribution for each node.

        Example:
            >>> import distrcomp as dc
            >>> dc.reduce_scatter([7])
            7
        """
        return self._all.run(*self._reduce_scatter(objs, op))

    def scan(self, obj: Any, op: Combine | None = None) -> Any:
        """The contributions of the nodes up to this one, together (MPI-4.1, 6.11.1).

        Example:
            >>> import distrcomp as dc
            >>> dc.scan(3)
            3
        """
        return self._all.run(c.SCAN, 0, c.scan, obj, as_op(op))

    def exscan(self, obj: Any, op: Combine | None = None) -> Any:
        """The contributions of the nodes before this one, together; None on node 0 (6.11.2).

        Example:
            >>> import distrcomp as dc
            >>> dc.exscan(3) is None
            True
        """
        return self._all.run(c.EXSCAN, 0, c.exscan, obj, as_op(op))

    # --- the same as requests -------------------------------------------------------------------

    def ibarrier(self) -> Request:
        """Begins a `barrier`: done when all have begun it.

        Example:
            >>> import distrcomp as dc
            >>> dc.ibarrier().wait()
        """
        return CollectiveRequest(self._all, c.BARRIER, 0, c.barrier)

    def ibcast(self, obj: Any, root: int = 0, *, out: Any = None) -> Request:
        """Begins a `bcast`.

        Example:
            >>> import distrcomp as dc
            >>> dc.ibcast(1).wait()
            1
        """
        return CollectiveRequest(self._all, *self._bcast(obj, root, out))

    def igather(self, obj: Any, root: int = 0) -> Request:
        """Begins a `gather`.

        Example:
            >>> import distrcomp as dc
            >>> dc.igather(1).wait()
            [1]
        """
        return CollectiveRequest(self._all, *self._gather(obj, root))

    def iscatter(self, objs: Sequence[Any] | None, root: int = 0) -> Request:
        """Begins a `scatter`.

        Example:
            >>> import distrcomp as dc
            >>> dc.iscatter([1]).wait()
            1
        """
        return CollectiveRequest(self._all, *self._scatter(objs, root))

    def iallgather(self, obj: Any) -> Request:
        """Begins an `allgather`.

        Example:
            >>> import distrcomp as dc
            >>> dc.iallgather(1).wait()
            [1]
        """
        return CollectiveRequest(self._all, c.ALLGATHER, 0, c.allgather, obj)

    def ialltoall(self, objs: Sequence[Any]) -> Request:
        """Begins an `alltoall`.

        Example:
            >>> import distrcomp as dc
            >>> dc.ialltoall([1]).wait()
            [1]
        """
        return CollectiveRequest(self._all, *self._alltoall(objs))

    def ireduce(self, obj: Any, op: Combine | None = None, root: int = 0) -> Request:
        """Begins a `reduce`.

        Example:
            >>> import distrcomp as dc
            >>> dc.ireduce(1).wait()
            1
        """
        return CollectiveRequest(self._all, *self._reduce(obj, op, root))

    def iallreduce(self, obj: Any, op: Combine | None = None, *, out: Any = None) -> Request:
        """Begins an `allreduce`.

        Example:
            >>> import distrcomp as dc
            >>> dc.iallreduce(1).wait()
            1
        """
        return CollectiveRequest(self._all, *self._allreduce(obj, op, out))

    def ireduce_scatter(self, objs: Sequence[Any], op: Combine | None = None) -> Request:
        """Begins a `reduce_scatter`.

        Example:
            >>> import distrcomp as dc
            >>> dc.ireduce_scatter([1]).wait()
            1
        """
        return CollectiveRequest(self._all, *self._reduce_scatter(objs, op))

    def iscan(self, obj: Any, op: Combine | None = None) -> Request:
        """Begins a `scan`.

        Example:
            >>> import distrcomp as dc
            >>> dc.iscan(1).wait()
            1
        """
        return CollectiveRequest(self._all, c.SCAN, 0, c.scan, obj, as_op(op))

    def iexscan(self, obj: Any, op: Combine | None = None) -> Request:
        """Begins an `exscan`.

        Example:
            >>> import distrcomp as dc
            >>> dc.iexscan(1).wait() is None
            True
        """
        return CollectiveRequest(self._all, c.EXSCAN, 0, c.exscan, obj, as_op(op))

    # --- which algorithm, with what ---------------------------------------------------------------

    def _best(self, call: _Call) -> _Call:
        """The same by what this engine has of its own for it: in an MPI job, MPI's collectives."""
        handover = self._engine.handover
        if handover is None or self._number:
            return call
        better: _Call = handover.instead(call)
        return better

    def _bcast(self, obj: Any, root: int, out: Any) -> _Call:
        root = node_number(root, self.n_node)
        return c.BCAST, root, c.bcast, obj, root, out

    def _gather(self, obj: Any, root: int) -> _Call:
        root = node_number(root, self.n_node)
        return c.GATHER, root, c.gather, obj, root

    def _scatter(self, objs: Sequence[Any] | None, root: int) -> _Call:
        root = node_number(root, self.n_node)
        if root == self.node_id:
            objs = self._one_for_each("scatter", objs)
        return c.SCATTER, root, c.scatter, objs, root

    def _alltoall(self, objs: Sequence[Any]) -> _Call:
        return c.ALLTOALL, 0, c.alltoall, self._one_for_each("alltoall", objs)

    def _reduce(self, obj: Any, op: Any, root: int) -> _Call:
        root, op = node_number(root, self.n_node), as_op(op)
        if self._is_large(obj, op):
            return c.LARGE_REDUCE, root, c.large_reduce, obj, op, root
        return c.REDUCE, root, c.reduce, obj, op, root

    def _allreduce(self, obj: Any, op: Any, out: Any) -> _Call:
        op = as_op(op)
        check_like(out, obj)
        if self._is_large(obj, op):
            return c.LARGE_ALLREDUCE, 0, c.large_allreduce, obj, op, out
        return c.ALLREDUCE, 0, c.allreduce, obj, op, out

    def _reduce_scatter(self, objs: Sequence[Any], op: Any) -> _Call:
        objs = self._one_for_each("reduce_scatter", objs)
        return c.REDUCE_SCATTER, 0, c.reduce_scatter, objs, as_op(op)

    def _is_large(self, obj: Any, op: Op) -> bool:
        return (
            self.n_node > 1
            and getattr(obj, "nbytes", 0) >= _LARGE_BYTES
            and op.works_by_element(obj)
        )

    def _one_for_each(self, call: str, objs: Any) -> Sequence[Any]:
        try:
            count = len(objs)
        except TypeError:
            count = -1
        if count != self.n_node:
            what = f"{count} objects" if count >= 0 else f"an object of type {type(objs).__name__}"
            raise CallError(
                f"{call} takes a sequence of {self.n_node} objects, one for each node; got {what}"
            )
        return objs if isinstance(objs, Sequence) else list(objs)
