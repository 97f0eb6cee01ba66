"""Collectives on memory that are started many times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrcomp.mpi import MPI

from .simulated import on_nodes, result_of


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 5))
def test_the_memory_is_read_at_each_start(n: int) -> None:
    """Each start sends what the memory holds then."""

    def program(comm: Any) -> Any:
        mine, total, whole = np.zeros(3), np.zeros(3), np.zeros((n, 3))
        requests = [comm.Allreduce_init(mine, total), comm.Allgather_init(mine, whole)]
        found = []
        for turn in range(3):
            mine[:] = comm.rank * turn
            MPI.Prequest.Startall(requests)
            for request in requests:
                result_of(request)
            found.append([total[0], whole[-1, 0]])
        return found

    expected = [[sum(range(n)) * turn, (n - 1) * turn] for turn in range(3)]
    assert [expected] * n == on_nodes(program, n)


@pytest.mark.processes
@pytest.mark.nodes(2)
def test_start_and_wait() -> None:
    """On real nodes a request goes on being one after it was waited for, until it is freed."""
    comm = MPI.COMM_WORLD
    memory = np.array([0])
    request = comm.Bcast_init(memory, 1)
    for turn in range(3):
        memory[0] = turn if comm.rank == 1 else -1
        request.Start()
        request.Wait()
        assert memory[0] == turn
    assert request != MPI.REQUEST_NULL
    request.Free()
    assert request == MPI.REQUEST_NULL


def test_wrong_arguments_are_told_at_once() -> None:
    """What is no buffer is an error before anything is started."""
    with pytest.raises(TypeError):
        MPI.COMM_SELF.Bcast_init(object())
