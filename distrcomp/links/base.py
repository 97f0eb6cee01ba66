"""The interface of a link, and what every link promises.

Messages posted on a link arrive whole and in the order in which they were posted. No call blocks:
the engine waits until something may have changed and calls again. A link is used by one thread at a
time; the engine holds its lock around every call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import DistrcompError
from ..frames import Message

if TYPE_CHECKING:
    import socket


class LinkEnded(DistrcompError):
    """The other end is gone: `clean` when it said goodbye first. Never leaves the engine."""

    def __init__(self, clean: bool, why: str) -> None:
        self.clean = clean
        super().__init__(why)


class Pending:
    """A message that was posted and is not out of its sender's hands yet."""

    __slots__ = ("_is_out",)

    def __init__(self) -> None:
        self._is_out = False

    @property
    def is_out(self) -> bool:
        """Whether the sender may change its objects again; a look that anybody may take."""
        return self._is_out

    def let_out(self) -> None:
        """The sender may change its objects again."""
        self._is_out = True


class Link(Protocol):
    """One end of a byte path to another node."""

    @property
    def queued_bytes(self) -> int:
        """What was posted and is not yet out of this process."""

    memory_for: Callable[[Message, int], Any] | None
    """Where a message may arrive straight: asked, if at all, with the next message of all, without
    its one buffer, and the size of that. While it arrives there `receive` does not return."""

    at_end: bool
    """Nothing more can be read: the next `receive` raises LinkEnded."""

    @property
    def carried(self) -> set[int] | None:
        """The message spaces of what was posted; whoever ends one takes it out.

        None where the ends share memory: messages go past `post` there, and are seen at once.
        """

    @property
    def is_broken(self) -> bool:
        """Writing has failed: what is posted is lost, and the end of what can be read will come."""

    @property
    def connection(self) -> socket.socket | None:
        """The socket, to be asked where it goes; None for a link that goes by no socket."""

    def fileno(self) -> int | None:
        """The descriptor that becomes readable, or writable while `queued_bytes` is not 0.

        None for a link inside the machine or the process, which rings the engine's bell instead.
        """

    def post(self, message: Message) -> Pending | None:
        """Queues one message and sends at once what goes; its buffers are borrowed, not copied.

        Returns None when the sender may change its objects again, which else `Pending` tells.
        """

    def flush(self) -> bool:
        """Sends what goes now; whether anything went."""

    def own(self) -> None:
        """Copies what is still queued, so that the sender may change its objects.

        A message that the receiver is reading from the sender's memory right now stays pending.
        """

    def can_receive(self) -> bool:
        """Whether `receive` may find something now: a look, without waiting."""

    def receive(self, most: int) -> list[Message]:
        """Some messages that have arrived, about `most`; raises LinkEnded when no more can come."""

    def hang_up(self) -> None:
        """The other end's process has ended: what it sent can be received, and then the end."""

    def finish(self) -> None:
        """Says goodbye and sends no more; queued bytes still go by `flush`."""

    def is_drained(self) -> bool:
        """Whether all that was posted has reached the other machine (or the link is dead)."""

    def close(self) -> None:
        """Frees what it holds at once; what is queued is lost."""
