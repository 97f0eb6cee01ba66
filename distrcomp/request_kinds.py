"""The two kinds of requests, which a communicator makes: of a send and of a receive."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Any

from .engine import Engine, Sending
from .errors import DoesNotFit, SendTimeout, Undecodable
from .mailbox import Receive
from .requests import Request
from .status import Status


class SendRequest(Request):
    """A request of `isend` or `issend`."""

    def __init__(self, engine: Engine, sending: Sending, tag: int) -> None:
        super().__init__(engine)
        self._sending = sending
        self._tag = tag

    def described(self) -> str:
        return f"isend to {self._name} with tag {self._tag}"

    @property
    def _name(self) -> str:
        return self._engine.name_of(self._sending.dest, self._sending.space)

    def _wakers(self) -> list[int]:
        return [self._sending.dest]

    def _is_done(self) -> bool:
        return self._engine.is_over(self._sending)

    def _check(self) -> None:
        self._engine.check_sending(self._sending)

    def _result(self, timeout: float | None) -> None:
        deadline = None if timeout is None else monotonic() + timeout
        if not self._engine.finish(self._sending, deadline):
            raise self._timeout_error(timeout)

    def _let_go(self) -> None:
        self._engine.let_go(self._sending)

    def _timeout_error(self, timeout: float | None) -> Exception:
        return SendTimeout(self._sending.dest, timeout or 0.0, self._name)


class ReceiveRequest(Request):
    """A request of `irecv`.

    Args:
        take: makes of the matched message what the caller gets.
        status_of: tells what a matched message is like.
        default_timeout: of the run, in seconds.
    """

    _is_send = False

    def __init__(
        self,
        engine: Engine,
        wanted: Receive,
        take: Callable[[Receive], Any],
        status_of: Callable[[Receive], Status],
        default_timeout: float | None,
    ) -> None:
        super().__init__(engine, default_timeout)
        self._wanted = wanted
        self._take: Callable[[Receive], Any] | None = take
        self._status_of = status_of
        self._value: Any = None
        self._error: Undecodable | None = None

    def described(self) -> str:
        return f"i{self._engine.awaited(self._wanted)}"

    @property
    def status(self) -> Status | None:
        return None if self._wanted.message is None else self._status_of(self._wanted)

    def cancel(self) -> bool:
        if self._wanted.message is None:
            self._abandon()
        return self._is_cancelled

    def _wakers(self) -> list[int]:
        return [self._wanted.source]

    def _is_done(self) -> bool:
        return self._wanted.message is not None

    def _check(self) -> None:
        self._engine.check_source(self._wanted)

    def _result(self, timeout: float | None) -> Any:
        self._check_cancelled()
        if self._take is not None:
            limit = self._default_timeout if timeout is None else timeout
            if not self._engine.wait_receive(self._wanted, limit):
                raise self._timeout_error(limit)
            with vars(self).setdefault("_opening", Lock()):  # several threads may wait for it
                if self._take is not None:
                    self._value = self._open(self._take)
                    self._take = None
        if self._error is not None:
            raise self._error
        return self._value

    def _open(self, take: Callable[[Receive], Any]) -> Any:
        try:
            return take(self._wanted)
        except DoesNotFit:
            self._abandon()
            raise
        except Undecodable as error:
            self._error = error
            self._was_taken = True
            return None

    def _let_go(self) -> None:
        self._engine.withdraw(self._wanted)

    def _abandon(self) -> None:
        self._is_cancelled = True
        self._let_go()

    def _timeout_error(self, timeout: float | None) -> Exception:
        return self._engine.receive_timeout(self._wanted, timeout)
