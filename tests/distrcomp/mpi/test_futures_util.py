"""distrcomp.mpi.futures_util: futures made of others."""

from __future__ import annotations

from concurrent.futures import Future, wait
from typing import Any

import pytest

from distrcomp.mpi.futures_util import collect, compose


def some(count: int) -> list[Future[Any]]:
    return [Future() for _ in range(count)]


def test_collect_of_nothing() -> None:
    """It is done at once."""
    assert collect([]).result(0) == []


def test_collect_keeps_the_order() -> None:
    """The results stand as the futures do, in whatever order they end."""
    parts = some(3)
    whole = collect(parts)
    for place in (2, 0, 1):
        assert not whole.done()
        parts[place].set_result(place)
    assert whole.result(0) == [0, 1, 2]


def test_collect_fails_with_the_first() -> None:
    """One failure is the whole's, and what has not begun is cancelled."""
    parts = some(3)
    whole = collect(parts)
    parts[0].set_running_or_notify_cancel()
    parts[1].set_exception(KeyError("k"))
    assert isinstance(whole.exception(0), KeyError)
    assert [False, False, True] == [part.cancelled() for part in parts]
    parts[0].set_result(1)
    assert isinstance(whole.exception(0), KeyError)


def test_collect_and_cancel() -> None:
    """Cancelling one cancels the whole, and cancelling the whole all."""
    parts = some(2)
    whole = collect(parts)
    parts[0].cancel()
    assert whole.cancelled()
    assert parts[1].cancelled()
    parts = some(2)
    collect(parts).cancel()
    assert all(part.cancelled() for part in parts)


def test_cancellation_ends_waiting() -> None:
    """Whoever waits for a future made of others goes on when one of them is cancelled."""
    parts = some(2)
    whole = collect(parts)
    composed = compose(whole)
    parts[1].cancel()
    done, waiting = wait([whole, composed], 30)
    assert ({whole, composed}, set()) == (done, waiting)


def test_compose_passes_on() -> None:
    """Without handlers it ends as the other does."""
    future: Future[Any] = Future()
    composed = compose(future)
    future.set_result(1)
    assert composed.result(0) == 1
    future = Future()
    composed = compose(future)
    error = ValueError("v")
    future.set_exception(error)
    assert composed.exception(0) is error


def test_compose_with_handlers() -> None:
    """What the handlers give becomes the result, or the error if it is one."""
    good: Future[Any] = Future()
    bad: Future[Any] = Future()
    doubled = compose(good, lambda result: 2 * result)
    saved = compose(bad, excepthook=lambda error: str(error))
    renamed = compose(bad, excepthook=lambda error: KeyError(str(error)))
    good.set_result(4)
    bad.set_exception(ValueError("v"))
    assert (8, "v") == (doubled.result(0), saved.result(0))
    with pytest.raises(KeyError):
        renamed.result(0)


def test_compose_with_failing_handler() -> None:
    """A handler that raises fails the new future."""
    future: Future[Any] = Future()
    composed = compose(future, lambda result: result / 0)
    future.set_result(1)
    assert isinstance(composed.exception(0), ZeroDivisionError)


def test_compose_and_cancel() -> None:
    """Each of the two cancels the other."""
    future: Future[Any] = Future()
    composed = compose(future)
    composed.cancel()
    assert future.cancelled()
    future = Future()
    composed = compose(future)
    future.cancel()
    assert composed.cancelled()
