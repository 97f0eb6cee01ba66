"""What links share that carry messages as one stream of bytes, whatever carries that.

`_outgoing` holds views of what has not gone yet, in order. The newest of them are *borrowed*: the
program's own objects, which it may not change before their send is over. It is over when the last
byte has gone, and the message's `Pending` is told so; or when `own` has copied what is left.

What always holds: `queued_bytes` is the sum of `_outgoing`, and a `Pending` stands in `_pending`
exactly as long as borrowed memory of its message may be there, with the count of bytes after which
it is out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ..errors import ProtocolError
from ..frames import Message
from .base import Pending


class ByteStream:
    """The parts of a Link that don't depend on what carries it; see Link."""

    def __init__(self) -> None:
        self.queued_bytes = 0
        self.memory_for: Callable[[Message, int], Any] | None = None
        self.carried: set[int] = set()
        self.at_end = False
        self._outgoing: deque[memoryview] = deque()
        self._borrowed = 0  # so many of the newest views are perhaps not ours
        self._pending: deque[tuple[int, Pending]] = deque()  # out when so many bytes have gone
        self._posted_bytes = 0
        self._said_goodbye = self._heard_goodbye = False

    @property
    def sent_bytes(self) -> int:
        """All that has gone."""
        return self._posted_bytes - self.queued_bytes

    def own(self) -> None:
        """See Link."""
        count = min(self._borrowed, len(self._outgoing))
        newest = [self._outgoing.pop() for _ in range(count)]
        self._outgoing.extend(
            view if isinstance(view.obj, bytes) else memoryview(bytes(view))  # bytes never change
            for view in reversed(newest)
        )
        self._borrowed = 0
        while self._pending:
            self._pending.popleft()[1].let_out()

    def _queue(self, parts: Iterable[Any]) -> None:
        """Takes what is to go after all that is queued."""
        for part in parts:
            view = memoryview(part)
            self._outgoing.append(view)
            self._borrowed += 1
            self._posted_bytes += view.nbytes
            self.queued_bytes += view.nbytes

    def _pend(self) -> Pending:
        """What tells when all that is queued is out of its sender's hands."""
        pending = Pending()
        self._pending.append((self._posted_bytes, pending))
        return pending

    def _let_out(self) -> None:
        """Something has gone: tells whose messages that were."""
        if not self._outgoing:
            self._borrowed = 0
        gone = self._posted_bytes - self.queued_bytes
        while self._pending and self._pending[0][0] <= gone:
            self._pending.popleft()[1].let_out()

    def _drop(self) -> None:
        """Nothing more goes."""
        self._outgoing.clear()
        self._pending.clear()
        self.queued_bytes = 0

    def _take(self, arrived: Iterable[Message | None], messages: list[Message]) -> None:
        """Adds what has arrived to `messages`; None is the goodbye."""
        for message in arrived:
            if self._heard_goodbye:
                raise ProtocolError("a message after the goodbye")
            if message is None:
                self._heard_goodbye = self.at_end = True
            else:
                messages.append(message)
