"""What is under way: requests, matched messages, and what a message was like.

The semantics are MPI's (MPI-4.1, 3.7 and 3.8); values come back by return instead of by buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from types import TracebackType
from typing import Any, Self

from .engine import Engine, Sending
from .errors import AlreadyReceived, RecvTimeout, RequestCancelled, SendTimeout
from .mailbox import ANY, Receive, awaited


class Status:
    """What a received message was like, filled in by `recv(status=...)` and returned by probes.

    Attributes:
        source: the node that sent it, by its id in the communicator.
        tag: its tag.
        payload_bytes: how many bytes its object took while it travelled.

    Semantics: MPI-4.1, 3.2.5.

    Example:
        >>> import distrcomp as dc
        >>> dc.send(dc.node_id, "abc", tag=5)
        >>> status = dc.Status()
        >>> dc.recv(status=status)
        'abc'
        >>> status.source, status.tag, status.payload_bytes
        (0, 5, 3)
    """

    __slots__ = ("payload_bytes", "source", "tag")

    def __init__(self, source: int = ANY, tag: int = ANY, payload_bytes: int = 0) -> None:
        self.source = source
        self.tag = tag
        self.payload_bytes = payload_bytes

    def __repr__(self) -> str:
        return f"Status(source={self.source}, tag={self.tag}, payload_bytes={self.payload_bytes})"


class Request:
    """A message under way, from `isend`, `issend` or `irecv`; MPI-4.1, 3.7.

    Nothing moves while no call of distrcomp runs: `test` is one. In a `with` block a request
    doesn't outlive the block: a receive that is not matched by then is cancelled, a send is waited
    for.

    Example:
        >>> import distrcomp as dc
        >>> with dc.irecv(dc.node_id, tag=9) as request:
        ...     dc.send(dc.node_id, "for the request", tag=9)
        ...     request.wait(timeout=5.0)
        'for the request'
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_cancelled = False
        self._was_taken = False

    def wait(self, timeout: float | None = None) -> Any:
        """Waits until the request is done; the object of a receive, None for a send.

        Args:
            timeout: seconds; the request goes on when they are over. None: the run's default.

        Raises:
            RecvTimeout, SendTimeout: not done in time.
            RequestCancelled: it was cancelled.
            Whatever `recv` or `send` raises.
        """
        if self._is_cancelled:
            raise RequestCancelled("this request was cancelled")
        value = self._wait(timeout)
        self._was_taken = True
        return value

    def test(self) -> bool:
        """Whether the request is done, after one look at what has arrived; then `wait` returns."""
        if not self._is_done():
            self._engine.look()
            if not self._is_done():
                self._check()
        return self._is_done()

    def cancel(self) -> bool:
        """Takes a receive back that was not matched yet; whether that worked.

        A send can't be cancelled (MPI-4.1 deprecates it, 3.8.4).
        """
        return False

    @staticmethod
    def wait_all(requests: Sequence[Request], timeout: float | None = None) -> list[Any]:
        """Waits until all are done; their results, in order.

        Args:
            requests: any mix of sends and receives.
            timeout: seconds for all together.
        """
        deadline = None if timeout is None else monotonic() + timeout
        return [request.wait(_left(deadline)) for request in requests]

    @staticmethod
    def wait_any(requests: Sequence[Request], timeout: float | None = None) -> tuple[int, Any]:
        """Waits until one is done; its index and result.

        Requests whose result was returned already are passed over (MPI: inactive).

        Raises:
            AlreadyReceived: the results of all were returned already.
        """
        _wait_first(requests, timeout)
        for index, request in enumerate(requests):
            if not request._is_over() and request._is_done():
                return index, request.wait()
        raise AlreadyReceived("the results of all these requests were returned already")

    @staticmethod
    def wait_some(
        requests: Sequence[Request], timeout: float | None = None
    ) -> list[tuple[int, Any]]:
        """Waits until at least one is done; index and result of all that are then.

        Empty when the results of all were returned already.
        """
        _wait_first(requests, timeout)
        return [
            (index, request.wait())
            for index, request in enumerate(requests)
            if not request._is_over() and request._is_done()
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._is_over() and not self.cancel() and kind is None:
            self.wait()

    def _is_over(self) -> bool:
        return self._is_cancelled or self._was_taken

    def _is_done(self) -> bool:
        raise NotImplementedError

    def _check(self) -> None:
        """Raises when it can never be done."""
        raise NotImplementedError

    def _wait(self, timeout: float | None) -> Any:
        raise NotImplementedError

    def _timeout_error(self, timeout: float) -> Exception:
        raise NotImplementedError


class SendRequest(Request):
    """A request of `isend` or `issend`."""

    def __init__(self, engine: Engine, sending: Sending) -> None:
        super().__init__(engine)
        self._sending = sending

    def _is_done(self) -> bool:
        return self._engine.is_over(self._sending)

    def _check(self) -> None:
        self._engine.check_sending(self._sending)

    def _wait(self, timeout: float | None) -> None:
        deadline = None if timeout is None else monotonic() + timeout
        if not self._engine.finish(self._sending, deadline):
            raise self._timeout_error(timeout or 0.0)

    def _timeout_error(self, timeout: float) -> Exception:
        return SendTimeout(self._sending.dest, timeout)


class ReceiveRequest(Request):
    """A request of `irecv`.

    Args:
        take: makes of the matched message what the caller gets.
        default_timeout: of the run, in seconds.
    """

    def __init__(
        self,
        engine: Engine,
        wanted: Receive,
        take: Callable[[Receive], Any],
        default_timeout: float | None,
    ) -> None:
        super().__init__(engine)
        self._wanted = wanted
        self._take = take
        self._default_timeout = default_timeout
        self._value: Any = None

    def cancel(self) -> bool:
        if self._wanted.message is None and not self._was_taken:
            self._engine.withdraw(self._wanted)
            self._is_cancelled = True
        return self._is_cancelled

    def _is_done(self) -> bool:
        return self._wanted.message is not None

    def _check(self) -> None:
        self._engine.check_source(self._wanted.source)

    def _wait(self, timeout: float | None) -> Any:
        if not self._was_taken:
            limit = self._default_timeout if timeout is None else timeout
            if not self._engine.wait_receive(self._wanted, limit):
                raise self._timeout_error(limit or 0.0)
            self._value = self._take(self._wanted)
        return self._value

    def _timeout_error(self, timeout: float) -> Exception:
        wanted = self._wanted
        unread = self._engine.mailbox.describe_unmatched(wanted.communicator)
        return RecvTimeout(awaited(wanted.source, wanted.tag), timeout, unread)


class MatchedMessage:
    """A message that a matched probe has taken out of the mailbox: only `recv` here receives it.

    Semantics: MPI-4.1, 3.8.2.

    Attributes:
        status: what it is like.
    """

    def __init__(self, status: Status, take: Callable[[Any], Any]) -> None:
        self.status = status
        self._take: Callable[[Any], Any] | None = take

    def recv(self, *, out: Any = None) -> Any:
        """Its object, once.

        Args:
            out: an array or buffer to receive into, as in `Communicator.recv`.

        Raises:
            AlreadyReceived: the second time.
        """
        if self._take is None:
            raise AlreadyReceived("this message was received already")
        take, self._take = self._take, None
        return take(out)


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - monotonic())


def _wait_first(requests: Sequence[Request], timeout: float | None) -> None:
    """Waits until one that is not over is done; returns at once when all are over."""
    open_ones = [request for request in requests if not request._is_over()]
    if not open_ones:
        return

    def check() -> None:
        for request in open_ones:
            request._check()

    engine = open_ones[0]._engine
    deadline = None if timeout is None else monotonic() + timeout
    if not engine.wait_for(lambda: any(each._is_done() for each in open_ones), check, deadline):
        raise open_ones[0]._timeout_error(timeout or 0.0)
