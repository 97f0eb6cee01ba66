"""Chains of futures, after Promises/A+ (https://promisesaplus.com)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

OnSuccess = Callable[[Any], Any] | None
OnFailure = Callable[[BaseException], Any] | None


class ThenableFuture(Future[Any]):
    """A future with `then` and `catch`."""

    def then(self, on_success: OnSuccess = None, on_failure: OnFailure = None) -> Future[Any]:
        """The same as `then(self, on_success, on_failure)`."""
        return then(self, on_success, on_failure)

    def catch(self, on_failure: OnFailure = None) -> Future[Any]:
        """The same as `catch(self, on_failure)`."""
        return catch(self, on_failure)


def then(
    future: Future[Any], on_success: OnSuccess = None, on_failure: OnFailure = None
) -> Future[Any]:
    """A future that goes on where `future` ends.

    Args:
        future: what to wait for.
        on_success: called with the result. A future that it returns is waited for in turn;
            anything else is the new future's result. Without it the result is passed on.
        on_failure: called with the exception. A future that it returns is waited for in turn; an
            exception becomes the new future's; anything else its result. Without it the exception
            is passed on.

    A future that waits for itself in the end fails with RuntimeError.
    """
    chained: Future[Any] = type(future)()
    future.add_done_callback(partial(_go_on, chained, on_success, on_failure))
    return chained


def catch(future: Future[Any], on_failure: OnFailure = None) -> Future[Any]:
    """The same as `then(future, None, on_failure)`; without a handler a failure ends in None."""
    return then(future, None, (lambda _: None) if on_failure is None else on_failure)


def _go_on(
    chained: Future[Any], on_success: OnSuccess, on_failure: OnFailure, future: Future[Any]
) -> None:
    """`future` is done: its handler's turn, and then that of `chained`."""
    if future.cancelled():
        chained.cancel()
    if not chained.set_running_or_notify_cancel():
        return
    error = future.exception()
    try:
        if error is None:
            result = future.result()
            answer = result if on_success is None else on_success(result)
        else:
            answer = error if on_failure is None else on_failure(error)
    except BaseException as failure:  # noqa: BLE001  a handler's failure is the future's
        chained.set_exception(failure)
        return
    if error is not None and isinstance(answer, BaseException):
        chained.set_exception(answer)
    else:
        _resolve(chained, [chained], answer)


def _resolve(chained: Future[Any], awaited: list[Future[Any]], answer: object) -> None:
    """Gives `chained` the answer, or waits for it; `awaited` is what was waited for so far."""
    if not isinstance(answer, Future):
        chained.set_result(answer)
    elif any(answer is future for future in awaited):
        chained.set_exception(RuntimeError(f"chain cycle detected at {answer!r}"))
    else:
        answer.add_done_callback(partial(_pass_on, chained, [*awaited, answer]))


def _pass_on(chained: Future[Any], awaited: list[Future[Any]], future: Future[Any]) -> None:
    try:
        result = future.result()
    except BaseException as failure:  # noqa: BLE001  it is the future's, and now of this one, too
        chained.set_exception(failure)
    else:
        _resolve(chained, awaited, result)
