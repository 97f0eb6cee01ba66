"""The calls of one node's program, on top of `progress`: send, receive, probe, and their waiting.

Most messages don't come here at all: see fast_path and link_path, the short ways.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from time import monotonic, perf_counter, sleep
from typing import Any

from . import limits
from .errors import SendTimeout
from .frames import ACKNOWLEDGEMENT, QUESTION, Message
from .links import Link, MpiLink, Pending, ShmLink, StreamLink
from .mailbox import ANY
from .notices import Envelope
from .progress import SPIN_S
from .receiving import earlier
from .spaces import POINT_TO_POINT, SPACES
from .standing import StandingCalls
from .waits import Wait

# While a receiver drains a link, `send` keeps writing; after this pause it is busy elsewhere.
_PATIENCE_S = 0.002
# While the receiver copies a piece its sender asks again so often.
_OWN_AGAIN_S = 0.0005
# A receiver that copies more slowly has been stopped.
_COPIED_BYTES_PER_S_MIN = 500e6


class Sending:
    """A message on its way: over when it is out of the sender's hands, and received if asked."""

    __slots__ = ("dest", "found_busy", "pending", "serial", "space", "tag", "was_looked_at")

    def __init__(
        self, dest: int, pending: Pending | None, serial: int, space: int, tag: int = ANY
    ) -> None:
        self.dest = dest
        self.tag = tag  # ANY where nobody wants to know it
        self.space = space
        self.pending = pending
        self.serial = serial
        self.found_busy = False  # the receiver had not taken all of the last message
        self.was_looked_at = False  # for the short while in which most are over


class Engine(StandingCalls):
    """The messages of one node; see Mesh for what it is made of."""

    _serials = 0
    sends_synchronously = False
    """Whether standard sends return only when they were received (`--strict-sends`)."""
    handover: Any = None  # has collectives of its own for the world, see mpi_collectives

    # --- the program's calls ---------------------------------------------------------------

    def sees_sends(self, communicator: int) -> bool:
        """Whether all that the program sends there has to come here, and nothing the short way."""
        is_asked = self.sends_synchronously or self.trace is not None
        return is_asked and communicator % SPACES == POINT_TO_POINT

    def send(self, dest: int, message: Message, synchronous: bool | None = None) -> Sending:
        """Posts a message; `finish` waits for what becomes of it, or `flush_later` does not.

        Args:
            synchronous: whether it is over only when it was received; None leaves that to the run.
        """
        if self.sees_sends(message.communicator):
            if self.trace is not None:
                self.trace.remember(dest, message)
            synchronous = self.sends_synchronously if synchronous is None else synchronous
        with self.gate:
            self._check()
            serial = 0
            if synchronous:
                self._serials = serial = self._serials % limits.SERIALS_MAX + 1
                self._progress.unmatched.add(serial)
                message = message._replace(serial=serial)
            if dest == self.node_id:
                copies = [bytearray(buffer) for buffer in message.buffers]
                self._progress.deliver(message._replace(buffers=copies))
                return Sending(dest, None, serial, message.communicator, message.tag)
            link = self._links.get(dest) or self._make_link(dest, message.communicator)
            sending = Sending(dest, link.post(message), serial, message.communicator, message.tag)
            return self._follow(link, sending)

    def is_out_soon(self, link: ShmLink | StreamLink | MpiLink, pending: Pending) -> bool:
        """Looks whether a message just posted is out of our hands, where that is worth while.

        That is for a moment, and then for as long as the receiver copies it.
        """
        if not self.spins or not isinstance(link, ShmLink) or link.node in self._progress.unsent:
            return False
        if not self._look_on(link, pending):
            return False
        with self.gate:
            link.flush()  # lets go of the message
        return True

    def _look_on(self, link: ShmLink, pending: Pending) -> bool:
        """Looks whether a message is out of our hands, and helps who copies it."""
        first = perf_counter() + SPIN_S
        last = first + link.queued_bytes / _COPIED_BYTES_PER_S_MIN
        while not pending.is_out:
            if link.is_asked():
                with self.gate:
                    link.help()
            now = perf_counter()
            if now >= first and (now >= last or not link.is_begun() or self.gate.interrupted):
                return False
        return True

    def finish_posted(
        self, link: ShmLink | StreamLink | MpiLink, pending: Pending | None, space: int
    ) -> None:
        """Waits for the end of a send that `link_path` has posted; see `finish`."""
        sending = Sending(link.node, pending, 0, space)
        try:
            with self.gate:
                self._check()
                self._follow(link, sending)
            sending.was_looked_at = True
            self.finish(sending)
        except BaseException:
            self.let_go(sending)
            raise

    def finish(self, sending: Sending, deadline: float | None = None) -> bool:
        """Waits until a send is over; whether it is by the deadline.

        In standard mode that is when the message is out of the sender's hands. When the receiver
        pauses and what is left fits the budget, it is copied and so is out. On a broken link the
        wait is for the news why; so one who only sends learns it, too.
        """
        if sending.pending is None and not sending.serial:
            return True
        link = self._links.get(sending.dest)
        is_alone = self.spins and not (sending.found_busy or sending.was_looked_at)
        if is_alone and deadline is None and sending.pending and isinstance(link, ShmLink):
            sending.was_looked_at = True
            self._look_on(link, sending.pending)
        with self._call:
            self._progress.n_sending += 1
            check = partial(self._fates.check_node, sending.dest, sending.space)
            wait = self.begin_wait(lambda: (sending.dest,), None, deadline)
            wait.tests = lambda: sending.pending is None or sending.pending.is_out, check
            wait.sent = Envelope(sending.space, sending.dest, sending.tag)
            try:
                self._send_out(sending, deadline, wait)
                if self.is_over(sending):
                    return True
                return self._wait_until(lambda: self.is_over(sending), check, deadline, wait)
            finally:
                self._end_wait(wait)
                self._progress.n_sending -= 1

    def let_go(self, sending: Sending) -> None:
        """Returns when the caller may change its objects: what is left to send is copied.

        A piece that the receiver is copying just now is waited for; and all of it, where there is
        no memory for a copy.
        """
        pending = sending.pending
        while pending is not None and not pending.is_out:
            with self.gate:
                link = self._links.get(sending.dest)
                if link is None or link.is_broken:
                    return
                with suppress(MemoryError):
                    link.own()
                link.flush()
            if not pending.is_out:
                sleep(_OWN_AGAIN_S)

    def settle(self, number: int, members: Iterable[int], timeout: float | None) -> None:
        """Waits until what this node has sent on a communicator has been read by its nodes.

        What lies in memory that both nodes share is left there; see `drop_communicator`.

        Raises:
            SendTimeout: it was not in time.
            NodeLost: it never will be.
        """
        spaces = range(number, number + SPACES)
        with self.gate:
            links = {each: self._links[each] for each in members if each in self._links}
        shared = {node: link for node, link in links.items() if link.carried is None}
        asked = [node for node in links if not (links[node].carried or set()).isdisjoint(spaces)]
        question = Message(self.node_id, QUESTION, 0, ACKNOWLEDGEMENT, b"", [])
        questions = [self.send(node, question, synchronous=True) for node in asked]

        def left() -> list[int]:
            unread = [each.dest for each in questions if not self.is_over(each)]
            return unread + [node for node, link in shared.items() if not link.is_drained()]

        deadline = None if timeout is None else monotonic() + timeout

        def check() -> None:
            self.check_nodes(left(), number)

        if not self.wait_for(lambda: not left(), check, deadline, True, None, left):
            dest = left()[0]
            raise SendTimeout(dest, timeout or 0.0, self.name_of(dest, number))

    def is_over(self, sending: Sending) -> bool:
        """Whether a send is over: the message out of our hands and, if asked, received."""
        is_out = sending.pending is None or sending.pending.is_out
        return is_out and sending.serial not in self._progress.unmatched

    def check_sending(self, sending: Sending) -> None:
        """Raises NodeLost when a send can't get over any more."""
        if not self.is_over(sending):
            self._fates.check_node(sending.dest, sending.space)

    # --- inside, with the lock held --------------------------------------------------------------

    def _follow(self, link: Link, sending: Sending) -> Sending:
        """Sees to what a message needs that was just posted."""
        unsent, dest = self._progress.unsent, sending.dest
        sending.found_busy = dest in unsent
        if link.is_broken:
            self._wait_verdict(dest, sending.space)
        elif sending.pending is not None:
            unsent.add(dest)
            self._progress.watch(dest, link)
        return sending

    def _send_out(self, sending: Sending, deadline: float | None, wait: Wait) -> None:
        """Waits until a message is out of its sender's hands, or the deadline."""
        pending, dest = sending.pending, sending.dest
        while pending is not None and not pending.is_out:
            self._fates.check_node(dest, sending.space)
            link = self._links[dest]
            before = link.queued_bytes
            fits = before <= limits.SEND_BUFFER_BYTES and not link.is_broken
            if not (fits and sending.found_busy):
                patience = monotonic() + _PATIENCE_S if fits else None
                self._wait_on(wait, earlier(patience, deadline))
            if fits and link.queued_bytes >= before:
                link.own()
            sending.found_busy = False
            if deadline is not None and monotonic() >= deadline:
                return
        if pending is not None and dest in self._links:
            self._progress.flush(dest)  # lets go of it
