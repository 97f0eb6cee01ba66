"""What is under way: waiting for one request, and for the first of several.

The semantics are MPI's (MPI-4.1, 3.7); values come back by return instead of by buffers. A call
that Ctrl-C ends has taken nothing: what is done stays done, and the next call returns it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Any, Self

from .arguments import seconds
from .engine import Engine
from .errors import AlreadyReceived, CallError, NodeLost, RequestCancelled
from .mailbox import ANY
from .receiving import earlier
from .status import Status


class Request:
    """A message under way, from `isend`, `issend` or `irecv`; MPI-4.1, 3.7.

    Nothing moves while no call of distrcomp runs: `test` is one. In a `with` block a request
    doesn't outlive the block: a receive that is not matched by then is cancelled, a send is waited
    for. Where an exception ends the block, a matched message is unread again.

    Example:
        >>> import distrcomp as dc
        >>> with dc.irecv(dc.node_id, tag=9) as request:
        ...     dc.send(dc.node_id, "for the request", tag=9)
        ...     request.wait(timeout=5.0)
        'for the request'
    """

    _was_taken = True  # until it is made
    _is_excused = False
    place = ""
    """Where it was begun, under `--debug`."""

    def __init__(self, engine: Engine, default_timeout: float | None = None) -> None:
        self._engine = engine
        self._default_timeout = default_timeout
        self._is_cancelled = False
        self._was_taken = False
        engine.requests.were_begun = True
        if engine.trace is not None:
            self.place = engine.trace.place()

    def __del__(self) -> None:
        if not (self._was_taken or self._is_excused or self._is_cancelled):
            self._engine.requests.forsaken(self)

    def is_forsaken_in(self, engine: Engine) -> bool:
        """Whether nobody has waited for it, and it is one of this node's."""
        is_over = self._was_taken or self._is_excused or self._is_cancelled
        return not is_over and self._engine is engine

    def excuse(self) -> None:
        """It need not be waited for."""
        self._is_excused = True

    def described(self) -> str:
        """What it is, in words."""
        raise NotImplementedError

    def __repr__(self) -> str:
        state = "done" if self._is_done() else "under way"
        return f"<Request {self.described()}: {'cancelled' if self._is_cancelled else state}>"

    @property
    def status(self) -> Status | None:
        """What the message of a receive is like; None until it is matched, and for a send."""
        return None

    def wait(self, timeout: float | None = None) -> Any:
        """Waits until the request is done; the object of a receive, None for a send.

        Called again it returns the same once more.

        Args:
            timeout: seconds; the request goes on when they are over. None: for a receive the
                run's default, else for ever, as math.inf is.

        Raises:
            RecvTimeout, SendTimeout: not done in time.
            RequestCancelled: it was cancelled.
            Whatever `recv` or `send` raises. After DoesNotFit the message is unread again, and the
            request cancelled.
        """
        self._is_excused = True
        value = self._result(seconds(timeout))
        self._engine.check_interrupt()
        self._was_taken = True
        return value

    def test(self) -> bool:
        """Whether the request is done, after one look at what has arrived; then `wait` returns.

        Raises:
            RequestCancelled: it was cancelled.
            NodeLost: it can't be done any more.
        """
        self._check_cancelled()
        if not self._is_done():
            self._engine.look(self._is_send)
            self._watch()
            if not self._is_done():
                self._check()
        is_done = self._is_done()
        self._is_excused |= is_done
        return is_done

    def cancel(self) -> bool:
        """Takes a receive back that was not matched yet; whether it is cancelled.

        A send can't be cancelled (MPI-4.1 deprecates it, 3.8.4).
        """
        return False

    @staticmethod
    def wait_all(requests: Sequence[Request], timeout: float | None = None) -> list[Any]:
        """Waits until all are done; their results, in order.

        Args:
            requests: any mix of sends and receives.
            timeout: seconds for all together; None as in `wait`.
        """
        _check(requests)
        limit = seconds(timeout)
        deadline = None if limit is None else monotonic() + limit
        return [request.wait(_left(deadline)) for request in requests]

    @staticmethod
    def wait_any(requests: Sequence[Request], timeout: float | None = None) -> tuple[int, Any]:
        """Waits until one is done; its index and result.

        Requests whose result was returned already, or that were cancelled, are passed over (MPI:
        inactive). One that can't be done any more counts as done, by its error (MPI-4.1, 3.7.5),
        but only where no other one is; after that it is passed over, too.

        Args:
            timeout: seconds; None as in `wait`, where all of them are receives.

        Raises:
            AlreadyReceived: all are over, or there is none.
            NodeLost: one can't be done any more; of the others none is done yet.
        """
        _wait_first(requests, timeout)
        for index, request in enumerate(requests):
            if not request._is_over() and request._is_done():
                return index, request.wait()
        raise AlreadyReceived(
            "no request here is still to be waited for: each was cancelled or its result returned, "
            "or there is none"
        )

    @staticmethod
    def wait_some(
        requests: Sequence[Request], timeout: float | None = None
    ) -> list[tuple[int, Any]]:
        """Waits until at least one is done; index and result of all that are then.

        Empty when the results of all were returned already. Where one raises, the results of the
        others are returned by the next call. What can't be done any more is as in `wait_any`.
        """
        _wait_first(requests, timeout)
        done = [
            (index, request)
            for index, request in enumerate(requests)
            if not request._is_over() and request._is_done()
        ]
        results = [(index, request._result(None)) for index, request in done]
        for _, request in done[:1]:
            request._engine.check_interrupt()
        for _, request in done:
            request._was_taken = True
        return results

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_excused = True
        if self._is_over():
            return
        if kind is not None:
            self._abandon()
        elif not self.cancel():
            self.wait()

    _is_send = True

    def _is_over(self) -> bool:
        return self._is_cancelled or self._was_taken

    def _check_cancelled(self) -> None:
        if self._is_cancelled:
            raise RequestCancelled("this request was cancelled")

    def _is_done(self) -> bool:
        """Whether it is done, as far as is known without a look at the links."""
        raise NotImplementedError

    def _wakers(self) -> list[int]:
        """The nodes, by their ids in the world, that can have it done; ANY: every node can."""
        return [ANY]

    def _check(self) -> None:
        """Raises when it can never be done."""
        raise NotImplementedError

    def _watch(self) -> float | None:
        """Looks, outside the lock, where the other nodes are; when to do it again, if at all.

        A request that can't be done because of that is done by its error.
        """
        return None

    def _end_if_lost(self) -> None:
        """Raises when it can never be done; that was its result then."""
        try:
            self._check()
        except NodeLost:
            self._was_taken = True
            self._let_go()
            raise

    def _result(self, timeout: float | None) -> Any:
        """Waits; the same value each time."""
        raise NotImplementedError

    def _let_go(self) -> None:
        """Nothing is waited for any more."""
        raise NotImplementedError

    def _abandon(self) -> None:
        """An exception has ended the block that it belongs to."""
        self._let_go()

    def _timeout_error(self, timeout: float | None) -> Exception:
        raise NotImplementedError


def _check(requests: Any) -> None:
    if not isinstance(requests, Sequence) or not all(isinstance(r, Request) for r in requests):
        raise CallError(f"{requests!r} is no list of requests, as isend and irecv return them")


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - monotonic())


def _wait_first(requests: Sequence[Request], timeout: float | None) -> None:
    """Waits until one that is not over is done; returns at once when all are over."""
    _check(requests)
    limit = seconds(timeout)
    open_ones = [request for request in requests if not request._is_over()]
    if not open_ones:
        return

    def is_one_done() -> bool:
        return any(request._is_done() for request in open_ones)

    def check() -> None:
        for request in open_ones:
            request._check()

    def watch() -> float | None:
        return earlier(*[request._watch() for request in open_ones])

    def wakers() -> list[int]:
        return [node for request in open_ones for node in request._wakers()]

    if limit is None:
        defaults = [request._default_timeout for request in open_ones]
        limit = None if None in defaults else defaults[0]
    engine = open_ones[0]._engine
    deadline = None if limit is None else monotonic() + limit
    for_send = any(request._is_send for request in open_ones)
    with suppress(NodeLost):
        if not engine.wait_for(is_one_done, check, deadline, for_send, watch, wakers):
            raise open_ones[0]._timeout_error(limit)
        return
    # One can't be done any more. Others may be, by what has arrived and was not read yet.
    if not engine.wait_for(is_one_done, lambda: None, monotonic(), for_send):
        for request in open_ones:
            request._end_if_lost()
