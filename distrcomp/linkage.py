"""The links of one node: taken, read into the mailbox, and let go.

What stands in a link comes to the mailbox, or to whoever is owed it, and an end of a link is told
to `fates`. When that is done, and what waits for it, is for `progress`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from time import monotonic

from .errors import ProtocolError
from .fates import Fates
from .frames import ACKNOWLEDGEMENT, QUESTION, Message
from .gate import Gate
from .links import Link, LinkEnded, ShmLink
from .links.greetings import GREETED, LEFT
from .links.local import Neighbours
from .mailbox import Mailbox, Receive
from .poller import READABLE, WRITABLE, Poller

MESSAGES_AT_ONCE = 16
"""One look at a link takes at most about so many messages, so that no link starves the others."""


class Linkage:
    """Those links. Every method is called with the lock held.

    Args:
        node_id: this node.
        mailbox, fates: what has arrived, and who has ended.
        neighbours: the nodes that share memory with this one; None without.

    Attributes:
        gate: guards everything; `condition` is over it.
        unmatched: the serials of messages of ours that nobody has received yet (`ssend`).
        unsent: nodes for which a call that is over left bytes queued.
        n_sending: how many calls wait for a send. While there are any every link is read, however
            much lies unread: two nodes that wait for each other's room would wait for ever.
        is_polling: whether a thread waits for all of them, in the kernel.
        due: what messages have brought about and is to be done outside the lock.
        doer: the thread that is doing that; None if none is.
        unheard: takes messages once nobody will ask for any more; none is kept then.
        dropped: is told of bytes that were to go to a node that has finished.
        attached: is told of each link that comes.
        bells, greetings: how nodes of this machine wake each other, and learn of their links; None
            without shared memory.
    """

    def __init__(
        self, node_id: int, mailbox: Mailbox, fates: Fates, neighbours: Neighbours | None
    ) -> None:
        self.gate = Gate()
        self.condition = threading.Condition(self.gate)  # type: ignore[arg-type]
        self.links: dict[int, Link] = {}
        self.unsent: set[int] = set()
        self.unmatched: set[int] = set()
        self.n_sending = 0
        self.due: deque[Callable[[], None]] = deque()
        self.doer: int | None = None
        self.unheard: Callable[[Message], None] | None = None
        self.dropped: Callable[[int, int], None] | None = None
        self.poller = Poller()
        self.is_polling = False
        self.neighbours = neighbours
        self.bells = bells = None if neighbours is None else neighbours.bells
        self.greetings = None if neighbours is None else neighbours.greetings
        self.attached: Callable[[int, Link], None] | None = None
        self._node_id = node_id
        self._mailbox = mailbox
        self._fates = fates
        self._local: list[int] = []  # nodes whose links have no descriptor
        self._held: set[int] = set()  # links not read now because the mailbox is full of theirs
        if bells is not None:
            self.poller.watch_bell(bells.fileno())

    def attach(self, node: int, link: Link) -> None:
        """Takes a link to `node`."""
        self.links[node] = link
        link.memory_for = self._memory_for
        if link.fileno() is None:
            self._local.append(node)
        self.watch(node, link)
        self.wake()
        if self.attached is not None:
            self.attached(node, link)

    def is_near(self, node: int) -> bool:
        """Whether a node shares memory with this one."""
        return self.neighbours is not None and node in self.neighbours

    def hear_news(self) -> bool:
        """Takes links to the nodes of this machine that use one now, and learns who has left.

        Returns whether there was anything to hear.
        """
        neighbours = self.neighbours
        if self.greetings is None or not self.greetings.has_news or neighbours is None:
            return False
        for node, said in neighbours.news():
            if said == GREETED:
                self.attach_near(node)
            elif said == LEFT:
                self._has_finished(node)
            else:
                self.lose(node, f"it greets by {said}, which is no greeting")
        return True

    def attach_near(self, node: int) -> None:
        """Takes a link to a node if it shares memory with this one, has none and is not lost."""
        neighbours = self.neighbours
        if neighbours is None or node not in neighbours or node in self.links:
            return
        if not self._fates.is_lost(node):
            self.attach(node, neighbours.link_to(node))

    def detach(self, node: int) -> None:
        """Closes the link to `node`."""
        self.unsent.discard(node)
        self._held.discard(node)
        link = self.links.pop(node)
        if (descriptor := link.fileno()) is None:
            self._local.remove(node)
        else:
            self.poller.unwatch(descriptor)
        link.close()

    def disown(self) -> None:
        """In a forked child: forgets who held the lock or was polling."""
        self.gate = Gate()
        self.condition = threading.Condition(self.gate)  # type: ignore[arg-type]
        self.is_polling = False
        self.doer = None

    def wake(self) -> None:
        """Has waiting calls look at the state again."""
        if self.is_polling:
            self.poller.wake()
            self.condition.notify_all()

    def watch(self, node: int, link: Link) -> None:
        """Waits for what `link` needs now."""
        if (descriptor := link.fileno()) is not None and not self._fates.is_broken(node):
            is_held = self._is_held(node, link)
            (self._held.add if is_held else self._held.discard)(node)
            mask = 0 if is_held else READABLE
            self.poller.watch(node, descriptor, mask | (WRITABLE if link.queued_bytes else 0))
            if self.is_polling:
                self.poller.wake()

    def _is_held(self, node: int, link: Link) -> bool:
        """Whether a link must wait because too much from there lies unread."""
        return not self.n_sending and self._mailbox.is_full(node) and not link.is_broken

    # --- moving -------------------------------------------------------------------------------

    def flush(self, node: int) -> None:
        """Sends what goes now to `node`."""
        link = self.links[node]
        link.flush()
        self._settle(node, link)

    def _settle(self, node: int, link: Link) -> None:
        if not link.queued_bytes:
            self.unsent.discard(node)
        self.watch(node, link)
        self.wake()

    def read(self, node: int, link: Link, most: int) -> None:
        """Takes messages from a link into the mailbox."""
        for message in self.take(node, link, most):
            self.deliver(message)

    def sweep(self, node: int) -> None:
        """Takes all that stands in the ring from `node` now, however much is added meanwhile."""
        self.hear_news()
        link = self.links.get(node)
        if not isinstance(link, ShmLink):
            return
        reader = link.reader
        last = reader.consumed + reader.size
        while node in self.links and reader.has_record() and reader.consumed < last:
            before = reader.consumed
            self.read(node, link, MESSAGES_AT_ONCE)
            if reader.consumed == before:
                return  # a long message, of which its sender still holds the rest

    def _memory_for(self, message: Message, nbytes: int) -> memoryview | None:
        """Where a message may arrive straight that is the next of all from its source."""
        receive = self._mailbox.receive_for(message)
        if receive is None or receive.target is None or self.unheard:
            return None
        return receive.target.memory_for(message, nbytes)

    def take(self, node: int, link: Link, most: int) -> list[Message]:
        """Messages that have arrived; the end of the link is dealt with."""
        messages: list[Message] = []
        try:
            messages = link.receive(most)
            if link.at_end:
                link.receive(most)
        except LinkEnded as end:
            self._end_of_link(node, link, end)
        except ProtocolError as error:
            self.lose(node, f"it sent what is no message ({error})")
        else:
            if self._is_held(node, link):
                self.watch(node, link)
        return messages

    def deliver(self, message: Message) -> None:
        """Takes a message that has arrived."""
        if message.codec == ACKNOWLEDGEMENT:
            if message.tag == QUESTION:
                self._acknowledge(message)
                return
            self.unmatched.discard(message.serial)
            self.wake()
            return
        if self.unheard is not None:
            self.unheard(message)
            return
        receive = self._mailbox.deliver(message)
        if receive is not None:
            self.matched(receive)
        if receive is not None or self._mailbox.is_looked_for(message):
            self.wake()

    def matched(self, receive: Receive) -> None:
        """Sees to what follows where a receive was just matched: `then`, and the sender's wait.

        Nothing, where it has not been.
        """
        message = receive.message
        if message is None:
            return
        if receive.then is not None:
            self.due.append(receive.then)
        if not message.serial:
            return
        receive.message = message._replace(serial=0)
        if message.source == self._node_id:
            self.unmatched.discard(message.serial)
            self.wake()
        else:
            self._acknowledge(message)

    def _acknowledge(self, message: Message) -> None:
        if (link := self.links.get(message.source)) is None:
            return
        link.post(Message(self._node_id, 0, 0, ACKNOWLEDGEMENT, b"", [], message.serial))
        if link.queued_bytes:
            self.unsent.add(message.source)
            self.watch(message.source, link)

    def _end_of_link(self, node: int, link: Link, end: LinkEnded) -> None:
        if end.clean:
            self._has_finished(node)
        elif self._fates.link_broke(node, str(end), monotonic()):
            self.detach(node)
        elif (descriptor := link.fileno()) is not None:
            self.poller.unwatch(descriptor)

    def _has_finished(self, node: int) -> None:
        link = self.links.get(node)
        if link and link.queued_bytes and self.dropped and not self.unheard:  # else maybe a goodbye
            self.dropped(node, link.queued_bytes)
        self.lose(node, "it has finished: it sends and receives no more")

    def lose(self, node: int, why: str) -> None:
        """Nothing more can come from `node`."""
        self._fates.lose(node, why)
        if node in self.links:
            self.detach(node)
        self.wake()
