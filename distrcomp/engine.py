"""The calls of one node's program, on top of `progress`: send, receive, probe, and their waiting.

Most messages don't come here at all: see fast_path and link_path, the short ways.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, partial
from time import monotonic, perf_counter, sleep

from . import limits
from .errors import RecvTimeout
from .frames import Message
from .links import Link, MpiLink, Pending, ShmLink, StreamLink
from .mailbox import Receive, awaited
from .mesh import Mesh
from .progress import SPIN_S

# While a receiver drains a link, `send` keeps writing; after this pause it is busy elsewhere.
_PATIENCE_S = 0.002
# When the time is over what has arrived is still looked through, but a flood not for ever: a ring
# holds about so many messages.
_LAST_LOOKS, _LAST_LOOKS_S = 2**14, 1.0
# While the receiver copies a piece its sender asks again so often.
_OWN_AGAIN_S = 0.0005
# A receiver that copies more slowly has been stopped.
_COPIED_BYTES_PER_S_MIN = 500e6


class Sending:
    """A message on its way: over when it is out of the sender's hands, and received if asked."""

    __slots__ = ("dest", "found_busy", "pending", "serial")

    def __init__(self, dest: int, pending: Pending | None, serial: int) -> None:
        self.dest = dest
        self.pending = pending
        self.serial = serial
        self.found_busy = False  # the receiver had not taken all of the last message


class Engine(Mesh):
    """The messages of one node; see Mesh for what it is made of."""

    _serials = 0

    @cached_property
    def _call(self) -> _Call:
        return _Call(self)

    # --- the program's calls ---------------------------------------------------------------

    def send(self, dest: int, message: Message, synchronous: bool = False) -> Sending:
        """Posts a message; `finish` waits for what becomes of it, or `flush_later` does not."""
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
                return Sending(dest, None, serial)
            link = self._links.get(dest) or self._make_link(dest)
            return self._follow(dest, link, link.post(message), serial)

    def is_out_soon(self, link: ShmLink | StreamLink | MpiLink, pending: Pending) -> bool:
        """Looks whether a message just posted is out of our hands, where that is worth while.

        That is for a moment, and then for as long as the receiver copies it.
        """
        if not self.spins or not isinstance(link, ShmLink) or link.node in self._progress.unsent:
            return False
        first = perf_counter() + SPIN_S
        last = first + link.queued_bytes / _COPIED_BYTES_PER_S_MIN
        while not pending.is_out:
            now = perf_counter()
            if now >= first and (now >= last or not link.is_begun() or self.gate.interrupted):
                return False
        with self.gate:
            link.flush()  # lets go of the message
        return True

    def finish_posted(self, link: ShmLink | StreamLink | MpiLink, pending: Pending | None) -> None:
        """Waits for the end of a send that `link_path` has posted; see `finish`."""
        try:
            with self.gate:
                self._check()
                sending = self._follow(link.node, link, pending, 0)
            self.finish(sending)
        except BaseException:
            self.let_go(Sending(link.node, pending, 0))
            raise

    def flush_later(self) -> None:
        """Has the control thread write what is left, while the program computes."""
        if self._progress.unsent and self._closed is None:
            self._wake_flusher()

    def finish(self, sending: Sending, deadline: float | None = None) -> bool:
        """Waits until a send is over; whether it is by the deadline.

        In standard mode that is when the message is out of the sender's hands. When the receiver
        pauses and what is left fits the budget, it is copied and so is out. On a broken link the
        wait is for the news why; so one who only sends learns it, too.
        """
        if sending.pending is None and not sending.serial:
            return True
        with self._call:
            self._progress.n_sending += 1
            try:
                self._send_out(sending, deadline)
                if self.is_over(sending):
                    return True
                check = partial(self._fates.check_node, sending.dest)
                return self._wait_until(lambda: self.is_over(sending), check, deadline)
            finally:
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

    def is_over(self, sending: Sending) -> bool:
        """Whether a send is over: the message out of our hands and, if asked, received."""
        is_out = sending.pending is None or sending.pending.is_out
        return is_out and sending.serial not in self._progress.unmatched

    def check_sending(self, sending: Sending) -> None:
        """Raises NodeLost when a send can't get over any more."""
        if not self.is_over(sending):
            self._fates.check_node(sending.dest)

    def check_source(self, source: int) -> None:
        """Raises NodeLost when nothing can come from `source` any more."""
        self._fates.check_source(source)

    def wait_for(
        self,
        is_over: Callable[[], bool],
        check: Callable[[], None],
        deadline: float | None,
        for_send: bool,
    ) -> bool:
        """Waits for any condition; whether it holds at the deadline.

        Args:
            for_send: a send is among what is waited for.
        """
        with self._call:
            self._progress.n_sending += for_send
            try:
                return self._wait_until(is_over, check, deadline)
            finally:
                self._progress.n_sending -= for_send

    def look(self, for_send: bool) -> None:
        """Moves what can move, without waiting."""
        with self._call:
            self._progress.n_sending += for_send
            try:
                self._wait(0.0)
            finally:
                self._progress.n_sending -= for_send

    def post_receive(self, wanted: Receive) -> None:
        """Asks for a message; whoever matches it sets `wanted.message`."""
        with self._call:
            self.mailbox.post(wanted)
            self._progress.acknowledge(wanted)

    def wait_receive(self, wanted: Receive, timeout: float | None) -> bool:
        """Waits for the match of a posted receive; whether it came in `timeout` seconds."""
        if wanted.message is None:
            with self._call:
                self._wait_matched(wanted, timeout)
        return wanted.message is not None

    def receive(self, wanted: Receive, timeout: float | None) -> Message:
        """The oldest message that matches, waiting for it up to `timeout` seconds."""
        try:
            with self._call:
                self.mailbox.post(wanted)
                if wanted.message is None:
                    self._wait_matched(wanted, timeout)
                else:
                    self._progress.acknowledge(wanted)
            if wanted.message is None:
                raise self.receive_timeout(wanted, timeout)
            return wanted.message
        except BaseException:
            self.withdraw(wanted)
            raise

    def withdraw(self, wanted: Receive) -> None:
        """Takes a receive back; a message matched with it is unread again."""
        with self.gate:
            self.mailbox.withdraw(wanted)
            self._progress.wake()  # the message may go to a receive of another thread

    def find(self, wanted: Receive, timeout: float | None) -> Message:
        """The message that `wanted` would get, waiting for it up to `timeout` seconds."""
        found: Message | None = None

        def is_here() -> bool:
            nonlocal found
            found = self.mailbox.find(wanted)
            return found is not None

        with self._call:
            deadline = None if timeout is None else monotonic() + timeout
            self.mailbox.probes.append(wanted)
            try:
                self._wait_until(is_here, partial(self.check_source, wanted.source), deadline)
            finally:
                self.mailbox.probes.remove(wanted)
        if found is None:
            raise self.receive_timeout(wanted, timeout)
        return found

    def look_for(self, wanted: Receive, take: bool = False) -> Message | None:
        """The message that `wanted` would get now.

        Args:
            take: it is the caller's from now on.
        """
        with self._call:
            found = self.mailbox.find(wanted)
            if found is None:
                self.mailbox.probes.append(wanted)
                try:
                    until = monotonic() + _LAST_LOOKS_S
                    for _ in range(_LAST_LOOKS):
                        moved = self._wait(0.0)
                        found = self.mailbox.find(wanted)
                        if found is not None or not moved or monotonic() >= until:
                            break
                finally:
                    self.mailbox.probes.remove(wanted)
            if found is not None and take:
                self.mailbox.post(wanted)
                self._progress.acknowledge(wanted)
            return found

    def receive_timeout(self, wanted: Receive, timeout: float | None) -> RecvTimeout:
        """The error for a receive that was not matched in time."""
        with self.gate:
            unread = self.mailbox.describe_unmatched(wanted.communicator)
        return RecvTimeout(awaited(wanted.source, wanted.tag), timeout or 0.0, unread)

    # --- when the call was interrupted -------------------------------------------------------

    def give_back(self, message: Message) -> None:
        """Makes a message unread again, if a signal's handler ends the call that has taken it."""
        try:
            self.check_interrupt()
        except BaseException:
            with self.gate:
                self.mailbox.deliver_back(message)
                self._progress.wake()
            raise

    def withdraw_interrupted(self, wanted: Receive) -> None:
        """The same for a message that was matched with a posted receive."""
        try:
            self.check_interrupt()
        except BaseException:
            self.withdraw(wanted)
            raise

    # --- inside, with the lock held --------------------------------------------------------------

    def _follow(self, dest: int, link: Link, pending: Pending | None, serial: int) -> Sending:
        unsent = self._progress.unsent
        found_busy = dest in unsent
        if link.is_broken:
            self._wait_verdict(dest)
        elif pending is not None:
            unsent.add(dest)
            self._progress.watch(dest, link)
        sending = Sending(dest, pending, serial)
        sending.found_busy = found_busy
        return sending

    def _send_out(self, sending: Sending, deadline: float | None) -> None:
        """Waits until a message is out of its sender's hands, or the deadline."""
        pending, dest = sending.pending, sending.dest
        while pending is not None and not pending.is_out:
            self._fates.check_node(dest)
            link = self._links[dest]
            before = link.queued_bytes
            fits = before <= limits.SEND_BUFFER_BYTES and not link.is_broken
            if not (fits and sending.found_busy):
                patience = monotonic() + _PATIENCE_S if fits else None
                self._wait(_earlier(patience, deadline))
            if fits and link.queued_bytes >= before:
                link.own()
            sending.found_busy = False
            if deadline is not None and monotonic() >= deadline:
                return
        if pending is not None and dest in self._links:
            self._progress.flush(dest)  # lets go of it

    def _wait_matched(self, wanted: Receive, timeout: float | None) -> None:
        deadline = None if timeout is None else monotonic() + timeout
        looks = _LAST_LOOKS
        while wanted.message is None:
            self._fates.check_source(wanted.source)
            overdue_s = -1.0 if deadline is None else monotonic() - deadline
            self._check()
            moved = self._progress.wait(deadline, wanted)
            if overdue_s >= 0:
                looks -= 1
                if not (moved and looks) or overdue_s > _LAST_LOOKS_S:
                    break
        self._check()

    def _wait_until(
        self,
        is_over: Callable[[], bool],
        check: Callable[[], None],
        deadline: float | None,
    ) -> bool:
        """Waits for a condition; whether it holds in time. `check` raises if it never can."""
        looks = _LAST_LOOKS
        while not is_over():
            check()
            overdue_s = -1.0 if deadline is None else monotonic() - deadline
            moved = self._wait(deadline)
            if overdue_s >= 0:
                looks -= 1
                if not (moved and looks) or overdue_s > _LAST_LOOKS_S:
                    return is_over()
        return True


def _earlier(one: float | None, other: float | None) -> float | None:
    return min((each for each in (one, other) if each is not None), default=None)


class _Call:
    """Holds the lock for one call of the program."""

    __slots__ = ("_engine",)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> None:
        engine = self._engine
        engine.gate.acquire()
        try:
            engine._check()
        except BaseException:
            engine.gate.release()
            raise

    def __exit__(self, *error: object) -> None:
        engine = self._engine
        engine.flush_later()
        engine.gate.release()
