"""Progress: moves messages between links and mailbox, and waits.

One lock guards all state here, the mailbox and every link. A thread that must wait first tries to
be the poller: it lets go of the lock, sleeps in the kernel on every link at once, takes the lock
again and handles what came. Other waiting threads sleep on a condition until the poller has made
progress. So messages move inside the calls of the program and no thread stands on their path. What
`send` left queued when it returned is written by the next call or, while the program computes, by
the control thread, which watches `leftovers`.

What changes what a sleeping thread waits for wakes it: the poller by its pipe, and it the others.
What is known of other nodes' ends, and when a call has to give up because of it, stands in `fates`.

Ctrl-C must not cut a message in two: while the main thread is in here the signal is noted, and
raised as KeyboardInterrupt where the state is whole. A receive that is interrupted leaves its
message unread, for the next one.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from . import codec, limits
from .errors import LinkFailed, ProtocolError, RecvTimeout, WorldClosed
from .fates import Fates
from .frames import WireMessage, message_parts
from .links import Link, LinkEnded
from .mailbox import Mailbox, Message, Receive, awaited
from .poller import READABLE, WRITABLE, Poller

# While a receiver drains a link, `send` keeps writing; after this pause it is busy elsewhere.
_PATIENCE_S = 0.002
# One sleep in the kernel; far below what its calls take, so that any `timeout` is a legal one.
_SLEEP_MAX_S = 3600.0
# Acknowledgements wake nobody: at the end of a node they are asked for this often.
_DRAIN_LOOK_S = 0.002


class Engine:
    """The messages of one node.

    Args:
        node_id, n_node: who this node is, of how many.
        peer_of: the peer on which a node runs, for error messages.
        want_link: asks for a link to a node and must not block; answered by `attach`,
            `link_failed` or `node_ended`.
        wake_flusher: tells the control thread that `leftovers` has changed; must not block.
    """

    def __init__(
        self,
        node_id: int,
        n_node: int,
        peer_of: Callable[[int], str],
        want_link: Callable[[int], None],
        wake_flusher: Callable[[], None],
    ) -> None:
        self.node_id = node_id
        self.n_node = n_node
        self._want_link = want_link
        self._wake_flusher = wake_flusher
        self._condition = threading.Condition(threading.Lock())
        self._mailbox = Mailbox()
        self._poller = Poller()
        self._polling = False
        self._links: dict[int, Link] = {}
        self._unsent: set[int] = set()  # nodes for which a finished `send` left bytes queued
        self._wanted: set[int] = set()  # links asked for and not answered yet
        self._expected: set[int] = set()  # links whose handshake is going on
        self._refused: dict[int, str] = {}  # why a wanted link could not be made
        self._fates = Fates(n_node, peer_of)
        self._closed: Exception | None = None
        self._critical = False
        self._interrupted = False

    # --- the program's calls ---------------------------------------------------------------

    def send(self, dest: int, communicator: int, tag: int, value: Any) -> None:
        """Standard-mode send: returns when `value` may be changed again."""
        kind, meta, buffers = codec.encode(value)
        with self._state():
            if dest == self.node_id:
                copies = [bytearray(buffer) for buffer in buffers]
                self._deliver(dest, WireMessage(communicator, tag, kind, meta, copies))
                self._wake()  # another thread may wait for just this
                return
            link = self._links.get(dest) or self._make_link(dest)
            link.post(message_parts(WireMessage(communicator, tag, kind, meta, buffers)))
            if link.queued_bytes or link.is_broken:
                self._push(dest, link)

    def receive(self, communicator: int, source: int, tag: int, timeout: float | None) -> Message:
        """The oldest message that matches, waiting for it up to `timeout` seconds."""
        wanted = Receive(communicator, source, tag)
        deadline = None if timeout is None else monotonic() + timeout
        try:
            with self._state():
                self._mailbox.post(wanted)
                message = self._wait_message(wanted, deadline)
                if message is None:
                    unread = self._mailbox.describe_unmatched(communicator)
                    raise RecvTimeout(awaited(source, tag), timeout or 0.0, unread)
            return message
        except BaseException:
            self._withdraw(wanted)
            raise

    def close(self, in_order: bool) -> None:
        """Ends this node's part: with goodbyes, once all is delivered, or at once."""
        with self._state(closed_too=True):
            if self._closed is not None:
                return
            self._closed = WorldClosed("this node has closed its connection to the others")
            self._poller.wake()
            while self._polling:  # another thread waits in a call: it will meet `_closed`
                self._condition.wait()
            if in_order:
                self._say_goodbye()
            for node in list(self._links):
                self._detach(node)
            self._poller.close()

    # --- called by the control thread ---

    def expect(self, node: int) -> bool:
        """A handshake with `node` begins; `attach` or `link_failed` follows. False: needless."""
        with self._condition:
            if node in self._links or node in self._expected or self._closed is not None:
                return False
            self._expected.add(node)
            return True

    def attach(self, node: int, link: Link) -> bool:
        """A link to `node` is ready; a second one never displaces the first (S-27)."""
        with self._condition:
            self._expected.discard(node)
            self._wanted.discard(node)
            if self._closed is not None or node in self._links or self._fates.is_lost(node):
                link.close()
                return False
            self._links[node] = link
            self._poller.watch(node, link)
            self._wake()
            return True

    def link_failed(self, node: int, why: str) -> None:
        """No link to `node` can be made: the call that wants it raises LinkFailed."""
        with self._condition:
            self._expected.discard(node)
            self._fates.no_link(node)
            if node in self._wanted:
                self._wanted.remove(node)
                self._refused[node] = why
            self._wake()

    def node_ended(self, node: int, why: str) -> None:
        """The launcher says that `node` has ended; a link to it may still deliver first."""
        with self._condition:
            if self._fates.is_broken(node):
                self._lose(node, why)
            elif node in self._links or node in self._expected:
                self._fates.judge(node, why)
            else:
                self._fates.lose(node, why)
            self._wake()

    def abort(self, node: int, why: str) -> None:
        """The run has failed because of `node`: every call raises NodeLost from now on."""
        with self._condition:
            self._fates.abort(node, why)
            self._wake()

    def leftovers(self) -> list[int]:
        """Descriptors with bytes to write that no call of the program is writing now."""
        with self._condition:
            if self._polling or self._closed is not None:
                return []
            return [self._links[node].fileno() for node in self._unsent]

    def flush_leftovers(self) -> None:
        """Writes what goes now, on behalf of a program that computes."""
        with self._condition:
            for node in list(self._unsent):
                self._flush(node, self._links[node])

    # --- after fork, and signals ---------------------------------------------------------------

    def disown(self, error: Exception) -> None:
        """In a forked child: lets go of every descriptor without a word to anyone."""
        self._condition = threading.Condition(threading.Lock())  # the old one may be held
        self._polling = self._critical = self._interrupted = False  # by threads that are not here
        if self._closed is None:
            self._closed = error
            for link in self._links.values():
                link.close()
            self._links.clear()
            self._poller.close()

    def on_interrupt(self, number: int, stack: Any) -> None:
        """The node's SIGINT handler: KeyboardInterrupt, but never inside a message."""
        if self._critical:
            self._interrupted = True
            self._poller.wake()
        else:
            signal.default_int_handler(number, stack)

    # --- inside, with the lock held --------------------------------------------------------------

    @contextmanager
    def _state(self, *, closed_too: bool = False) -> Iterator[None]:
        """Holds the lock for one call of the program."""
        main = _is_main()
        if main:  # before the lock: KeyboardInterrupt inside of `with` could leave it locked
            self._critical = True
        try:
            with self._condition:
                try:
                    if not closed_too:
                        self._check()
                    yield
                finally:
                    if self._unsent and self._closed is None:
                        self._wake_flusher()
        finally:
            if main:
                self._critical = False
                self._check_interrupt()

    def _withdraw(self, wanted: Receive) -> None:
        with self._state(closed_too=True):
            self._mailbox.withdraw(wanted)
            self._wake()  # the message may go to a receive of another thread

    def _check_interrupt(self) -> None:
        if self._interrupted and _is_main():
            self._interrupted = False
            raise KeyboardInterrupt

    def _check(self) -> None:
        """Raises what ends every call: the world's end, Ctrl-C, the run's failure."""
        if self._closed is not None:
            raise self._closed.with_traceback(None)
        self._check_interrupt()
        self._fates.check_run()

    def _make_link(self, node: int) -> Link:
        """Asks for a link to `node` and waits for it, or for the news that there is none."""
        while True:
            self._fates.check_node(node)
            if node in self._links:
                return self._links[node]
            if node in self._refused:
                raise LinkFailed(self._refused.pop(node))
            if node not in self._wanted and node not in self._expected:
                self._wanted.add(node)
                self._want_link(node)
            self._wait(None)

    def _push(self, dest: int, link: Link) -> None:
        """Writes on until all is out, or the receiver pauses and what is left fits the budget.

        On a broken link it waits for the news why; so one who only sends learns it, too.
        """
        self._watch(dest, link)
        try:
            fits = link.queued_bytes <= limits.SEND_BUFFER_BYTES and not link.is_broken
            if fits and dest in self._unsent:
                return  # the receiver is busy elsewhere, as the last send found
            while link.queued_bytes or link.is_broken:
                before = link.queued_bytes
                within = before <= limits.SEND_BUFFER_BYTES and not link.is_broken
                self._wait(monotonic() + _PATIENCE_S if within else None)
                self._fates.check_node(dest)
                if within and link.queued_bytes >= before:
                    break
        finally:
            if link.queued_bytes:
                link.own()
                self._unsent.add(dest)

    def _wait_message(self, wanted: Receive, deadline: float | None) -> Message | None:
        """The message with which the receive is matched before the deadline."""
        while wanted.message is None:
            self._fates.check_source(wanted.source)
            overdue = deadline is not None and monotonic() >= deadline
            self._wait(deadline)
            if overdue:
                break
        return wanted.message

    def _wait(self, deadline: float | None) -> None:
        """One round of progress, waiting for it until the deadline at most."""
        self._check()
        until = [at for at in (deadline, self._fates.next_deadline) if at is not None]
        timeout = min(max(0.0, min(until) - monotonic()), _SLEEP_MAX_S) if until else None
        with self._poller.woken_by_signals():
            if self._polling:
                self._condition.wait(timeout)
            else:
                self._poll(timeout)
        self._check()

    def _poll(self, timeout: float | None) -> None:
        """Sleeps on every link with the lock let go, then handles what came."""
        self._polling = True
        self._condition.release()
        try:
            ready = self._poller.wait(timeout)
        finally:
            self._condition.acquire()
            self._polling = False
            self._condition.notify_all()
        for node, mask in ready:
            link = self._links.get(node)
            if link is not None and mask & WRITABLE:
                self._flush(node, link)
            if link is not None and mask & READABLE:
                self._read(node, link)
        for node in self._fates.lose_overdue(monotonic()):
            self._detach(node)

    def _watch(self, node: int, link: Link) -> None:
        if not self._fates.is_broken(node):
            self._poller.watch(node, link)

    def _flush(self, node: int, link: Link) -> None:
        link.flush()
        if not link.queued_bytes:
            self._unsent.discard(node)
        self._watch(node, link)

    def _read(self, node: int, link: Link) -> None:
        try:
            for message in link.receive():
                self._deliver(node, message)
            if link.at_end:
                link.receive()
        except LinkEnded as end:
            self._end_of_link(node, link, end)
        except ProtocolError as error:
            self._lose(node, f"it sent what is no message ({error})")

    def _end_of_link(self, node: int, link: Link, end: LinkEnded) -> None:
        if end.clean:
            self._lose(node, "it has finished and sends no more")
        elif self._fates.link_broke(node, str(end), monotonic()):
            self._detach(node)
        else:
            self._poller.unwatch(node, link)

    def _deliver(self, source: int, message: WireMessage) -> None:
        communicator, tag, kind, meta, buffers = message
        self._mailbox.deliver(Message(source, tag, communicator, kind, meta, buffers))

    def _lose(self, node: int, why: str) -> None:
        self._fates.lose(node, why)
        self._detach(node)

    def _detach(self, node: int) -> None:
        self._unsent.discard(node)
        link = self._links.pop(node)
        self._poller.unwatch(node, link)
        link.close()

    def _say_goodbye(self) -> None:
        """Says goodbye on every link and waits until the other machines have all of it.

        A receiver may compute for as long as it likes before it reads: while bytes are queued here
        only its end, the run's failure or Ctrl-C cut them off. What the kernel holds has a bound.
        """
        for node, link in self._links.items():
            link.own()
            link.finish()
            self._watch(node, link)
        deadline = monotonic() + limits.DRAIN_TIMEOUT_S
        while not self._fates.is_aborted and not self._interrupted:
            undrained = [link for link in self._links.values() if not link.is_drained()]
            queued = any(link.queued_bytes for link in undrained)
            if queued:
                deadline = monotonic() + limits.DRAIN_TIMEOUT_S
            elif not undrained or monotonic() >= deadline:
                return
            self._poll(0.1 if queued else _DRAIN_LOOK_S)

    def _wake(self) -> None:
        """Has waiting calls look at the state again."""
        if self._polling:
            self._poller.wake()
            self._condition.notify_all()


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()
