"""The links of one node to all others: how they come, are waited for, and end.

The control thread calls in here when the agent speaks; the calls of the program, in `engine`, stand
on it. What `send` left queued when it returned is written by the next call or, while the program
computes, by the control thread, which watches `leftovers`. What is known of other nodes' ends, and
when a call has to give up because of it, stands in `fates`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from .accounts import Accounts, Requests, Trace
from .errors import LinkFailed, WorldClosed
from .fates import Fates
from .frames import Message
from .goodbyes import say_goodbye
from .interrupts import Signals
from .links import Link
from .links.traffic import traffic
from .mailbox import Mailbox, Receive
from .notices import Account
from .poller import READABLE, WRITABLE
from .progress import Progress
from .shortcuts import Shortcuts
from .spaces import Spaces
from .waits import Waits

# A node that serves others looks at all links after so many receives by the engine, at the latest.
_ASIDE_AFTER = 64
_ASIDE = Receive(-2, -2, -2)


class Mesh:
    """What one node knows of the others, and its waiting for them.

    Args:
        who: this node's id, and how many nodes there are.
        peer_of: the peer on which a node runs, for error messages.
        want_link: asks for a link to a node and must not block; answered by `attach`,
            `link_failed` or `node_ended`.
        wake_flusher: tells the control thread that `leftovers` has changed; must not block.
        make_progress: makes what moves the messages and waits, of node id, mailbox and fates.

    Attributes:
        spaces: which numbers of communicators are used here.
        waits: what its threads wait for, as far as that is told.
        requests: which were begun, and whether anybody has waited for them.
        accounts: what nobody has received.
        trace: where the program has sent its messages, under `--debug`.
        gate, mailbox, bells, greetings, spins: for `fast_path`, which works on them itself.
    """

    trace: Trace | None = None

    def __init__(
        self,
        who: tuple[int, int],
        peer_of: Callable[[int], str],
        want_link: Callable[[int], None],
        wake_flusher: Callable[[], None],
        make_progress: Callable[[int, Mailbox, Fates], Progress] = Progress,
    ) -> None:
        self.node_id, self.n_node = who
        self.mailbox = Mailbox()
        self._want_link = want_link
        self._wake_flusher = wake_flusher
        self._fates = Fates(self.n_node, peer_of)
        self._progress = make_progress(self.node_id, self.mailbox, self._fates)
        self.bells = self._progress.bells
        self.greetings = self._progress.greetings
        self.spins = self._progress.spins
        self.gate = self._progress.gate
        self.peer_of = peer_of
        self.spaces = Spaces()
        self.waits = Waits()
        self.requests = Requests()
        self.accounts = Accounts()
        self._progress.dropped = self.accounts.drop
        self._shortcuts = Shortcuts()
        self._progress.attached = self._shortcuts.tell
        self.signals = Signals(self.gate, self._progress.poller.wake)
        self._links = self._progress.links
        self._wanted: set[int] = set()  # links asked for and not answered yet
        self._expected: set[int] = set()  # links whose handshake is going on
        self._refused: dict[int, str] = {}  # why a wanted link could not be made
        self._closed: Exception | None = None
        self.must_look_again = False
        self._n_taken = 0  # since all links were looked at

    def close(self, in_order: bool, hears_out: bool = False) -> bool:
        """Ends this node's part: with goodbyes, once all is delivered, or at once.

        Returns whether it had not ended before.

        Args:
            hears_out: waits a moment for what the others still send, to count it.
        """
        with self.gate:
            if self._closed is not None:
                return False
            self._closed = WorldClosed("this node has closed its connection to the others")
            self._shortcuts.close()
            progress = self._progress
            if not self.is_whole:  # what has their numbers now is the program's
                return False
            progress.poller.wake()
            while progress.is_polling:  # another thread waits in a call: it will meet `_closed`
                progress.condition.wait()
            interrupt = None
            if in_order:
                progress.unheard = self.accounts.add
                self.accounts.add_unread(self.mailbox)
                interrupt = say_goodbye(progress, self._fates, self.check_interrupt, hears_out)
            for node in list(self._links):
                progress.detach(node)
            progress.neighbours = None
            progress.poller.close()
            if progress.bells is not None:
                progress.bells.close()
        if interrupt is not None:
            raise interrupt
        self.check_interrupt()
        return True

    @property
    def is_whole(self) -> bool:
        """Whether the program has left alone what this node has open."""
        return self._progress.poller.is_whole

    def account(self, is_forsaken: Callable[[Any], bool]) -> Account:
        """What this node leaves behind; for its end. See Requests.close."""
        return self.accounts.balance(self.requests.close(is_forsaken), self.trace)

    # --- called by the control thread ---

    def expect(self, node: int) -> bool:
        """A handshake with `node` begins; `attach` or `link_failed` follows. False: needless."""
        with self.gate:
            if node in self._links or node in self._expected or self._closed is not None:
                return False
            self._expected.add(node)
            return True

    def attach(self, node: int, link: Link) -> bool:
        """A link to `node` is ready; a second one never displaces the first (S-27)."""
        with self.gate:
            self._expected.discard(node)
            self._wanted.discard(node)
            if self._closed is not None or node in self._links or self._fates.is_lost(node):
                link.close()
                return False
            self._progress.attach(node, link)
            return True

    def link_failed(self, node: int, why: str) -> None:
        """No link to `node` can be made: the call that wants it raises LinkFailed."""
        with self.gate:
            self._expected.discard(node)
            self._fates.no_link(node)
            if node in self._wanted:
                self._wanted.remove(node)
                self._refused[node] = why
            self._progress.wake()

    def node_ended(self, node: int, why: str) -> None:
        """The launcher says that `node` has ended; a link to it may still deliver first."""
        with self.gate:
            self._progress.hear_news()
            if self._fates.is_broken(node):
                self._progress.lose(node, why)
            elif node in self._links or node in self._expected:
                self._fates.judge(node, why)
                if node in self._links:
                    self._links[node].hang_up()
            else:
                self._fates.lose(node, why)
            self._progress.wake()

    def abort(self, node: int | None, why: str) -> None:
        """The run has failed because of `node`: every call raises NodeLost from now on.

        None: because nodes wait for each other; every call raises Deadlock.
        """
        with self.gate:
            self._fates.abort(node, why)
            self._shortcuts.close()
            self._progress.wake()

    def leftovers(self) -> list[tuple[int, int]]:
        """What to poll, and for what, while no call of the program is writing what is queued.

        When `must_look_again` is True afterwards, the poll shall end after SECOND_LOOK_S and
        `flush_leftovers` follow in any case (see links.bells).
        """
        progress = self._progress
        with self.gate:
            self.must_look_again = False
            if progress.is_polling or self._closed is not None or not progress.unsent:
                return []
            descriptors = [(self._links[node].fileno(), WRITABLE) for node in progress.unsent]
            if progress.bells is not None and any(each is None for each, _ in descriptors):
                self.must_look_again = not progress.bells.is_lying
                if self.must_look_again:
                    progress.bells.lie_down()
                    for node in list(progress.unsent):
                        progress.flush(node)
                descriptors.append((progress.bells.fileno(), READABLE))
            return [(each, mask) for each, mask in descriptors if each is not None]

    def flush_leftovers(self) -> None:
        """Writes what goes now, on behalf of a program that computes."""
        progress = self._progress
        with self.gate:
            if self._closed is not None:
                return
            if progress.bells is not None and progress.bells.silence() and not progress.is_polling:
                progress.bells.get_up()  # nobody rings twice for one sleep
            for node in list(progress.unsent):
                progress.flush(node)
            progress.wake()  # the bell may have rung for a call that has begun since

    # --- for the calls above

    def add_shortcut(self, shortcut: Any) -> None:
        """Has it know links, and hear of the end; see Shortcuts."""
        with self.gate:
            self._shortcuts.add(shortcut, self._links)

    def drop_shortcut(self, shortcut: Any) -> None:
        """What that stands for is no more."""
        with self.gate:
            self._shortcuts.drop(shortcut)

    def shortcuts(self) -> list[Any]:
        """All of these that still are, in no order."""
        with self.gate:
            return list(self._shortcuts)

    @property
    def is_serving(self) -> bool:
        """Whether others may ask something of this node, inside whatever call it is in."""
        return bool(self.mailbox.services)

    def turn_aside(self) -> None:
        """For who has gone in by the gate: has the next receive look at all that has come.

        A receive that is posted, even one that nothing matches, ends the short way.
        """
        if _ASIDE not in self.mailbox.receives:
            self.mailbox.receives.append(_ASIDE)

    def take_from(self, node: int, link: Link) -> list[Message]:
        """For who has gone in by the gate: what has arrived on a link."""
        if self.mailbox.services:
            self._n_taken += 1
            if self._n_taken >= _ASIDE_AFTER:
                self.turn_aside()
        return self._progress.take(node, link, 1)

    def traffic(self) -> tuple[int, int] | None:
        """The bytes received and sent so far, roughly and without the lock; None: not known."""
        found = [traffic(link) for link in list(self._links.values())]
        known = [each for each in found if each is not None]
        if len(known) < len(found):
            return None
        return sum(came for came, _ in known), sum(went for _, went in known)

    def deliver(self, message: Message) -> None:
        """For who has gone in by the gate: takes a message that has arrived."""
        self._progress.deliver(message)

    def link_to(self, node: int) -> Link | None:
        """The link to a node, if there is one by now."""
        return self._links.get(node)

    def are_near(self, nodes: Iterable[int]) -> bool:
        """Whether all of these, this one among them or not, share memory with this node."""
        return all(map(self._progress.is_near, nodes))

    def hear_news(self) -> None:
        """Has the short ways know the nodes of this machine that were silent so far."""
        with self.gate:
            self._progress.hear_news()

    def disown(self, error: Exception) -> None:
        """In a forked child: lets go of every descriptor without a word to anyone."""
        self.signals.forget()
        self._shortcuts.close()
        self._progress.disown()  # the lock may be held by threads that are not here
        self.gate = self._progress.gate
        if self._closed is None:
            self._closed = error
            for link in self._links.values():
                link.close()
            self._links.clear()
            self._progress.neighbours = None
            self._progress.poller.close()
            if self._progress.bells is not None:
                self._progress.bells.close()

    # --- signals ----------------------------------------------------------------------------------

    def check_interrupt(self) -> None:
        """Handles the signals that wait, if this is the main thread; may raise anything.

        Not in the middle of what messages have brought about: nobody would do the rest of it.
        """
        if self._progress.doer != threading.get_ident():
            self.signals.check()

    # --- inside, with the lock held --------------------------------------------------------------

    def _check(self) -> None:
        """Raises what ends every call: the world's end, Ctrl-C, the run's failure."""
        if self._closed is not None:
            raise self._closed.with_traceback(None)
        if self.gate.interrupted:
            self.check_interrupt()
        if self._fates.is_aborted:
            self.signals.hear()
            self._fates.check_run()

    def _make_link(self, node: int, space: int) -> Link:
        """Makes a link to `node`, or asks for one and waits for it, or for news that none comes."""
        while True:
            self._fates.check_node(node, space)
            self._progress.attach_near(node)
            if node in self._links:
                return self._links[node]
            if node in self._refused:
                raise LinkFailed(self._refused.pop(node), node)
            if node not in self._wanted and node not in self._expected:
                self._wanted.add(node)
                self._want_link(node)
            self._wait(None)

    def _wait_verdict(self, node: int, space: int) -> None:
        """On a broken link: waits for the news why, and raises it."""
        while node in self._links:
            self._wait(None)
        self._fates.check_node(node, space)

    def _wait(self, deadline: float | None, wanted: Receive | None = None) -> bool:
        self._check()
        moved = self._run_due() or self._progress.wait(deadline, wanted)
        moved = self._run_due() or moved
        self._check()
        return moved

    def _look_aside(self) -> None:
        """Does what others have asked for while this node's receives had no need to wait."""
        receives = self.mailbox.receives
        is_due = _ASIDE in receives
        if is_due:
            receives.remove(_ASIDE)
        if self.mailbox.services:
            self._n_taken += 1
            if is_due or self._n_taken >= _ASIDE_AFTER:
                self._n_taken = 0
                self._wait(0.0)

    def _run_due(self) -> bool:
        """Does, outside the lock, what messages have brought about; whether there was any.

        One thread at a time does it, so services see their messages in the order of arrival. What
        is due doesn't wait for anything and raises nothing. Signals wait until it is done.
        """
        progress = self._progress
        if not progress.due or progress.doer is not None:
            return False
        progress.doer = threading.get_ident()
        self.gate.release()
        try:
            while progress.due:
                progress.due.popleft()()
        finally:
            self.gate.acquire()
            progress.doer = None
            progress.wake()
        return True
