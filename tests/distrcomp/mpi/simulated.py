"""Simulated nodes with the face's COMM_WORLD: many counts of nodes, no process.

What waits for a request by the face waits in the world of the test's own process, so requests are
waited for by `result_of`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from distrcomp.mpi import MPI
from distrcomp.mpi.comm_base import CommState
from distrcomp.testing import run


def on_nodes(program: Callable[[Any], Any], n: int, seed: int = 0) -> list[Any]:
    """What `program(comm)` returns on each of n simulated nodes."""
    return run(lambda world: program(MPI.Intracomm._wrap(CommState(lambda: world))), n, seed=seed)


def result_of(request: Any) -> Any:
    """Waits for a request of a collective."""
    result = request._state.result()
    request._state.end()
    return result
