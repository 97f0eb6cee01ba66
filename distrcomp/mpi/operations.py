"""What is under way when a call of the face gives a request: operations, and the waiting for them.

A `Request` is a handle (see handles) whose state is an `Operation`. An operation can be looked at
(`is_done`, which moves nothing and may be called with the engine's lock held), and once it is done
it has a result and fills a status. Everything that waits or tests does so here, by the engine: an
operation that somebody else ends, another thread for example, calls `wake` after it.

Most operations stand on a request of the core (`CoreOperation`): sends, receives, collectives.
Others are made of parts (`Parts`), or done from the start (`Done`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import sched_yield
from typing import TYPE_CHECKING, Any

from ..errors import CallError, Undecodable
from ..joining import join
from ..mailbox import Receive
from ..receiving import earlier
from .constants import ANY_SOURCE, ANY_TAG

if TYPE_CHECKING:
    from ..engine import Engine
    from ..requests import Request as CoreRequest
    from .status import Status


class Operation:
    """Something under way.

    Attributes:
        is_send: whether other nodes may have to take something before it is done.
        is_persistent: whether its request lives on when it is done.
        is_active: False for a persistent one that was not started, or was waited for.
        is_cancelled: whether it was taken back.
        engine: what moves its messages, if it knows.
    """

    is_send = False
    is_persistent = False
    is_active = True
    is_cancelled = False
    engine: Engine | None = None

    def is_done(self) -> bool:
        """Whether it is done, as far as is known without moving messages."""
        raise NotImplementedError

    def check(self) -> None:
        """Raises when it can never be done."""

    def watch(self) -> float | None:
        """Looks where other nodes are, without the lock; when to do it again, if at all."""
        return None

    def wait(self) -> None:
        """Waits until it is done."""
        wait_one((self,))

    def result(self) -> Any:
        """What `Request.wait` returns, once it is done; raises what has gone wrong."""
        return None

    def fill(self, status: Status) -> None:
        """Tells the status of an operation that is done; by default the empty one."""
        status._set(ANY_SOURCE, ANY_TAG, 0)

    def cancel(self) -> None:
        """Takes it back, if that can be."""

    def end(self) -> None:
        """Its request was waited for or freed; nobody asks for the result again."""


class Done(Operation):
    """Nothing to wait for: a message to or from PROC_NULL, or a send that is out already.

    Args:
        source: what the status says.
        value: the result.
    """

    def __init__(self, source: int = ANY_SOURCE, value: Any = None) -> None:
        self._source = source
        self._value = value

    def is_done(self) -> bool:
        return True

    def wait(self) -> None:
        """Nothing to wait for."""

    def result(self) -> Any:
        return self._value

    def fill(self, status: Status) -> None:
        status._set(self._source, ANY_TAG, 0)


class Sent(Done):
    """A send that is over; its status stays as it was, as MPICH has it."""

    def fill(self, status: Status) -> None:
        """Tells nothing."""


class CoreOperation(Operation):
    """A request of the core.

    Args:
        request: what is under way.
        take: makes the result of what the request gives; by default that itself.
        is_send: as in Operation.
    """

    def __init__(
        self,
        request: CoreRequest,
        take: Callable[[Any], Any] | None = None,
        is_send: bool = False,
    ) -> None:
        self._request = request
        self.engine = request._engine
        self._take = take
        self._is_over = False
        self._value: Any = None
        self._error: CallError | Undecodable | None = None
        self.is_send = is_send

    def is_done(self) -> bool:
        return self.is_cancelled or self._request._is_done()

    def check(self) -> None:
        self._request._check()

    def watch(self) -> float | None:
        return self._request._watch()

    def wait(self) -> None:
        if self._is_over or self.is_cancelled:
            return
        try:
            value = self._request.wait()
            self._value = value if self._take is None else self._take(value)
        except (CallError, Undecodable) as error:
            self._error = error
        self._is_over = True

    def result(self) -> Any:
        self.wait()
        if self._error is not None:
            raise self._error
        return self._value

    def fill(self, status: Status) -> None:
        """Tells nothing: a send leaves its status as it was, as MPICH has it."""

    def cancel(self) -> None:
        if not self.is_cancelled and self._request.cancel():
            self.is_cancelled = True

    def end(self) -> None:
        self._request.excuse()


class Parts(Operation):
    """Several operations as one.

    Args:
        parts: all of them must be done.
        told: the one whose status is told; the last by default.
    """

    def __init__(self, parts: Sequence[Operation], told: Operation | None = None) -> None:
        self._parts = parts
        self._told = told or parts[-1]
        self.is_send = any(part.is_send for part in parts)
        self.engine = next((part.engine for part in parts if part.engine is not None), None)

    def is_done(self) -> bool:
        return all(part.is_done() for part in self._parts)

    def check(self) -> None:
        for part in self._parts:
            if not part.is_done():
                part.check()

    def watch(self) -> float | None:
        return _watch(self._parts)

    def wait(self) -> None:
        for part in self._parts:
            part.wait()

    def result(self) -> Any:
        for part in self._parts:
            part.result()

    def fill(self, status: Status) -> None:
        self._told.fill(status)

    def end(self) -> None:
        for part in self._parts:
            part.end()


class Renewed(Operation):
    """A persistent operation, begun anew by each `start`.

    Args:
        begin: begins it.
    """

    is_persistent = True
    is_active = False

    def __init__(self, begin: Callable[[], Operation]) -> None:
        self._begin = begin
        self._now: Operation = Done()

    def start(self) -> None:
        """Begins."""
        self._now = self._begin()
        self.is_send = self._now.is_send
        self.engine = self._now.engine
        self.is_active = True

    def is_done(self) -> bool:
        return self._now.is_done()

    def wait(self) -> None:
        self._now.wait()

    def check(self) -> None:
        self._now.check()

    def watch(self) -> float | None:
        return self._now.watch()

    def result(self) -> Any:
        return self._now.result()

    def fill(self, status: Status) -> None:
        self._now.fill(status)

    def cancel(self) -> None:
        self._now.cancel()

    def end(self) -> None:
        self._now.end()
        self.is_active = False


yield_core = sched_yield
"""Lets others have the core: who polls is called by one who waits for them."""


def _engine_of(operations: Sequence[Operation]) -> Engine:
    """What moves the messages of these operations."""
    found = next((each.engine for each in operations if each.engine is not None), None)
    return join().communicator._engine if found is None else found


def wake() -> None:
    """Has calls that wait in other threads look at their operations again."""
    _engine_of(()).withdraw(_NOTHING)


_NOTHING = Receive(-1, 0, 0)


def look(operations: Sequence[Operation]) -> None:
    """Moves what can move without waiting; a poller of many then lets others have the core."""
    _engine_of(operations).look(any(operation.is_send for operation in operations))


def is_one_done(operations: Sequence[Operation]) -> bool:
    """Whether one of these is done, after one look."""
    return _is_now(operations, any)


def are_all_done(operations: Sequence[Operation]) -> bool:
    """Whether all of these are done, after one look."""
    return _is_now(operations, all)


def _is_now(operations: Sequence[Operation], which: Callable[[Any], bool]) -> bool:
    if which(operation.is_done() for operation in operations):
        return True
    look(operations)
    if which(operation.is_done() for operation in operations):
        return True
    _watch(operations)
    for operation in operations:
        if not operation.is_done():
            operation.check()
    yield_core()
    return False


def _watch(operations: Sequence[Operation]) -> float | None:
    return earlier(*[each.watch() for each in operations if not each.is_done()])


def wait_all(operations: Sequence[Operation]) -> None:
    """Waits until all are done: one after the other, while messages of the others move, too."""
    for operation in operations:
        operation.wait()


def wait_one(operations: Sequence[Operation]) -> None:
    """Waits until one is done."""

    def is_over() -> bool:
        return any(operation.is_done() for operation in operations)

    def check() -> None:
        for operation in operations:
            if not operation.is_done():
                operation.check()

    if not is_over():
        is_send = any(operation.is_send for operation in operations)
        engine = _engine_of(operations)
        engine.wait_for(is_over, check, None, is_send, lambda: _watch(operations))
        engine.check_interrupt()
