"""distrcomp.testing.places: where a thread stands."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from distrcomp.testing.places import place


@pytest.fixture
def waiting() -> Iterator[int]:
    """A thread that stands in this file, and in no call of distrcomp."""
    arrived, leave = threading.Event(), threading.Event()

    def program() -> int:
        arrived.set()
        leave.wait()
        return 0

    with ThreadPoolExecutor(1) as threads:
        threads.submit(program)
        arrived.wait()
        yield threading.enumerate()[-1].ident or 0
        leave.set()


def test_in_no_call(waiting: int) -> None:
    """It computes: no call, and the innermost line."""
    call, where = place(waiting, "starter")
    assert ("", True) == (call, where.startswith("at "))


@pytest.mark.parametrize("thread", [None, 1])
def test_thread_that_is_gone(thread: int | None) -> None:
    """It stands nowhere."""
    assert ("", "outside its program") == place(thread, "starter")
