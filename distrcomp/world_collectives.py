"""The world's collectives as functions of the package; see Communicator for what they do.

Joining puts the world's own methods in their place.
"""

from __future__ import annotations

from .world_calls import world

TYPE_CHECKING = False  # as in the package: `typing` would take most of the import
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .communicator import Communicator
    from .ops import Op
    from .requests import Request

    Combine = Op | Callable[[Any, Any], Any]


def barrier() -> None:
    """The world's `Communicator.barrier`: returns when all nodes have called it."""
    world().barrier()


def bcast(obj: Any, root: int = 0, *, out: Any = None) -> Any:
    """The object of node `root`, on all nodes: `Communicator.bcast` of the world."""
    return world().bcast(obj, root, out=out)


def gather(obj: Any, root: int = 0) -> list[Any] | None:
    """All nodes' objects on node `root`: `Communicator.gather` of the world."""
    return world().gather(obj, root)


def scatter(objs: Sequence[Any] | None, root: int = 0) -> Any:
    """Each node's item of the root's list: `Communicator.scatter` of the world."""
    return world().scatter(objs, root)


def allgather(obj: Any) -> list[Any]:
    """All nodes' objects on all of them: `Communicator.allgather` of the world."""
    return world().allgather(obj)


def alltoall(objs: Sequence[Any]) -> list[Any]:
    """What each node has for this one: `Communicator.alltoall` of the world."""
    return world().alltoall(objs)


def reduce(obj: Any, op: Combine | None = None, root: int = 0) -> Any:
    """All contributions together on node `root`: `Communicator.reduce` of the world."""
    return world().reduce(obj, op, root)


def allreduce(obj: Any, op: Combine | None = None, *, out: Any = None) -> Any:
    """All contributions together: `Communicator.allreduce` of the world."""
    return world().allreduce(obj, op, out=out)


def reduce_scatter(objs: Sequence[Any], op: Combine | None = None) -> Any:
    """What all have for this node, together: `Communicator.reduce_scatter` of the world."""
    return world().reduce_scatter(objs, op)


def scan(obj: Any, op: Combine | None = None) -> Any:
    """Up to this node, together: `Communicator.scan` of the world."""
    return world().scan(obj, op)


def exscan(obj: Any, op: Combine | None = None) -> Any:
    """Before this node, together: `Communicator.exscan` of the world."""
    return world().exscan(obj, op)


def split(color: int | None, key: int = 0) -> Communicator | None:
    """Parts of the world: `Communicator.split` of the world."""
    return world().split(color, key)


# --- the same as requests ------------------------------------------------------------------------


def ibarrier() -> Request:
    """Begins a `barrier`."""
    return world().ibarrier()


def ibcast(obj: Any, root: int = 0, *, out: Any = None) -> Request:
    """Begins a `bcast`."""
    return world().ibcast(obj, root, out=out)


def igather(obj: Any, root: int = 0) -> Request:
    """Begins a `gather`."""
    return world().igather(obj, root)


def iscatter(objs: Sequence[Any] | None, root: int = 0) -> Request:
    """Begins a `scatter`."""
    return world().iscatter(objs, root)


def iallgather(obj: Any) -> Request:
    """Begins a `allgather`."""
    return world().iallgather(obj)


def ialltoall(objs: Sequence[Any]) -> Request:
    """Begins a `alltoall`."""
    return world().ialltoall(objs)


def ireduce(obj: Any, op: Combine | None = None, root: int = 0) -> Request:
    """Begins a `reduce`."""
    return world().ireduce(obj, op, root)


def iallreduce(obj: Any, op: Combine | None = None, *, out: Any = None) -> Request:
    """Begins a `allreduce`."""
    return world().iallreduce(obj, op, out=out)


def ireduce_scatter(objs: Sequence[Any], op: Combine | None = None) -> Request:
    """Begins a `reduce_scatter`."""
    return world().ireduce_scatter(objs, op)


def iscan(obj: Any, op: Combine | None = None) -> Request:
    """Begins a `scan`."""
    return world().iscan(obj, op)


def iexscan(obj: Any, op: Combine | None = None) -> Request:
    """Begins a `exscan`."""
    return world().iexscan(obj, op)
