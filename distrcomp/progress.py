"""Progress: moves messages between links and mailbox, and waits.

One lock guards all state here, the mailbox and every link. A thread that must wait first looks for
a while, if there is a core for every node of this machine, and then tries to be the poller: it lets
go of the lock, sleeps in the kernel on everything at once, takes the lock again and handles what
came. Other waiting threads sleep on a condition until the poller has made progress. So messages
move inside the calls of the program and no thread stands on their path.

What changes what a sleeping thread waits for wakes it: the poller by its pipe, and it the others.
Links of this machine have no descriptor; their other ends ring this node's bell (see links.bells).
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
from .links.bells import SECOND_LOOK_S
from .links.greetings import GREETED, LEFT
from .links.local import Neighbours
from .mailbox import Mailbox, Receive
from .poller import BELL, READABLE, WRITABLE, Poller

SPIN_S = 200e-6
"""How long a node looks before it sleeps: about what falling asleep and waking up costs."""

# One sleep in the kernel; far below what its calls take, so that any `timeout` is a legal one.
_SLEEP_MAX_S = 3600.0
# One look at a link takes at most about so many messages, so that no link starves the others.
_MESSAGES_AT_ONCE = 16
# All sockets together have one turn among the links of this machine.
_SOCKETS = -2


class Progress:
    """The links of one node and its waiting. Every method is called with the lock held.

    Args:
        node_id: this node.
        mailbox, fates: what has arrived, and who has ended.
        neighbours: the nodes that share memory with this one; None without.
        spins: whether there is a core for every node of this machine.

    Attributes:
        gate: guards everything; `condition` is over it.
        unmatched: the serials of messages of ours that nobody has received yet (`ssend`).
        unsent: nodes for which a call that is over left bytes queued.
        n_sending: how many calls wait for a send. While there are any every link is read, however
            much lies unread: two nodes that wait for each other's room would wait for ever.
        due: what messages have brought about and is to be done outside the lock.
        doer: the thread that is doing that; None if none is.
        unheard: takes messages once nobody will ask for any more; none is kept then.
        dropped: is told of bytes that were to go to a node that has finished.
        attached: is told of each link that comes.
        bells: how nodes of this machine wake each other; None without shared memory.
        conditions: what threads wait for in memory that others write; who sleeps looks there last.
        is_rung: whether others of this machine ring when this node sleeps and they have written.
    """

    def __init__(
        self,
        node_id: int,
        mailbox: Mailbox,
        fates: Fates,
        neighbours: Neighbours | None = None,
        spins: bool = False,
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
        self.conditions: list[Callable[[], bool]] = []
        self.poller = Poller()
        self.is_polling = False
        self.neighbours = neighbours
        self.bells = bells = None if neighbours is None else neighbours.bells
        self.is_rung = bells is not None
        self.attached: Callable[[int, Link], None] | None = None
        self.spins = spins
        self._node_id = node_id
        self._mailbox = mailbox
        self._fates = fates
        self._spin_s = SPIN_S if spins else 0.0
        self._local: list[int] = []  # nodes whose links have no descriptor
        self._held: set[int] = set()  # links not read now because the mailbox is full of theirs
        self._turn = 0
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
        if neighbours is None or not neighbours.greetings.has_news:
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
        """Takes a link to a node that shares memory with this one, unless it has one or is lost."""
        if self.neighbours and node not in self.links and not self._fates.is_lost(node):
            self.attach(node, self.neighbours.link_to(node))

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

    # --- waiting ------------------------------------------------------------------------------

    def wait(self, deadline: float | None, wanted: Receive | None = None) -> bool:
        """One round: moves what can move, or else waits until something can or the deadline.

        Returns whether it did not have to wait.

        Args:
            wanted: the receive that the caller waits for; once it is matched, no more is read.
        """
        for node in list(self._held):
            self.watch(node, self.links[node])
        if self._move(wanted):
            return True
        until = [at for at in (deadline, self._fates.next_deadline) if at is not None]
        self._idle(min(until, default=None), wanted)
        if self._fates.next_deadline is not None:
            for node in self._fates.lose_overdue(monotonic()):
                self.detach(node)
        return False

    def _idle(self, until: float | None, wanted: Receive | None) -> None:
        """Lets time go by until something can move, or until then."""
        timeout = None if until is None else min(max(0.0, until - monotonic()), _SLEEP_MAX_S)
        with self.poller.woken_by_signals():
            if self.is_polling:
                self.condition.wait(timeout)
            elif timeout != 0.0 and not self._spin(wanted, timeout):
                self._sleep(timeout)

    def _move(self, wanted: Receive | None) -> bool:
        """Moves what can move without waiting; whether anything did."""
        moved = self.hear_news()
        if wanted is not None and (link := self.links.get(wanted.source)) is not None:
            node = wanted.source
            if link.fileno() is None and self._can_read(node, link):
                self.read(node, link, 1)
                if wanted.message is not None:
                    return True
                moved = True
        for node in self._in_turn():
            link = self.links.get(node)
            if link is None:
                if node == _SOCKETS:
                    moved = self._move_sockets() or moved
            else:
                if link.queued_bytes and link.flush():
                    self._settle(node, link)
                    moved = True
                if self._can_read(node, link):
                    self.read(node, link, 1 if wanted is not None else _MESSAGES_AT_ONCE)
                    moved = True
            if wanted is not None and wanted.message is not None:
                return True
        return moved

    def _move_sockets(self) -> bool:
        if self.is_polling:
            return False
        ready = self.poller.wait(0.0)
        for node, mask in ready:
            self._serve(node, mask)
        return bool(ready)

    def _in_turn(self) -> list[int]:
        """The nodes of this machine and the sockets, each time another one first."""
        turns = [*self._local, _SOCKETS] if len(self.poller) else list(self._local)
        if len(turns) < 2:
            return turns
        self._turn = (self._turn + 1) % len(turns)
        return turns[self._turn :] + turns[: self._turn]

    def _spin(self, wanted: Receive | None, timeout: float | None) -> bool:
        """Looks for a while; whether anything moved."""
        if not self._spin_s:
            return False
        until = monotonic() + (self._spin_s if timeout is None else min(self._spin_s, timeout))
        while monotonic() < until:
            if self._move(wanted):
                return True
        return False

    def _sleep(self, timeout: float | None) -> None:
        """Sleeps on everything with the lock let go, then handles what came by descriptors."""
        bells = self.bells if self.is_rung else None
        if bells is not None:
            bells.lie_down()
            if self._can_move():
                bells.get_up()
                return
        self.is_polling = True
        try:
            first = timeout if bells is None else min(SECOND_LOOK_S, timeout or SECOND_LOOK_S)
            ready = self._poll(first)
            if not ready and first is not None and first != timeout and not self._can_move():
                ready = self._poll(None if timeout is None else timeout - first)
        finally:
            self.is_polling = False
            if bells is not None:
                bells.get_up()
            self.condition.notify_all()
        for node, mask in ready:
            self._serve(node, mask)

    def _poll(self, timeout: float | None) -> list[tuple[int, int]]:
        self.condition.release()
        try:
            return self.poller.wait(timeout)
        finally:
            self.condition.acquire()

    def _can_move(self) -> bool:
        """The last look before sleep: whether a link without descriptor can move, or there is news,
        or what a thread waits for in memory."""
        return (
            self.hear_news()
            or any(holds() for holds in self.conditions)
            or any(map(self._moves, self._local))
        )

    def _moves(self, node: int) -> bool:
        link = self.links[node]
        if self._can_read(node, link):
            return True
        if not (link.queued_bytes and link.flush()):
            return False
        self._settle(node, link)
        return True

    def _can_read(self, node: int, link: Link) -> bool:
        """Whether a link without descriptor has something that may be read now."""
        return (
            link.can_receive() and not self._is_held(node, link) and not self._fates.is_broken(node)
        )

    def _is_held(self, node: int, link: Link) -> bool:
        """Whether a link must wait because too much from there lies unread."""
        return not self.n_sending and self._mailbox.is_full(node) and not link.is_broken

    def _serve(self, node: int, mask: int) -> None:
        if node == BELL and self.bells is not None:
            self.bells.silence()
        link = self.links.get(node)
        if link is not None and mask & WRITABLE:
            self.flush(node)
        if link is not None and mask & READABLE and node in self.links:
            self.read(node, link, _MESSAGES_AT_ONCE)

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
            self.read(node, link, _MESSAGES_AT_ONCE)
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
