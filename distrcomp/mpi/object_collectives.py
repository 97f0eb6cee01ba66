"""The collectives on objects: the lower-case calls of a communicator (MPI-4.1, chapter 6).

They are the core's own collectives, which return what mpi4py's do. A program that has changed
`MPI.pickle` gets its objects through that: they travel as the bytes it makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from ..arguments import integer
from ..errors import CallError, NoSuchNode, Undecodable
from .collective_base import CollectiveBase
from .errors import ERR_ROOT
from .object_operations import operation
from .op import SUM, Op
from .pickles import pickle


class ObjectCollectives(CollectiveBase):
    """Collectives on objects, of communicators of one group."""

    def barrier(self) -> None:
        """Wait for all nodes."""
        try:
            self._core.barrier()
        except CallError as error:
            self._failed(error)

    def bcast(self, obj: Any, root: int = 0) -> Any:
        """Give the root's object to all."""
        try:
            if pickle.is_changed:
                return self._bcast_pickled(obj, root)
            return self._core.bcast(obj, root)
        except (CallError, Undecodable) as error:
            self._failed_at_root(error)

    def gather(self, sendobj: Any, root: int = 0) -> list[Any] | None:
        """Gather the objects of all at the root; None elsewhere."""
        try:
            values = self._core.gather(packed(sendobj), root)
        except (CallError, Undecodable) as error:
            self._failed_at_root(error)
        return None if values is None else opened(values)

    def scatter(self, sendobj: Iterable[Any] | None, root: int = 0) -> Any:
        """Give each node an item of the root's sequence."""
        items = self._items(sendobj) if root == self._core.node_id else None
        try:
            return opened([self._core.scatter(items, root)])[0]
        except (CallError, Undecodable) as error:
            self._failed_at_root(error)

    def allgather(self, sendobj: Any) -> list[Any]:
        """Gather the objects of all at all nodes."""
        try:
            return opened(self._core.allgather(packed(sendobj)))
        except (CallError, Undecodable) as error:
            self._failed(error)

    def alltoall(self, sendobj: Iterable[Any]) -> list[Any]:
        """Give each node an item of each one's sequence."""
        items = self._items(sendobj)
        try:
            return opened(self._core.alltoall(items))
        except (CallError, Undecodable) as error:
            self._failed(error)

    def reduce(
        self, sendobj: Any, op: Op | Callable[[Any, Any], Any] = SUM, root: int = 0
    ) -> Any | None:
        """Combine the objects of all at the root; None elsewhere."""
        try:
            return self._core.reduce(sendobj, operation(op), root)
        except (CallError, Undecodable) as error:
            self._failed_at_root(error)

    def allreduce(self, sendobj: Any, op: Op | Callable[[Any, Any], Any] = SUM) -> Any:
        """Combine the objects of all at all nodes."""
        try:
            return self._core.allreduce(sendobj, operation(op))
        except (CallError, Undecodable) as error:
            self._failed(error)

    def scan(self, sendobj: Any, op: Op | Callable[[Any, Any], Any] = SUM) -> Any:
        """Combine the objects of the nodes up to this one."""
        try:
            return self._core.scan(sendobj, operation(op))
        except (CallError, Undecodable) as error:
            self._failed(error)

    def exscan(self, sendobj: Any, op: Op | Callable[[Any, Any], Any] = SUM) -> Any:
        """Combine the objects of the nodes before this one; None on node 0."""
        try:
            return self._core.exscan(sendobj, operation(op))
        except (CallError, Undecodable) as error:
            self._failed(error)

    # --- inside -----------------------------------------------------------------------------------

    def _items(self, objs: Iterable[Any] | None) -> list[Any]:
        return packed_items(objs, self._core.n_node)

    def _bcast_pickled(self, obj: Any, root: int) -> Any:
        is_root = root == self._core.node_id
        data = self._core.bcast(pickle.dumps(obj) if is_root else None, root)
        return obj if is_root else pickle.loads(data)

    def _failed_at_root(self, error: Exception) -> NoReturn:
        """Like `_failed`, where a node that isn't there can only be the root."""
        if isinstance(error, NoSuchNode) and integer(error.node) is not None:
            self._fail(ERR_ROOT, str(error))
        self._failed(error)


def packed(obj: Any) -> Any:
    """What travels of an object: itself, or what the program's own pickle makes of it."""
    return pickle.dumps(obj) if pickle.is_changed else obj


def packed_items(objs: Iterable[Any] | None, count: int) -> list[Any]:
    """What travels of a sequence with one object for each of `count` nodes; None stands for Nones.

    Raises:
        ValueError: they are not so many.
    """
    if objs is None:
        return [packed(None)] * count
    items = list(objs)
    if len(items) != count:
        raise ValueError(f"expecting {count} items, got {len(items)}")
    return [pickle.dumps(item) for item in items] if pickle.is_changed else items


def opened(values: list[Any]) -> list[Any]:
    """The objects again of what has travelled."""
    return [pickle.loads(value) for value in values] if pickle.is_changed else values
