"""The interface of a link, and what every link promises.

Messages posted on a link arrive whole and in the order in which they were posted. No call blocks:
the engine waits for `fileno()` and calls again. A link is used by one thread at a time; the engine
holds its lock around every call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..errors import DistrcompError
from ..frames import WireMessage


class LinkEnded(DistrcompError):
    """The other end is gone: `clean` when it said goodbye first. Never leaves the engine."""

    def __init__(self, clean: bool, why: str) -> None:
        self.clean = clean
        super().__init__(why)


class Link(Protocol):
    """One end of a byte path to another node."""

    queued_bytes: int
    """What was posted and is not yet out of this process."""

    @property
    def is_broken(self) -> bool:
        """Writing has failed: what is posted is lost, and the end of what can be read will come."""

    at_end: bool
    """Nothing more can be read: the next `receive` raises LinkEnded."""

    def fileno(self) -> int:
        """The descriptor that becomes readable, or writable while `queued_bytes` is not 0."""

    def post(self, parts: Sequence[Any]) -> None:
        """Queues one message and writes what goes at once; the parts are borrowed, not copied."""

    def flush(self) -> bool:
        """Writes what goes now; whether any byte went."""

    def own(self) -> None:
        """Copies what is still queued, so that the sender may change its objects."""

    def receive(self) -> list[WireMessage]:
        """The messages that have arrived since; raises LinkEnded when no more can come."""

    def finish(self) -> None:
        """Says goodbye and sends no more; queued bytes still go by `flush`."""

    def is_drained(self) -> bool:
        """Whether all that was posted has reached the other machine (or the link is dead)."""

    def close(self) -> None:
        """Frees the descriptor at once; what is queued is lost."""
