"""distrcomp.collective_requests: what becomes of `out` when a collective that was begun fails."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from distrcomp import limits
from distrcomp.errors import CollectiveMismatch, NodeLost, RecvTimeout
from distrcomp.requests import Request
from tests.distrcomp.kit import TIMEOUT_S, Nodes, nodes
from tests.leaks import wait_until


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    """Three linked nodes; who waits tells the others where it is as soon as it looks."""
    monkeypatch.setattr(limits, "COLLECTIVE_TELL_AFTER_S", 0.0)
    with nodes(3) as made:
        yield made


def test_nothing_is_written_after_a_mismatch(three: Nodes) -> None:
    """What the root sends to one that has given up stays unread, and `out` as it is."""
    one, root, elsewhere = three.worlds
    out = np.zeros(3)
    request = one.ibcast(None, root=1, out=out)
    barrier = three.start(elsewhere.barrier)
    with pytest.raises(CollectiveMismatch):
        request.wait()
    tag = request._tag  # type: ignore[attr-defined]
    root.ibcast(np.ones(3), root=1)

    def has_come() -> bool:
        one.iprobe(0)
        return (1, tag) in one._engine.unread(one._all._number)

    wait_until(has_come, TIMEOUT_S, "the root's message")
    assert [0, 0, 0] == out.tolist()
    with pytest.raises(CollectiveMismatch):
        request.wait()
    assert isinstance(barrier.exception(), CollectiveMismatch)


def test_its_error_is_the_same_each_time(three: Nodes) -> None:
    """Whichever call has found out that a node is lost, `wait` raises that from then on."""
    one = three.worlds[0]
    request = one.ibcast(None, root=1, out=np.zeros(3))
    three.break_off(1, "it has failed")
    with pytest.raises(NodeLost):
        Request.wait_any([request])
    for _ in range(2):
        with pytest.raises(NodeLost):
            request.wait()


def test_it_goes_on_after_a_timeout(three: Nodes) -> None:
    """A time that is over takes nothing back, nor does a block that an exception ends."""
    one, root, other = three.worlds
    out = np.zeros(3)
    request = one.ibcast(None, root=1, out=out)
    with pytest.raises(RecvTimeout):
        request.wait(timeout=0.0)
    with pytest.raises(KeyError), request:
        raise KeyError
    root.ibcast(np.ones(3), root=1)
    other.ibcast(None, root=1)
    request.wait()
    assert [1, 1, 1] == out.tolist()
