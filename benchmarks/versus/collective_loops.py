"""The loops of the collectives: the same code on distrcomp's module and on mpi4py's communicator.

Lower-case calls take their arguments in the same places in both. The upper-case ones of mpi4py
stand against distrcomp's with `out=`: both put the result into an array that was made before. At
the end of a block every node tells node 0 that it is done, so a root that is ahead of the others
is not paid for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

KINDS = ("allreduce", "alltoall", "barrier", "bcast", "gather")


class Loop(NamedTuple):
    """A loop, and what its last call must have returned on this node."""

    run: Callable[[int], Any]
    expected: Any


def lower_case(comm: Any, node_id: int, n_node: int, kind: str, obj: Any) -> Loop:
    """The call on objects; `comm` is a module or a communicator."""
    if kind == "allreduce":
        return Loop(lambda count: _allreduce(comm, obj, count), obj * n_node)
    if kind == "alltoall":
        return Loop(lambda count: _alltoall(comm, [obj] * n_node, count), [obj] * n_node)
    if kind == "barrier":
        return Loop(lambda count: _barrier(comm, count), None)
    given = obj if node_id == 0 else None
    if kind == "bcast":
        return Loop(lambda count: _bcast(comm, given, count), obj)
    return Loop(lambda count: _gather(comm, obj, count), [obj] * n_node if node_id == 0 else None)


def with_out(dc: Any, node_id: int, n_node: int, kind: str, array: Any) -> Loop:
    """distrcomp's call that puts an array into one that is there."""
    back = np.zeros_like(array)
    if kind == "allreduce":
        return Loop(lambda count: _allreduce_out(dc, array, back, count), array * n_node)
    if node_id == 0:
        return Loop(lambda count: _bcast(dc, array, count), array)
    return Loop(lambda count: _bcast_out(dc, back, count), array)


def upper_case(comm: Any, node_id: int, n_node: int, kind: str, array: Any) -> Loop:
    """mpi4py's call on buffers."""
    back = np.zeros_like(array)
    if kind == "allreduce":
        return Loop(lambda count: _allreduce_buffers(comm, array, back, count), array * n_node)
    if node_id == 0:
        back = array
    return Loop(lambda count: _bcast_buffers(comm, back, count), array)


def _allreduce(comm: Any, obj: Any, count: int) -> Any:
    got = None
    for _ in range(count):
        got = comm.allreduce(obj)
    return got


def _allreduce_out(dc: Any, array: Any, back: Any, count: int) -> Any:
    for _ in range(count):
        dc.allreduce(array, out=back)
    return back


def _allreduce_buffers(comm: Any, array: Any, back: Any, count: int) -> Any:
    for _ in range(count):
        comm.Allreduce(array, back)
    return back


def _alltoall(comm: Any, objs: list[Any], count: int) -> Any:
    got = None
    for _ in range(count):
        got = comm.alltoall(objs)
    return got


def _barrier(comm: Any, count: int) -> None:
    for _ in range(count):
        comm.barrier()


def _bcast(comm: Any, obj: Any, count: int) -> Any:
    got = None
    for _ in range(count):
        got = comm.bcast(obj, 0)
    return got


def _bcast_out(dc: Any, back: Any, count: int) -> Any:
    for _ in range(count):
        dc.bcast(None, 0, out=back)
    return back


def _bcast_buffers(comm: Any, back: Any, count: int) -> Any:
    for _ in range(count):
        comm.Bcast(back, 0)
    return back


def _gather(comm: Any, obj: Any, count: int) -> Any:
    got = None
    for _ in range(count):
        got = comm.gather(obj, 0)
    return got
