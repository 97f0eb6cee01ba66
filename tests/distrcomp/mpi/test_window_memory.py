"""Shared memory of a window: where the parts lie, and what is not taken for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distrcomp.mpi import MPI, window_memory


class Pair:
    """Two nodes of one process, each in a thread of its own; what node 0 offers can be changed."""

    def __init__(self, change: Callable[[Any], Any] = lambda offer: offer) -> None:
        self.n_node = 2
        self._change = change
        self._barrier = threading.Barrier(2, timeout=30)
        self._told: list[Any] = [None, None]

    def exchange(self, node: int, value: Any) -> list[Any]:
        self._told[node] = value
        self._barrier.wait()
        told = list(self._told)
        self._barrier.wait()
        return told

    def run(self, nbytes: int) -> list[Any]:
        """What `share` returns or raises on each node."""
        results: list[Any] = [None, None]

        def share(node: int) -> None:
            try:
                results[node] = window_memory.share(Node(self, node), nbytes)  # type: ignore[arg-type]
            except MPI.Exception as error:
                results[node] = error

        threads = [threading.Thread(target=share, args=(node,)) for node in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    def change(self, offer: Any) -> Any:
        return self._change(offer)


class Node:
    """What `share` needs of a communicator."""

    def __init__(self, pair: Pair, node: int) -> None:
        self.n_node = pair.n_node
        self.node_id = node
        self._pair = pair

    def bcast(self, value: Any) -> Any:
        offer = self._pair.exchange(self.node_id, value)[0]
        return offer if self.node_id == 0 else self._pair.change(offer)

    def allgather(self, value: Any) -> list[Any]:
        return self._pair.exchange(self.node_id, value)


def descriptors() -> list[str]:
    """What this process has open."""
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def test_both_have_the_same_memory() -> None:
    """What one writes the other reads; when nobody has it any more no descriptor is left."""
    before = descriptors()
    one, other = Pair().run(5000)
    assert (one.nbytes, other.nbytes) == (5000, 5000)
    one[4999] = 7
    assert other[4999] == 7
    assert not any(other[:4999])
    del one, other
    assert descriptors() == before


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"machine": "another"}, "another machine"),
        ({"process": 2**22 + 1}, "may not open"),
        ({"inode": 1}, "not the memory of node 0"),
        ({"token": b"?" * 16}, "not the memory of node 0"),
        ({"process": 0, "why": "no memory here"}, "no memory here"),
    ],
)
def test_refused_by_all(changes: dict[str, Any], why: str) -> None:
    """If one node can't have what it should, all of them get the error that says so."""
    results = Pair(lambda offer: offer._replace(**changes)).run(10)
    for error in results:
        assert isinstance(error, MPI.Exception)
        assert error.Get_error_class() == MPI.ERR_RMA_SHARED
        assert "node 1" in str(error)
        assert why in str(error)


def test_alone() -> None:
    """One node has memory of its own, of no bytes too."""

    class Alone:
        n_node = 1

    for nbytes in (0, 10):
        memory = window_memory.share(Alone(), nbytes)  # type: ignore[arg-type]
        assert bytes(memory) == bytes(nbytes)


def test_more_than_there_is() -> None:
    """All nodes hear that node 0 can't have it itself, and so does one that is alone."""

    class Alone:
        n_node = 1

    for error in Pair().run(2**60):
        assert isinstance(error, MPI.Exception)
        assert error.Get_error_class() == MPI.ERR_RMA_SHARED
    with pytest.raises(MPI.Exception) as caught:
        window_memory.share(Alone(), 2**60)  # type: ignore[arg-type]
    assert caught.value.Get_error_class() == MPI.ERR_RMA_SHARED
