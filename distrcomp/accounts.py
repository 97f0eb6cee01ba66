"""What a node leaves behind: messages nobody received, requests nobody waited for; no I/O.

Nothing is counted while the program runs. Messages are counted by their receiver, at its end: what
lies unread in its mailbox then, and what still comes while it hears the others out. Messages of
collectives are no user's messages, but an unread one says that its sender was in a collective
without this node. Cards and services don't count.

A request counts when it dies without anybody having waited for it. Those that still live at the end
are looked for among all objects of the process. So beginning one costs no more than a flag; a
registry of those that live would cost as much as the rest of a request.

Where `--debug` asks for it, `Trace` remembers where the program sent its latest messages. Messages
with one tag between two nodes are received in order, so the unread ones are always the latest.
"""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Any

from . import limits
from .collectives.kinds import CARD, FREE, Kind, described, split_tag
from .frames import Message
from .mailbox import Mailbox
from .notices import Account, SentFrom, Undelivered, Unreceived, Unwaited
from .places import called, place_of
from .spaces import COLLECTIVE, POINT_TO_POINT, SPACES


class Trace:
    """Where a program has sent its latest messages.

    Args:
        folder: the program's; what it lies in is left out of the names of places.
    """

    def __init__(self, folder: str) -> None:
        self._folder = os.path.join(folder, "")
        self._sent: OrderedDict[tuple[int, int, int], deque[str]] = OrderedDict()

    def place(self) -> str:
        """Where the program has called us, as FILE:LINE; empty where that is not known."""
        return place_of(called(sys._getframe(1))[1], self._folder)

    def remember(self, dest: int, message: Message) -> None:
        """A message is being sent."""
        key = (dest, message.communicator, message.tag)
        places = self._sent.pop(key, None)
        if places is None:
            places = deque(maxlen=limits.LEFT_TOLD_MAX)
        places.append(self.place())
        self._sent[key] = places
        if len(self._sent) > limits.SENT_REMEMBERED_MAX:
            self._sent.popitem(last=False)

    def sent(self) -> tuple[SentFrom, ...]:
        """The latest messages, those of one kind together, as many as may be told."""
        told: list[SentFrom] = []
        left_bytes = limits.SENT_TOLD_BYTES_MAX
        for key, places in reversed(self._sent.items()):
            left_bytes -= sum(len(place.encode(errors="replace")) for place in places)
            if left_bytes < 0:
                break
            told.append(SentFrom(*key, tuple(places)))
        return tuple(reversed(told))


class Requests:
    """The requests of one node.

    Attributes:
        were_begun: whether there were any.
    """

    def __init__(self) -> None:
        self.were_begun = False
        self._is_closed = False
        self._unwaited: Counter[tuple[str, str]] = Counter()
        self._n_unwaited = 0

    def forsaken(self, request: Any) -> None:
        """A request has died, or lives at the end, and nobody has waited for it."""
        if self._is_closed:
            return
        self._n_unwaited += 1
        if len(self._unwaited) < limits.LEFT_TOLD_MAX:
            self._unwaited[request.described(), request.place] += 1

    def close(self, is_forsaken: Callable[[Any], bool]) -> tuple[int, tuple[Unwaited, ...]]:
        """At the end: how many were forsaken, and the first kinds of them.

        Args:
            is_forsaken: whether an object of this process is such a request.
        """
        if self.were_begun:
            for living in gc.get_objects():
                if is_forsaken(living):
                    self.forsaken(living)
        self._is_closed = True
        kinds = self._unwaited.items()
        return self._n_unwaited, tuple(Unwaited(what, n, place) for (what, place), n in kinds)


class Accounts:
    """The messages that one node leaves behind."""

    def __init__(self) -> None:
        self._n_message = 0
        self._unreceived: dict[tuple[int, int, int], list[int]] = {}
        self._undelivered: Counter[int] = Counter()

    def add(self, message: Message) -> None:
        """A message has come that nobody will ask for."""
        if not _counts(message):
            return
        self._n_message += message.communicator % SPACES == POINT_TO_POINT
        key = (message.source, message.communicator, message.tag)
        known = self._unreceived.get(key)
        if known is None:
            if len(self._unreceived) >= limits.LEFT_TOLD_MAX:
                return
            known = self._unreceived[key] = [0, 0]
        known[0] += 1
        known[1] += message.payload_bytes

    def add_unread(self, mailbox: Mailbox, communicator: int | None = None) -> None:
        """The same for all that lie in a mailbox; of one communicator, if it is named."""
        for kinds in mailbox.unread.values():
            for (where, _), messages in kinds.items():
                if communicator is None or where - where % SPACES == communicator:
                    for _, message in messages:
                        self.add(message)

    def drop(self, dest: int, nbytes: int) -> None:
        """So many bytes were still to go to a node that has finished."""
        self._undelivered[dest] += nbytes

    def balance(self, requests: tuple[int, tuple[Unwaited, ...]], trace: Trace | None) -> Account:
        """All that is left behind."""
        return Account(
            self._n_message,
            tuple(
                Unreceived(source, communicator, tag, n, nbytes, _collective(communicator, tag))
                for (source, communicator, tag), (n, nbytes) in self._unreceived.items()
            ),
            tuple(Undelivered(*each) for each in self._undelivered.items()),
            *requests,
            () if trace is None else trace.sent(),
        )


def _counts(message: Message) -> bool:
    """Whether a message says anything about the program."""
    space = message.communicator % SPACES
    if space != COLLECTIVE:
        return space == POINT_TO_POINT
    try:
        kind: Kind = split_tag(message.tag)[0]
    except ValueError:  # none of ours
        return False
    return kind not in (CARD, FREE)


def _collective(communicator: int, tag: int) -> str:
    return described(tag) if communicator % SPACES == COLLECTIVE else ""
