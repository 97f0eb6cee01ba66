"""What one node has received and not asked for, and what it has asked for and not received.

No I/O. A message matches a posted receive when communicator, source and tag agree, ANY agreeing
with all (MPI-4.1, 3.5). What always holds: no message here matches any receive posted here, because
`post` looks through the messages first, `deliver` and `withdraw` through the receives. So two
messages from one source with one tag never overtake each other: the earlier is matched by the
earlier receive that takes it. Among several sources the message that arrived first wins.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

ANY = -1

# An error message names at most this many kinds of unread message.
_TOLD_MAX = 8


class Message(NamedTuple):
    """A message that has arrived whole; its object is not rebuilt yet."""

    source: int
    tag: int
    communicator: int
    codec: int
    meta: Any
    buffers: list[Any]


class Receive:
    """A receive that was posted; `message` is set once it is matched.

    `arrival` is then the number of that message in the order of arrivals.
    """

    __slots__ = ("arrival", "communicator", "message", "source", "tag")

    def __init__(self, communicator: int, source: int, tag: int) -> None:
        self.communicator = communicator
        self.source = source
        self.tag = tag
        self.message: Message | None = None
        self.arrival = 0

    def takes(self, message: Message) -> bool:
        """Whether `message` is one that this receive asks for."""
        return (
            self.communicator == message.communicator
            and self.source in (ANY, message.source)
            and self.tag in (ANY, message.tag)
        )


class Mailbox:
    """Matches posted receives with arrived messages.

    Example:
        >>> mailbox = Mailbox()
        >>> mailbox.deliver(Message(3, 7, 0, 1, b"", []))
        >>> receive = Receive(0, ANY, 7)
        >>> mailbox.post(receive)
        >>> receive.message.source
        3
    """

    def __init__(self) -> None:
        self._receives: list[Receive] = []
        # (communicator, source, tag) -> messages with their arrival numbers, oldest first
        self._arrived: dict[tuple[int, int, int], deque[tuple[int, Message]]] = {}
        self._arrivals = 0

    def deliver(self, message: Message) -> None:
        """Gives an arrived message to the first receive that takes it, or keeps it."""
        self._arrivals += 1
        if not self._give(self._arrivals, message):
            key = (message.communicator, message.source, message.tag)
            self._arrived.setdefault(key, deque()).append((self._arrivals, message))

    def post(self, receive: Receive) -> None:
        """Matches `receive` with the oldest message that it takes, or keeps it waiting."""
        key = self._oldest(receive)
        if key is None:
            self._receives.append(receive)
            return
        messages = self._arrived[key]
        receive.arrival, receive.message = messages.popleft()
        if not messages:
            del self._arrived[key]

    def withdraw(self, receive: Receive) -> None:
        """Takes back a receive; a message it was matched with is unread again, in its old place.

        One that was not posted, or was taken back before, is none of ours: nothing happens.
        """
        message = receive.message
        if message is None:
            if receive in self._receives:
                self._receives.remove(receive)
            return
        receive.message = None
        if not self._give(receive.arrival, message):
            key = (message.communicator, message.source, message.tag)
            messages = self._arrived.setdefault(key, deque())
            later = (i for i, (arrival, _) in enumerate(messages) if arrival > receive.arrival)
            messages.insert(next(later, len(messages)), (receive.arrival, message))

    def unmatched(self, communicator: int) -> dict[tuple[int, int], int]:
        """How many unread messages there are, by (source, tag)."""
        return {
            (source, tag): len(messages)
            for (there, source, tag), messages in self._arrived.items()
            if there == communicator
        }

    def describe_unmatched(self, communicator: int) -> str:
        """The unread messages in words, for an error message."""
        unread = sorted(self.unmatched(communicator).items())
        if not unread:
            return "no other message has arrived"
        told = [f"{n} from node {source} with tag {tag}" for (source, tag), n in unread[:_TOLD_MAX]]
        return f"unread: {', '.join(told)}{' ...' if len(unread) > _TOLD_MAX else ''}"

    def _give(self, arrival: int, message: Message) -> bool:
        """Matches a message with the first receive that takes it, if one does."""
        for index, receive in enumerate(self._receives):
            if receive.takes(message):
                receive.arrival, receive.message = arrival, message
                del self._receives[index]
                return True
        return False

    def _oldest(self, receive: Receive) -> tuple[int, int, int] | None:
        if receive.source != ANY and receive.tag != ANY:
            key = (receive.communicator, receive.source, receive.tag)
            return key if key in self._arrived else None
        found = [
            (messages[0][0], key)
            for key, messages in self._arrived.items()
            if receive.takes(messages[0][1])
        ]
        return min(found)[1] if found else None


def awaited(source: int, tag: int) -> str:
    """A receive in words, for messages to people."""
    whom = "any node" if source == ANY else f"node {source}"
    return f"recv from {whom} with {'any tag' if tag == ANY else f'tag {tag}'}"
