"""distrcomp.mpi.futures_aplus: chains of futures."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from distrcomp.mpi.futures_aplus import ThenableFuture, catch, then


def test_a_chain_of_results() -> None:
    """Each link gets what the one before gave."""
    first = ThenableFuture()
    last = first.then(lambda x: x + 1).then(lambda x: x * 2)  # type: ignore[attr-defined]
    assert isinstance(last, ThenableFuture)
    first.set_result(3)
    assert last.result(0) == 8


def test_a_future_is_waited_for() -> None:
    """A handler may give a future, and that one another."""
    first, second, third = Future[Any](), Future[Any](), Future[Any]()
    last = then(first, lambda _: second)
    first.set_result(None)
    assert not last.done()
    second.set_result(third)
    assert not last.done()
    third.set_result("end")
    assert last.result(0) == "end"


def test_failures_pass_handlers_of_success() -> None:
    """They reach the first handler of failures, which may save the chain or rename them."""
    first = Future[Any]()
    passed = then(first, lambda x: x)
    saved = catch(passed, lambda error: f"saved {error}")
    renamed = then(passed, None, lambda error: KeyError(str(error)))
    first.set_exception(ValueError("v"))
    assert "saved v" == saved.result(0)
    with pytest.raises(KeyError):
        renamed.result(0)
    assert isinstance(passed.exception(0), ValueError)


def test_catch_without_handler() -> None:
    """A failure is passed over and ends in None."""
    first = Future[Any]()
    caught = catch(first)
    first.set_exception(ValueError("v"))
    assert caught.result(0) is None


@pytest.mark.parametrize("which", ["success", "failure"])
def test_failing_handlers(which: str) -> None:
    """What a handler raises is the failure of what follows."""
    first = Future[Any]()

    def fail(_: object) -> None:
        raise KeyError(which)

    chained = then(first, fail, fail)
    if which == "success":
        first.set_result(1)
    else:
        first.set_exception(ValueError("v"))
    assert isinstance(chained.exception(0), KeyError)


def test_a_failing_future_in_the_chain() -> None:
    """A future that a handler gives fails the chain if it fails."""
    first, second = Future[Any](), Future[Any]()
    chained = then(first, lambda _: second)
    first.set_result(None)
    second.set_exception(ValueError("v"))
    assert isinstance(chained.exception(0), ValueError)


def test_cycles() -> None:
    """A future that waits for itself in the end fails instead of waiting for ever."""
    first, second = Future[Any](), Future[Any]()
    chained = then(first, lambda _: chained)
    first.set_result(None)
    with pytest.raises(RuntimeError, match="chain cycle detected"):
        chained.result(0)
    other = then(second, lambda _: second)
    second.set_result(second)
    with pytest.raises(RuntimeError, match="chain cycle detected"):
        other.result(0)


def test_cancellation() -> None:
    """It goes down the chain and not up."""
    first = Future[Any]()
    chained = then(first)
    first.cancel()
    assert chained.cancelled()
    first = Future[Any]()
    chained = then(first)
    chained.cancel()
    first.set_result(1)
    assert (1, True) == (first.result(0), chained.cancelled())
