"""The lock of a window: who gets it, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.mpi.window_locks import Held, LockQueue


def test_readers_share() -> None:
    """Shared locks are granted beside each other."""
    queue = LockQueue()
    assert [queue.ask(origin, Held.SHARED) for origin in (1, 2)] == [[1], [2]]


def test_a_writer_is_alone() -> None:
    """An exclusive lock waits for all others, and all others for it."""
    queue = LockQueue()
    queue.ask(1, Held.SHARED)
    queue.ask(2, Held.SHARED)
    assert queue.ask(3, Held.EXCLUSIVE) == []
    assert queue.release(1) == []
    assert queue.release(2) == [3]
    assert queue.ask(4, Held.EXCLUSIVE) == []
    assert queue.release(3) == [4]


def test_nobody_overtakes() -> None:
    """A shared lock that is asked for behind an exclusive one waits for its turn."""
    queue = LockQueue()
    queue.ask(1, Held.SHARED)
    queue.ask(2, Held.EXCLUSIVE)
    assert queue.ask(3, Held.SHARED) == []
    assert queue.ask(4, Held.SHARED) == []
    assert queue.release(1) == [2]
    assert queue.release(2) == [3, 4]


def test_wrong_requests_are_errors() -> None:
    """Who has it or waits for it can't ask again; who hasn't can't let go."""
    queue = LockQueue()
    queue.ask(1, Held.EXCLUSIVE)
    queue.ask(2, Held.SHARED)
    for origin in (1, 2):
        with pytest.raises(ValueError, match="already"):
            queue.ask(origin, Held.SHARED)
    with pytest.raises(ValueError, match="does not hold"):
        queue.release(2)


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([Held.SHARED, Held.EXCLUSIVE]))))
def test_a_writer_is_never_beside_another(steps: list[tuple[int, Held]]) -> None:
    """Whatever is asked and let go: no exclusive holder has company, and all get it in the end."""
    queue = LockQueue()
    wanted: dict[int, Held] = {}
    for origin, kind in steps:
        if origin in queue.holders:
            queue.release(origin)
            del wanted[origin]
        elif origin not in wanted:
            wanted[origin] = kind
            queue.ask(origin, kind)
        exclusive = [one for one in queue.holders if wanted[one] is Held.EXCLUSIVE]
        assert not exclusive or queue.holders == set(exclusive[:1])
    while queue.holders:
        queue.release(min(queue.holders))
    assert not queue.waiting
    assert queue.held is Held.FREE
