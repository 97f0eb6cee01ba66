"""Nodes in different calls that all must make: an MPI.Exception, as MPI's errors are.

That goes for what is collective inside a call: in windows, files and the making of communicators.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from distrcomp.mpi import MPI

pytestmark = pytest.mark.processes

WORLD = MPI.COMM_WORLD
EIGHT = numpy.zeros(8)
MODE = MPI.MODE_RDWR | MPI.MODE_CREATE | MPI.MODE_DELETE_ON_CLOSE


def mismatch(comm: Any, call: Callable[[], object]) -> None:
    """Node 0 makes a call that the other is not in; both are told, node 0 with this file."""
    with pytest.raises(MPI.Exception, match="is in") as caught:
        call() if comm.rank == 0 else comm.bcast(1, 1 - comm.rank)
    assert caught.value.Get_error_class() == MPI.ERR_OTHER
    assert "test_mismatch.py:" in str(caught.value)


CALLS: list[Callable[[Any], object]] = [
    lambda comm: MPI.Win.Allocate(8, comm=comm),
    lambda comm: MPI.Win.Create(EIGHT, comm=comm),
    lambda comm: MPI.Win.Create_dynamic(comm=comm),
    lambda comm: MPI.Win.Allocate_shared(8, comm=comm),
    lambda comm: MPI.File.Open(comm, "/no/such/file"),
    lambda comm: comm.Disconnect(),
    lambda comm: comm.Shrink(),
    lambda comm: comm.Split(),
    lambda comm: comm.Sub([True]),
    lambda comm: comm.Reduce_scatter(EIGHT, numpy.zeros(4)),
]


@pytest.mark.nodes(2)
def test_calls_on_a_communicator() -> None:
    """Those that make something of it, or that gather before they begin."""
    for call in CALLS:
        comm = WORLD.Create_cart([2])
        mismatch(comm, lambda call=call, comm=comm: call(comm))  # type: ignore[misc]


@pytest.mark.nodes(2)
def test_calls_of_a_window() -> None:
    """Its handler is asked, too."""
    for call in ("Free", "Fence"):
        win = MPI.Win.Allocate(8, comm=WORLD)
        codes: list[int] = []
        win.Set_errhandler(MPI.Win.Create_errhandler(lambda _, code, to=codes: to.append(code)))
        comm = MPI.Intracomm._wrap(WORLD._state)
        comm.__dict__["_core"] = win._state.core
        mismatch(comm, getattr(win, call))
        assert codes == ([MPI.ERR_OTHER] if WORLD.rank == 0 else [])


@pytest.mark.nodes(2)
def test_calls_of_a_file(tmp_path: Path) -> None:
    """Other sizes are refused by all; then one changes its size and the other closes it."""
    name = WORLD.bcast(str(tmp_path / "file"))
    file = MPI.File.Open(WORLD, name, MODE)
    with pytest.raises(MPI.Exception) as caught:
        file.Set_size(-1 if WORLD.rank == 0 else 8)
    assert caught.value.Get_error_class() == MPI.ERR_NOT_SAME
    with pytest.raises(MPI.Exception, match="is in barrier") as caught:
        file.Set_size(8) if WORLD.rank == 0 else file.Close()
    assert caught.value.Get_error_class() == MPI.ERR_OTHER
