"""Pickles of the program's own, and what is kept out of band."""

from __future__ import annotations

import json
import marshal
import pickle
from typing import Any

import numpy as np
import pytest

from distrcomp.mpi import MPI

OBJECTS = [None, True, 1 << 70, 1.5, "text", (1, [2, {"a": 3}])]


@pytest.mark.parametrize("protocol", [None, -1, 0, 1, 2, 3, 4, 5])
def test_every_protocol(protocol: int | None) -> None:
    """An object comes out as it went in; only the highest protocol changes nothing."""
    own = MPI.Pickle(protocol=protocol)
    assert own.loads(own.dumps(OBJECTS)) == OBJECTS
    assert own.is_changed == (protocol not in (None, 5))


def test_functions_of_the_program() -> None:
    """They get the protocol only if there is one."""
    plain = MPI.Pickle(lambda o: json.dumps(o).encode(), lambda data: json.loads(bytes(data)))
    assert plain.dumps([1]) == b"[1]"
    assert plain.loads(memoryview(b"[1]")) == [1]
    assert MPI.Pickle(marshal.dumps, marshal.loads, 4).dumps(1) == marshal.dumps(1, 4)
    assert MPI.Pickle(pickle.dumps, pickle.loads).is_changed


def test_it_is_made_anew_by_init() -> None:
    """`MPI.pickle.__init__()` is how mpi4py's users go back to the default."""
    own = MPI.Pickle(marshal.dumps, marshal.loads)
    own.__init__()  # type: ignore[misc]
    assert not own.is_changed
    assert own.PROTOCOL == pickle.HIGHEST_PROTOCOL


def test_functions_can_be_put_in_their_place() -> None:
    """As programs for older versions of mpi4py do."""
    own = MPI.Pickle()
    own.dumps = marshal.dumps  # type: ignore[method-assign,assignment]
    assert own.is_changed
    own.loads = marshal.loads  # type: ignore[method-assign]
    assert own.loads(own.dumps([1])) == [1]
    assert own.dumps(1) == marshal.dumps(1)


def test_large_buffers_are_kept_apart() -> None:
    """What is as large as the threshold is not copied; the rest stays in the stream."""
    large, small = np.arange(1000.0), np.arange(10.0)
    own = MPI.Pickle(threshold=large.nbytes)
    data, buffers = own.dumps_oob([large, small])
    assert [buffer.nbytes for buffer in buffers] == [large.nbytes]
    assert buffers[0].address == large.ctypes.data
    found = own.loads_oob(data, buffers)
    assert np.array_equal(found[0], large)
    assert np.array_equal(found[1], small)


def test_functions_of_the_program_keep_nothing_apart() -> None:
    """Their bytes are all there is."""
    own = MPI.Pickle(marshal.dumps, marshal.loads)
    data, buffers = own.dumps_oob([1])
    assert buffers == []
    assert own.loads_oob(data, buffers) == [1]


def test_what_is_in_no_module_pickles() -> None:
    """A lambda and a large array beside it."""
    array = np.arange(1000.0)
    own = MPI.Pickle(threshold=1)
    data, buffers = own.dumps_oob((lambda x: x + 1, array))
    function, found = own.loads_oob(data, buffers)
    assert function(1) == 2
    assert np.array_equal(found, array)
    assert len(buffers) == 1


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Figures in the environment, under mpi4py's names."""
    monkeypatch.setenv("MPI4PY_PICKLE_PROTOCOL", "4")
    monkeypatch.setenv("MPI4PY_PICKLE_THRESHOLD", "77")


def test_the_environment_gives_the_figures(environment: None) -> None:
    """As in mpi4py."""
    own = MPI.Pickle()
    assert (own.PROTOCOL, own.THRESHOLD) == (4, 77)
