"""A link between two engines of one process, for tests: what is posted is copied, and waits.

One direction is a queue of messages. A message that fits into what the link carries (its capacity)
is copied when it is posted and out of its sender's hands. A longer one, or one behind such a one,
stays the sender's until the receiver takes it, which copies it, or until `own`. A `Delivery`
decides when a message may be received; whatever it says, messages keep their order.

The two ends may be used by two threads: one lock guards both directions, and an end is woken by the
callable that it was made with, which is called without that lock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from .. import limits
from ..frames import Message
from .base import LinkEnded, Pending

CAPACITY_BYTES = limits.MIB


class Delivery(Protocol):
    """Decides when messages may be received, in steps of a clock of its own."""

    def now(self) -> int:
        """The clock."""

    def due(self) -> int:
        """When a message that is posted now may be received."""


class AtOnce:
    """Messages may be received as soon as they are posted."""

    def now(self) -> int:
        return 0

    def due(self) -> int:
        return 0


class _Posted:
    """A message on its way; `message` is None for the goodbye."""

    __slots__ = ("due", "is_carried", "is_taken", "message", "nbytes", "pending")

    def __init__(self, message: Message | None, due: int) -> None:
        self.message = message
        self.due = due
        self.nbytes = limits.MESSAGE_OVERHEAD_BYTES
        if message is not None:
            self.nbytes += message.payload_bytes
        self.pending = Pending()
        self.is_carried = self.is_taken = False

    def own(self) -> None:
        """Copies what the sender lent."""
        if self.message is not None and not self.pending.is_out:
            meta = bytes(self.message.meta)
            buffers = [bytearray(buffer) for buffer in self.message.buffers]
            self.message = self.message._replace(meta=meta, buffers=buffers)
        self.pending.let_out()


class _Direction:
    """The messages from one end to the other."""

    def __init__(self) -> None:
        self.posted: deque[_Posted] = deque()
        self.carried_bytes = 0
        self.is_ended = False  # nobody writes any more
        self.is_deserted = False  # nobody reads any more


class MemoryLink:
    """One end of a Link inside a process; `memory_pair` makes both.

    Args:
        node: the node at the other end.
        directions: to it, and from it.
        ring: wakes its engine.
        lock: that of the pair.
        how: when messages may be received, and how many bytes the link carries.
    """

    def __init__(
        self,
        node: int,
        directions: tuple[_Direction, _Direction],
        ring: Callable[[], None],
        lock: threading.Lock,
        how: tuple[Delivery, int],
    ) -> None:
        self.at_end = False
        self.memory_for: Callable[[Message, int], Any] | None = None
        self.carried: set[int] = set()
        self._node = node
        self._to, self._from = directions
        self._ring = ring
        self._lock = lock
        self._delivery, self._capacity_bytes = how
        self._queue: deque[_Posted] = deque()
        self._queued_bytes = 0
        self._last_due = 0
        self._said_goodbye = self._heard_goodbye = self._is_closed = False

    @property
    def queued_bytes(self) -> int:
        return 0 if self.is_broken else self._queued_bytes

    @property
    def is_broken(self) -> bool:
        return self._to.is_deserted or self._from.is_ended or self._is_closed

    @property
    def connection(self) -> None:
        return None

    def fileno(self) -> None:
        return None

    # --- writing ------------------------------------------------------------------------------

    def post(self, message: Message) -> Pending | None:
        self.carried.add(message.communicator)
        return None if self._said_goodbye else self._post(message)

    def flush(self) -> bool:
        before = self.queued_bytes
        with self._lock:
            while self._queue and (self._queue[0].is_taken or self._carry(self._queue[0])):
                gone = self._queue.popleft()
                gone.pending.let_out()
                self._queued_bytes -= gone.nbytes
        return self.queued_bytes < before

    def own(self) -> None:
        with self._lock:
            for posted in self._queue:
                posted.own()

    def hang_up(self) -> None:
        self._from.is_ended = True

    def finish(self) -> None:
        if not self._said_goodbye:
            self._said_goodbye = True
            self._post(None)

    def is_drained(self) -> bool:
        self.flush()
        return not self.queued_bytes

    def close(self) -> None:
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
            lost = set(self._queue)
            self._to.posted = deque(each for each in self._to.posted if each not in lost)
            self._queue.clear()
            self._queued_bytes = 0
            self._from.posted.clear()
            self._to.is_ended = self._from.is_deserted = True
        if not was_closed:
            self._ring()

    def _post(self, message: Message | None) -> Pending | None:
        if self.is_broken:
            return None
        self._last_due = max(self._last_due, self._delivery.due())
        posted = _Posted(message, self._last_due)
        with self._lock:
            if self._queue or not self._carry(posted):
                self._queue.append(posted)
                self._queued_bytes += posted.nbytes
            self._to.posted.append(posted)
        self._ring()
        return None if posted.is_carried else posted.pending

    def _carry(self, posted: _Posted) -> bool:
        """Takes a message off the sender's hands if there is room."""
        if self._to.carried_bytes + posted.nbytes > self._capacity_bytes:
            return False
        posted.own()
        posted.is_carried = True
        self._to.carried_bytes += posted.nbytes
        return True

    # --- reading --------------------------------------------------------------------------------

    @property
    def next_due(self) -> int | None:
        """When there is something to receive, the end included; None when nothing is on its way."""
        if self._from.posted:
            return self._from.posted[0].due
        return self._delivery.now() if self._from.is_ended or self.at_end else None

    def can_receive(self) -> bool:
        due = self.next_due
        return due is not None and due <= self._delivery.now()

    def receive(self, most: int) -> list[Message]:
        messages: list[Message] = []
        rings = False
        with self._lock:
            arrived = self._from.posted
            while arrived and arrived[0].due <= self._delivery.now() and len(messages) < most:
                posted = arrived.popleft()
                rings = rings or not posted.is_carried or bool(arrived)
                if posted.is_carried:
                    self._from.carried_bytes -= posted.nbytes
                posted.own()
                posted.is_taken = True
                if posted.message is None:
                    self._heard_goodbye = self.at_end = True
                else:
                    messages.append(posted.message._replace(source=self._node))
            if self._from.is_ended and not arrived:
                self.at_end = True
        if rings:
            self._ring()  # there is room
        if self.at_end and not messages:
            raise LinkEnded(
                self._heard_goodbye,
                "it has finished" if self._heard_goodbye else "its connection closed",
            )
        return messages


def memory_pair(
    nodes: tuple[int, int],
    rings: tuple[Callable[[], None], Callable[[], None]],
    delivery: Delivery | None = None,
    capacity_bytes: int = CAPACITY_BYTES,
) -> tuple[MemoryLink, MemoryLink]:
    """The two ends of a link.

    Args:
        nodes: the node at each end.
        rings: what wakes the engine at each end; called from any thread.
        delivery: when messages may be received; at once by default.
        capacity_bytes: what the link carries in each direction.
    """
    one, other = nodes
    there, back = _Direction(), _Direction()
    lock = threading.Lock()
    how = (delivery or AtOnce(), capacity_bytes)
    return (
        MemoryLink(other, (there, back), rings[1], lock, how),
        MemoryLink(one, (back, there), rings[0], lock, how),
    )
