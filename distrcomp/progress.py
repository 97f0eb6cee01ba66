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

from collections.abc import Callable
from time import monotonic

from .fates import Fates
from .linkage import MESSAGES_AT_ONCE, Linkage
from .links import Link
from .links.bells import SECOND_LOOK_S
from .links.local import Neighbours
from .mailbox import Mailbox, Receive
from .poller import BELL, READABLE, WRITABLE

SPIN_S = 200e-6
"""How long a node looks before it sleeps: about what falling asleep and waking up costs."""

# One sleep in the kernel; far below what its calls take, so that any `timeout` is a legal one.
_SLEEP_MAX_S = 3600.0
# All sockets together have one turn among the links of this machine.
_SOCKETS = -2


class Progress(Linkage):
    """The links of one node and its waiting. Every method is called with the lock held.

    Args:
        node_id, mailbox, fates, neighbours: see Linkage.
        spins: whether there is a core for every node of this machine.

    Attributes:
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
        super().__init__(node_id, mailbox, fates, neighbours)
        self.conditions: list[Callable[[], bool]] = []
        self.is_rung = self.bells is not None
        self.spins = spins
        self._spin_s = SPIN_S if spins else 0.0
        self._turn = 0

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
                    self.read(node, link, 1 if wanted is not None else MESSAGES_AT_ONCE)
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

    def _serve(self, node: int, mask: int) -> None:
        if node == BELL and self.bells is not None:
            self.bells.silence()
        link = self.links.get(node)
        if link is not None and mask & WRITABLE:
            self.flush(node)
        if link is not None and mask & READABLE and node in self.links:
            self.read(node, link, MESSAGES_AT_ONCE)
