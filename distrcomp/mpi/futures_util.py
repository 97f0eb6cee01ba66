"""Futures made of others: `collect` many into one, `compose` one with handlers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Any

__all__ = ["collect", "compose"]


def collect(fs: Collection[Future[Any]]) -> Future[list[Any]]:
    """A future of the list of results of `fs`.

    The first failure or cancellation among them is its own, and what has not begun by then is
    cancelled; cancelling it cancels all.
    """
    if not fs:
        empty: Future[list[Any]] = Future()
        empty.set_result([])
        return empty
    whole: Future[list[Any]] = type(next(iter(fs)))()
    remaining = set(fs)
    lock = threading.Lock()

    def on_done(future: Future[Any]) -> None:
        with lock:
            remaining.discard(future)
            is_last = not remaining
        if whole.done():
            return
        if future.cancelled():
            whole.cancel()
            return
        error = future.exception()
        if error is None and not is_last:
            return
        if not _begin(whole):
            return
        if error is None:
            whole.set_result([each.result() for each in fs])
        else:
            whole.set_exception(error)

    def on_whole_done(_: Future[list[Any]]) -> None:
        _notify(whole)
        for future in fs:
            future.cancel()  # does nothing to one that runs or is done

    whole.add_done_callback(on_whole_done)
    for future in fs:
        future.add_done_callback(on_done)
    return whole


def compose(
    future: Future[Any],
    resulthook: Callable[[Any], Any] | None = None,
    excepthook: Callable[[BaseException], Any] | None = None,
) -> Future[Any]:
    """A future that ends as `future` does, or as its handler says.

    Args:
        future: what to wait for.
        resulthook: called with the result; what it returns is the new future's result.
        excepthook: called with the exception; an exception that it returns is that of the new
            future, and anything else its result.
    """
    composed: Future[Any] = type(future)()

    def on_done(_: Future[Any]) -> None:
        if future.cancelled():
            composed.cancel()
        if composed.done() or not _begin(composed):
            return
        error = future.exception()
        try:
            if error is None:
                result = future.result()
                composed.set_result(result if resulthook is None else resulthook(result))
            elif excepthook is None:
                composed.set_exception(error)
            elif isinstance(answer := excepthook(error), BaseException):
                composed.set_exception(answer)
            else:
                composed.set_result(answer)
        except BaseException as failure:  # noqa: BLE001  a handler's failure is the future's
            composed.set_exception(failure)

    def on_composed_done(_: Future[Any]) -> None:
        _notify(composed)
        if composed.cancelled():
            future.cancel()

    composed.add_done_callback(on_composed_done)
    future.add_done_callback(on_done)
    return composed


def _begin(future: Future[Any]) -> bool:
    """Whether it can still be given a result: it was not cancelled."""
    return not future.cancelled() and future.set_running_or_notify_cancel()


def _notify(future: Future[Any]) -> None:
    """Lets those who `wait` for a future know that it is cancelled, which nobody else will."""
    if future.cancelled():
        future.set_running_or_notify_cancel()
