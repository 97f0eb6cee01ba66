"""All nodes of the run measure collective calls: node 0 says which and how often, all of them time.

What a block of calls took is what it took the slowest node. In calls that have a root every node is
it in turn: else a root that only sends would run ahead of the others, and its time be that of
filling buffers.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

import distrcomp as dc

from ..limits import KIB, MIB
from .timing import in_turn

_SIZES = (KIB, 64 * KIB, MIB, 16 * MIB)
_ROOT = 0
_INT = 7
_CALLS: dict[str, Callable[[Any, int], object]] = {
    "bcast": lambda message, root: dc.bcast(message, root),
    "gather": lambda message, root: dc.gather(message, root),
    "allgather": lambda message, _: dc.allgather(message),
    "alltoall": lambda message, _: dc.alltoall([message] * dc.n_node),
    "allreduce": lambda message, _: dc.allreduce(message),
}


class Work(NamedTuple):
    """One figure of the table.

    Attributes:
        name: of the call.
        message: what each node gives; empty for an array.
        payload_bytes: how long that is, pickled where it is no array.
        call: makes one call, with the message and the root.
        make: makes the message.
    """

    name: str
    message: str
    payload_bytes: int
    call: Callable[[Any, int], object]
    make: Callable[[], Any]


def works(bytes_max: int) -> list[Work]:
    """All that is measured, with arrays up to `bytes_max`; the same on every node.

    Example:
        >>> [(work.name, work.payload_bytes) for work in works(1024)][:3]
        [('barrier', 0), ('bcast', 5), ('bcast', 1024)]
    """
    found = [Work("barrier", "nothing", 0, lambda *_: dc.barrier(), lambda: None)]
    for name, call in _CALLS.items():
        found.append(Work(name, "int", len(pickle.dumps(_INT, protocol=5)), call, lambda: _INT))
        found.extend(
            Work(name, "", size, call, partial(np.ones, size // 8))
            for size in _SIZES
            if size <= bytes_max
        )
    return found


def measure(bytes_max: int, seconds: float) -> list[dict[str, Any]]:
    """What every node calls at the same time.

    Args:
        bytes_max: the longest array.
        seconds: about how long the figures of one call, of every size, may take.

    Returns:
        On node 0 what is told of each figure, made of strings and numbers; elsewhere nothing.
    """
    todo = works(bytes_max)
    if dc.node_id != _ROOT:
        while (order := dc.bcast(None, _ROOT)) is not None:
            index, rounds = order
            _block(todo[index], rounds)
        return []
    rows = []
    for index, work in enumerate(todo):
        _say(work)
        [samples] = in_turn([partial(_lead, work, index)], seconds / (1 + len(_SIZES)))
        rows.append(_row(work, samples))
    dc.bcast(None, _ROOT)
    return rows


def _lead(work: Work, index: int, rounds: int) -> float:
    dc.bcast((index, rounds), _ROOT)
    return _block(work, rounds)


def _block(work: Work, rounds: int) -> float:
    """So many calls; the seconds that they took the slowest node, known to all."""
    call, message, n_node = work.call, work.make(), dc.n_node
    dc.barrier()
    begun = perf_counter()
    for number in range(rounds):
        call(message, number % n_node)
    slowest: float = dc.allreduce(perf_counter() - begun, max)
    return slowest


def _row(work: Work, samples: list[float]) -> dict[str, Any]:
    return {
        "name": work.name,
        "message": work.message,
        "bytes": work.payload_bytes,
        "seconds": median(samples),
        "seconds_low": min(samples),
        "seconds_high": max(samples),
    }


def _say(work: Work) -> None:
    """On stderr: the launcher shows the last line while the run goes."""
    what = work.message or f"arrays of {work.payload_bytes:,} bytes"
    print(f"{work.name}: {what}", file=sys.stderr, flush=True)  # noqa: T201  it is a program
