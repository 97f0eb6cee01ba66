"""Collectives on objects, through the face."""

from __future__ import annotations

import operator
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrcomp.mpi import MPI

from .simulated import on_nodes

few = settings(max_examples=15, deadline=None)


@few
@given(st.integers(1, 6), st.data())
def test_objects_move(n: int, data: st.DataObject) -> None:
    """Each collective gives what mpi4py's gives."""
    root = data.draw(st.integers(0, n - 1))

    def program(comm: Any) -> Any:
        rank = comm.rank
        is_root = rank == root
        comm.barrier()
        assert comm.bcast({"of": root} if is_root else None, root) == {"of": root}
        assert comm.scatter((str(i) for i in range(n)) if is_root else None, root) == str(rank)
        gathered = comm.gather(("mine", rank), root)
        assert gathered == ([("mine", i) for i in range(n)] if is_root else None)
        assert comm.allgather(rank) == list(range(n))
        assert comm.alltoall([(rank, i) for i in range(n)]) == [(i, rank) for i in range(n)]
        assert comm.alltoall(None) == [None] * n
        return True

    assert [True] * n == on_nodes(program, n)


@few
@given(st.integers(1, 6), st.data())
def test_objects_are_combined_in_order(n: int, data: st.DataObject) -> None:
    """Sums of strings follow the ranks, by MPI's operation, an own one, and a plain function."""
    root = data.draw(st.integers(0, n - 1))
    created = MPI.Op.Create(lambda a, b, _datatype: a + b)
    everyone = "".join(map(str, range(n)))

    def program(comm: Any) -> Any:
        mine = str(comm.rank)
        for op in (MPI.SUM, created, operator.add, lambda a, b: a + b):
            assert comm.reduce(mine, op, root) == (everyone if comm.rank == root else None)
            assert comm.allreduce(mine, op) == everyone
            assert comm.scan(mine, op) == everyone[: comm.rank + 1]
            assert comm.exscan(mine, op) == (everyone[: comm.rank] or None)
        assert comm.allreduce(mine, MPI.REPLACE) == everyone[-1]
        assert comm.allreduce(mine, MPI.NO_OP) == everyone[0]
        return comm.allreduce((comm.rank % 2, comm.rank), MPI.MAXLOC)

    expected = (1, 1) if n > 1 else (0, 0)
    assert [expected] * n == on_nodes(program, n)
    created.Free()


def test_unlike_contributions_are_combined_as_python_does() -> None:
    """A number here and an array there add up, however large the array."""

    def program(comm: Any) -> Any:
        mine = np.ones(9000) if comm.rank == 1 else comm.rank
        return comm.allreduce(mine).tolist()

    assert [[3.0] * 9000] * 3 == on_nodes(program, 3)


def test_wrong_calls() -> None:
    """A root that isn't there, sequences of another length, and what is no sequence."""
    comm = MPI.COMM_SELF
    for call in (comm.bcast, comm.gather, comm.scatter):
        for root in (-1, 1):
            with pytest.raises(MPI.Exception) as caught:
                call(None, root=root)
            assert caught.value.Get_error_class() == MPI.ERR_ROOT
    with pytest.raises(ValueError, match="expecting 1 items, got 2"):
        comm.alltoall([1, 2])
    with pytest.raises(ValueError, match="expecting 1 items, got 0"):
        comm.scatter([])
    with pytest.raises(TypeError):
        comm.alltoall(7)
    with pytest.raises(ValueError, match="OP_NULL"):
        comm.allreduce(1, MPI.OP_NULL)


@pytest.fixture
def loud_pickle() -> Iterator[list[str]]:
    """MPI.pickle with functions of the program's own, which note their calls."""
    calls: list[str] = []

    def dumps(obj: Any, protocol: int | None = None) -> bytes:
        calls.append("dumps")
        return pickle.dumps(obj, protocol)

    def loads(data: Any) -> Any:
        calls.append("loads")
        return pickle.loads(data)

    MPI.pickle.__init__(dumps, loads)
    yield calls
    MPI.pickle.__init__()


def test_a_pickle_of_the_programs_own_is_asked(loud_pickle: list[str]) -> None:
    """Objects travel as what it makes of them."""
    comm = MPI.COMM_SELF
    assert comm.allgather([1]) == [[1]]
    assert comm.gather([2]) == [[2]]
    assert comm.scatter([[3]]) == [3]
    assert comm.alltoall([[4]]) == [[4]]
    assert comm.bcast([5]) == [5]
    assert ["dumps", "loads"] * 4 == loud_pickle[:8]
