"""Communicators made out of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from distrcomp.mpi import MPI

WORLD = MPI.COMM_WORLD


def error_class(call: object, *arguments: object) -> int:
    """The class of the error that a call raises."""
    with pytest.raises(MPI.Exception) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.Get_error_class()


def test_duplicates() -> None:
    """They have the same nodes, a message space, attributes and hints of their own, and no name."""
    key = MPI.Comm.Create_keyval(copy_fn=lambda _comm, _key, value: value + 1)
    comm = MPI.COMM_SELF.Dup()
    comm.Set_attr(key, 1)
    comm.name = "mine"
    info = MPI.Info.Create({"a": "b"})
    makers: list[Callable[[], Any]] = [
        comm.Dup,
        comm.Clone,
        lambda: comm.Dup_with_info(info),
        lambda: comm.Idup(info)[0],
        lambda: comm.Idup_with_info(info)[0],
    ]
    for make in makers:
        copy = make()
        assert MPI.CONGRUENT == MPI.Comm.Compare(comm, copy)
        assert (2, "") == (copy.Get_attr(key), copy.name)
        assert copy.Get_info().get("a") in (None, "b")
        comm.send("x", 0)
        assert not copy.iprobe()
        assert "x" == comm.recv()
        copy.Free()
        assert copy == MPI.COMM_NULL
    comm.Free()
    MPI.Comm.Free_keyval(key)


def test_subclasses() -> None:
    """A duplicate is of the class of its original."""

    class Mine(MPI.Intracomm):  # type: ignore[misc]
        pass

    mine = Mine(MPI.COMM_SELF)
    copy = mine.Dup()
    assert type(copy) is Mine
    copy.Free()


def test_alone() -> None:
    """On one node every part is that node, or nothing."""
    comm = MPI.COMM_SELF
    for part in (
        comm.Split(3, 5),
        comm.Split(-3),
        comm.Split_type(MPI.COMM_TYPE_SHARED),
        comm.Create(comm.group),
        comm.Create_group(comm.group),
        MPI.Intracomm.Create_from_group(comm.group, "tag"),
    ):
        assert MPI.CONGRUENT == MPI.Comm.Compare(comm, part)
        assert isinstance(part, MPI.Intracomm)
        part.Free()
    for nothing in (
        comm.Split(MPI.UNDEFINED),
        comm.Split_type(MPI.UNDEFINED),
        comm.Split_type(MPI.COMM_TYPE_HW_GUIDED),
        comm.Split_type(MPI.COMM_TYPE_HW_UNGUIDED),
        comm.Create(MPI.GROUP_EMPTY),
        comm.Create_group(MPI.GROUP_EMPTY),
        MPI.Intracomm.Create_from_group(MPI.GROUP_EMPTY),
    ):
        assert nothing == MPI.COMM_NULL
    info = MPI.Info.Create({"mpi_hw_resource_type": "mpi_shared_memory"})
    guided = comm.Split_type(MPI.COMM_TYPE_RESOURCE_GUIDED, info=info)
    assert 1 == guided.size
    guided.Free()


def test_wrong_use() -> None:
    """What was there from the start can't be freed; types and groups must be some."""
    assert MPI.ERR_COMM == error_class(WORLD.Free)
    assert MPI.ERR_COMM == error_class(WORLD.Disconnect)
    assert MPI.ERR_COMM == error_class(MPI.COMM_NULL.Dup)
    assert MPI.ERR_COMM == error_class(MPI.COMM_NULL.Free)
    assert MPI.ERR_ARG == error_class(MPI.COMM_SELF.Split_type, 12345)
    assert MPI.ERR_GROUP == error_class(MPI.COMM_SELF.Create, MPI.GROUP_NULL)


@pytest.mark.processes
@pytest.mark.nodes(3)
def test_parts_of_three() -> None:
    """Colors, keys and groups say who is where; only members call Create_group."""
    rank = WORLD.rank
    backwards = WORLD.Split(0, -rank)
    assert 2 - rank == backwards.rank
    assert MPI.SIMILAR == MPI.Comm.Compare(WORLD, backwards)
    pair = WORLD.Split(0 if rank < 2 else MPI.UNDEFINED)
    assert (pair == MPI.COMM_NULL) == (rank == 2)
    outer = WORLD.group.Incl([2, 0])
    made = WORLD.Create(outer)
    if rank != 1:
        by_group = WORLD.Create_group(outer, 4)
        by_name = MPI.Intracomm.Create_from_group(outer)
        for comm in (made, by_group, by_name):
            assert {0: 1, 2: 0}[rank] == comm.rank
            assert {0: "from 2", 2: "from 0"}[rank] == comm.sendrecv(
                f"from {rank}", 1 - comm.rank, source=1 - comm.rank
            )
            comm.Disconnect()
    else:
        assert made == MPI.COMM_NULL
    machine = WORLD.Split_type(MPI.COMM_TYPE_SHARED)
    assert MPI.CONGRUENT == MPI.Comm.Compare(WORLD, machine)
    for comm in filter(None, (backwards, pair, machine)):
        comm.Free()
