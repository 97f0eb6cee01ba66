"""What one node has received and not asked for, and what it has asked for and not received.

No I/O. A message matches a posted receive when communicator, source and tag agree, ANY agreeing
with all (MPI-4.1, 3.5). What always holds: no message here matches any receive posted here, because
`post` looks through the messages first, `deliver` and `withdraw` through the receives. So two
messages from one source with one tag never overtake each other: the earlier is matched by the
earlier receive that takes it. Among several sources the message that arrived first wins.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from . import limits
from .frames import Message
from .targets import Target

ANY = -1
DROPPED = -1
"""The communicator of a receive whose own was freed."""

_Queue = deque[tuple[int, Message]]  # messages with their arrival numbers, oldest first


class Receive:
    """A receive that was posted; `message` is set once it is matched.

    `arrival` is then the number of that message in the order of arrivals, and `then`, if there is
    one, is due to be called: see `Mesh.run_due`. `target` is the memory that it gives, if it does.
    """

    __slots__ = ("arrival", "communicator", "message", "source", "tag", "target", "then")

    def __init__(
        self, communicator: int, source: int, tag: int, then: Callable[[], None] | None = None
    ) -> None:
        self.communicator = communicator
        self.source = source
        self.tag = tag
        self.message: Message | None = None
        self.arrival = 0
        self.then = then
        self.target: Target | None = None

    @property
    def is_straight(self) -> bool:
        """Whether its message lies in the memory that it gave."""
        message, target = self.message, self.target
        return message is not None and target is not None and target.holds(message)

    def takes(self, message: Message) -> bool:
        """Whether `message` is one that this receive asks for."""
        return (
            self.communicator == message.communicator
            and self.source in (ANY, message.source)
            and self.tag in (ANY, message.tag)
        )


class Mailbox:
    """Matches posted receives with arrived messages.

    Attributes:
        receives: the posted receives that wait, oldest first.
        probes: what the callers look for who will take nothing; theirs to add and to remove.
        services: by message space, who may send there and what handles it; see `serve`.
        unread: the sources from which messages lie here, and these by (communicator, tag). It and
            `receives` are for looking only.

    Example:
        >>> mailbox = Mailbox()
        >>> mailbox.deliver(Message(3, 7, 0, 1, b"", []))
        >>> receive = Receive(0, ANY, 7)
        >>> mailbox.post(receive)
        >>> receive.message.source
        3
    """

    def __init__(self) -> None:
        self.receives: list[Receive] = []
        self.probes: list[Receive] = []
        self.unread: dict[int, dict[tuple[int, int], _Queue]] = {}
        self.services: dict[int, tuple[frozenset[int], Callable[[Message], None]]] = {}
        self._unread_bytes: dict[int, int] = {}
        self._arrivals = 0

    @property
    def arrivals(self) -> int:
        """How many messages have ever been given to `deliver`."""
        return self._arrivals

    def deliver(self, message: Message) -> Receive | None:
        """Gives an arrived message to the first receive that takes it, or keeps it."""
        self._arrivals += 1
        receive = self._give(self._arrivals, message)
        if receive is None:
            self._keep(self._arrivals, message)
        return receive

    def serve(
        self, communicator: int, members: frozenset[int], handle: Callable[[Message], None]
    ) -> list[Receive]:
        """Has each message that arrives on a communicator matched with a receive of its own.

        Its `then` handles it. Nothing else may be received there.

        Args:
            members: who may send there.

        Returns:
            Those of what has arrived before.
        """
        self.services[communicator] = members, handle
        served = []
        while self.find(wanted := Receive(communicator, ANY, ANY)) is not None:
            self.post(wanted)
            if wanted.message is not None:
                wanted.then = partial(handle, wanted.message)
                served.append(wanted)
        return served

    def deliver_back(self, message: Message) -> None:
        """Makes a message unread again that was the oldest of all when it was taken."""
        if not self._give(0, message):
            self._keep(0, message)

    def post(self, receive: Receive) -> None:
        """Matches `receive` with the oldest message that it takes, or keeps it waiting."""
        found = self._oldest(receive)
        if found is None:
            self.receives.append(receive)
        else:
            receive.arrival, receive.message = self._take(found)

    def find(self, receive: Receive) -> Message | None:
        """The message with which `receive` would be matched if it were posted (MPI-4.1, 3.8.1)."""
        found = self._oldest(receive)
        return None if found is None else found[0][1]

    def withdraw(self, receive: Receive) -> None:
        """Takes back a receive; a message it was matched with is unread again, in its old place.

        One that was not posted, or was taken back before, is none of ours: nothing happens.
        """
        message = receive.message
        if message is None:
            if receive in self.receives:
                self.receives.remove(receive)
            return
        if receive.is_straight:  # whose memory is the caller's again
            message = message._replace(buffers=[bytearray(message.buffers[0])])
        receive.message = None
        if not self._give(receive.arrival, message):
            self._keep(receive.arrival, message)

    def drop(self, communicator: int) -> None:
        """Forgets what lies unread on a communicator, and who waits there."""
        self.services.pop(communicator, None)
        for receive in [each for each in self.receives if each.communicator == communicator]:
            self.receives.remove(receive)
            receive.communicator = DROPPED
        for source, tag in self.unmatched(communicator):
            receive = Receive(communicator, source, tag)
            while (found := self._oldest(receive)) is not None:
                self._take(found)

    def is_full(self, source: int) -> bool:
        """Whether so much lies here from `source`, which nobody asks for, that it must wait."""
        return (
            self._unread_bytes.get(source, 0) > limits.UNREAD_BYTES
            and not any(
                receive.source in (ANY, source) for receive in (*self.receives, *self.probes)
            )
            and not any(source in members for members, _ in self.services.values())
        )

    def receive_for(self, message: Message) -> Receive | None:
        """The receive with which such a message would be matched if it arrived now."""
        return next((each for each in self.receives if each.takes(message)), None)

    def is_looked_for(self, message: Message) -> bool:
        """Whether a probe waits for such a message."""
        return any(probe.takes(message) for probe in self.probes)

    def unmatched(self, communicator: int) -> dict[tuple[int, int], int]:
        """How many unread messages there are, by (source, tag)."""
        return {
            (source, tag): len(messages)
            for source, kinds in self.unread.items()
            for (there, tag), messages in kinds.items()
            if there == communicator
        }

    def describe_unmatched(
        self, communicator: int, name: Callable[[int], str] = "node {}".format
    ) -> str:
        """The unread messages in words, for an error message.

        Args:
            name: what a node is called there.
        """
        unread = sorted(self.unmatched(communicator).items())
        if not unread:
            return "no other message has arrived"
        first = unread[: limits.UNREAD_TOLD_MAX]
        told = [f"{n} from {name(source)} with tag {tag}" for (source, tag), n in first]
        return f"unread: {', '.join(told)}{' ...' if len(unread) > len(first) else ''}"

    def _give(self, arrival: int, message: Message) -> Receive | None:
        """Matches a message with the first receive that takes it, if one does."""
        service = self.services.get(message.communicator)
        if service is not None:
            receive = Receive(message.communicator, message.source, message.tag)
            receive.message, receive.then = message, partial(service[1], message)
            return receive
        for index, receive in enumerate(self.receives):
            if receive.takes(message):
                receive.arrival, receive.message = arrival, message
                del self.receives[index]
                return receive
        return None

    def _keep(self, arrival: int, message: Message) -> None:
        kinds = self.unread.setdefault(message.source, {})
        messages = kinds.setdefault((message.communicator, message.tag), deque())
        if messages and messages[-1][0] > arrival:  # it lay here before, and comes back
            later = (index for index, (number, _) in enumerate(messages) if number > arrival)
            messages.insert(next(later), (arrival, message))
        else:
            messages.append((arrival, message))
        self._count(message, 1)

    def _oldest(self, receive: Receive) -> _Queue | None:
        """The queue whose first message is the oldest one that `receive` takes."""
        best: _Queue | None = None
        unread = self.unread
        if receive.source != ANY:
            kinds = unread.get(receive.source)
            if kinds is None:
                return None
            if receive.tag != ANY:
                return kinds.get((receive.communicator, receive.tag))
            searched: Iterable[dict[tuple[int, int], _Queue]] = (kinds,)
        else:
            searched = unread.values()
        for kinds in searched:
            for (communicator, tag), messages in kinds.items():
                if (
                    communicator == receive.communicator
                    and receive.tag in (ANY, tag)
                    and (best is None or messages[0][0] < best[0][0])
                ):
                    best = messages
        return best

    def _take(self, messages: _Queue) -> tuple[int, Message]:
        arrival, message = messages.popleft()
        self._count(message, -1)
        if not messages:
            kinds = self.unread[message.source]
            del kinds[message.communicator, message.tag]
            if not kinds:
                del self.unread[message.source]
                del self._unread_bytes[message.source]
        return arrival, message

    def _count(self, message: Message, sign: int) -> None:
        nbytes = message.payload_bytes + limits.MESSAGE_OVERHEAD_BYTES
        source = message.source
        self._unread_bytes[source] = self._unread_bytes.get(source, 0) + sign * nbytes


def awaited(source: int, tag: int, name: Callable[[int], str] = "node {}".format) -> str:
    """A receive in words, for messages to people; see `Mailbox.describe_unmatched`."""
    whom = "any node" if source == ANY else name(source)
    return f"recv from {whom} with {'any tag' if tag == ANY else f'tag {tag}'}"
