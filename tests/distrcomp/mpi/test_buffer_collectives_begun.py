"""Collectives on memory that are begun: the same results, when their requests are done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrcomp.mpi import MPI

from .simulated import on_nodes, result_of


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 5), st.sampled_from([1, 5000]), st.integers(0, 99))
def test_many_at_once(n: int, size: int, seed: int) -> None:
    """Collectives of several kinds under way at once don't get in each other's way."""

    def program(comm: Any) -> Any:
        rank = comm.rank
        mine = np.arange(size, dtype=np.int64) + rank
        rooms = [np.full((n, size), -1, np.int64) for _ in range(6)]
        rooms[0][0] = mine
        requests = [
            comm.Ibcast(rooms[0][0]),
            comm.Iallgather(mine, rooms[1]),
            comm.Iallreduce(mine, rooms[2][0]),
            comm.Igather(mine, rooms[3] if rank == 0 else None),
            comm.Ialltoall(np.tile(mine, n), rooms[4]),
            comm.Iscan(mine, rooms[5][0]),
            comm.Ibarrier(),
        ]
        for request in reversed(requests):
            result_of(request)
        return [room[:, 0].tolist() for room in rooms]

    everyone, total, gap = list(range(n)), sum(range(n)), [-1] * (n - 1)
    expected = [
        [
            [0, *gap],
            everyone,
            [total, *gap],
            everyone if rank == 0 else [-1, *gap],
            everyone,
            [sum(range(rank + 1)), *gap],
        ]
        for rank in range(n)
    ]
    assert expected == on_nodes(program, n, seed)


@pytest.mark.processes
@pytest.mark.nodes(3)
def test_waiting_in_any_way() -> None:
    """Wait, Test and Waitall finish them on real nodes, and requests are null then."""
    comm = MPI.COMM_WORLD
    memories = [np.zeros(2) for _ in range(3)]
    begin = [comm.Iallreduce(np.full(2, float(i)), memory) for i, memory in enumerate(memories)]
    while not begin[0].Test():
        pass
    begin[1].Wait()
    MPI.Request.Waitall(begin)
    assert [MPI.REQUEST_NULL] * 3 == begin
    assert [[3.0 * i] * 2 for i in range(3)] == [memory.tolist() for memory in memories]


@pytest.mark.processes
@pytest.mark.nodes(3)
def test_they_go_on_in_other_calls() -> None:
    """A node that waits for something else forwards what its collective has to forward."""
    comm = MPI.COMM_WORLD
    memory = np.array([comm.rank + 7])
    request = comm.Ibcast(memory)
    if comm.rank == 2:
        request.Wait()
        comm.send(memory[0], 1)
        comm.send(memory[0], 0)
    else:
        assert comm.recv(source=2) == 7
        request.Wait()
    assert [7] == memory.tolist()
