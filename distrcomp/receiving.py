"""The receiving half of the calls of a node's program, on top of `progress`, and all waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from time import monotonic

from . import limits
from .errors import CommunicatorFreed, RecvTimeout
from .frames import Message
from .mailbox import DROPPED, Receive, awaited
from .spaces import SPACES
from .telling import Telling
from .waits import Wait

# When the time is over what has arrived is still looked through, but a flood not for ever: a ring
# holds about so many messages.
_LAST_LOOKS, _LAST_LOOKS_S = 2**14, 1.0

Watcher = Callable[[], float | None]
"""Looks, outside the lock, at what those have to know who wait; when it is to be called again."""


class Receiving(Telling):
    """What one node asks for, and its waiting for it; see Mesh for what it is made of."""

    @cached_property
    def _call(self) -> _Call:
        return _Call(self)

    def flush_later(self) -> None:
        """Has the control thread write what is left, while the program computes."""
        if self._progress.unsent and self._closed is None:
            self._wake_flusher()

    def check_source(self, wanted: Receive) -> None:
        """Raises NodeLost or CommunicatorFreed when nothing for `wanted` can come any more."""
        if wanted.communicator == DROPPED:
            raise CommunicatorFreed("its communicator was freed before a message had come")
        self._fates.check_source(wanted.source, wanted.communicator)

    def check_nodes(self, nodes: Iterable[int], space: int = 0) -> None:
        """Raises NodeLost when one of these has ended, which are needed on a communicator."""
        for node in nodes:
            self._fates.check_node(node, space)

    def name_of(self, node: int, space: int) -> str:
        """What a node is called on a communicator, by its id in the world."""
        return self._fates.parts.name(node, space)

    def awaited(self, wanted: Receive) -> str:
        """A receive in words."""
        return awaited(wanted.source, wanted.tag, partial(self.name_of, space=wanted.communicator))

    def add_communicator(self, number: int, members: tuple[int, ...]) -> None:
        """A communicator of these nodes has been made."""
        with self.gate:
            for space in range(number, number + SPACES):
                self._fates.parts.add(space, members)

    def drop_communicator(self, number: int, members: Iterable[int]) -> None:
        """A communicator is no more; what lies unread on it goes, and its number is free.

        All its nodes have settled it (see `Engine.settle`).
        """
        with self.gate:
            for member in members:
                self._progress.sweep(member)
            self.accounts.add_unread(self.mailbox, number)
            for space in range(number, number + SPACES):
                self._fates.parts.drop(space)
                self.mailbox.drop(space)
                for link in self._links.values():
                    if link.carried is not None:
                        link.carried.discard(space)
            self._progress.wake()
        self.spaces.release(number // SPACES)

    def wait_for(
        self,
        is_over: Callable[[], bool],
        check: Callable[[], None],
        deadline: float | None,
        for_send: bool,
        watch: Watcher | None = None,
        wait: Wait | Callable[[], Iterable[int]] | None = None,
    ) -> bool:
        """Waits for any condition; whether it holds at the deadline.

        Args:
            for_send: a send is among what is waited for.
            watch: as in `receive`.
            wait: the nodes that can bring it about, by their ids in the world (see Wait), every
                node by default; or the wait of which this is a part, from `begin_wait`.
        """
        with self._call:
            self._progress.n_sending += for_send
            part = wait if isinstance(wait, Wait) else self.begin_wait(wait, None, deadline)
            try:
                if (
                    part is not wait
                    and part.tell_at is not None
                    and watch is not None
                    and self._outside(watch) is not None  # a collective is among them
                ):
                    part.tell_at = part.since + limits.COLLECTIVE_TOLD_AFTER_S
                return self._wait_until(is_over, check, deadline, part, watch)
            finally:
                if part is not wait:
                    self._end_wait(part)
                self._progress.n_sending -= for_send

    def wait_for_memory(
        self,
        is_over: Callable[[], bool],
        check: Callable[[], None],
        deadline: float | None,
        wait: Wait,
    ) -> bool:
        """The same for a condition in shared memory; whoever makes it true rings for sleepers."""
        with self._call:
            self._progress.conditions.append(is_over)
            try:
                return self._wait_until(is_over, check, deadline, wait)
            finally:
                self._progress.conditions.remove(is_over)

    def look(self, for_send: bool) -> None:
        """Moves what can move, without waiting."""
        with self._call:
            self._progress.n_sending += for_send
            try:
                self._wait(0.0)
            finally:
                self._progress.n_sending -= for_send

    def serve(self, space: int, members: Iterable[int], handle: Callable[[Message], None]) -> None:
        """Has each message of a space handled, inside whatever call this node is in.

        Args:
            members: the nodes that may send there.
            handle: is due when a message has come, and for those that have come before.
        """
        with self._call:
            for wanted in self.mailbox.serve(space, frozenset(members), handle):
                self._progress.matched(wanted)
            self._progress.wake()

    def post_receive(self, wanted: Receive) -> None:
        """Asks for a message; whoever matches it sets `wanted.message`."""
        with self._call:
            self.mailbox.post(wanted)
            self._progress.matched(wanted)

    def wait_receive(self, wanted: Receive, timeout: float | None) -> bool:
        """Waits for the match of a posted receive; whether it came in `timeout` seconds."""
        if wanted.message is None:
            with self._call:
                self._wait_matched(wanted, timeout)
        return wanted.message is not None

    def receive(
        self, wanted: Receive, timeout: float | None, watch: Watcher | None = None
    ) -> Message:
        """The oldest message that matches, waiting for it up to `timeout` seconds.

        Args:
            watch: called while one waits. What it raises ends the wait.
        """
        try:
            with self._call:
                self._look_aside()
                self.mailbox.post(wanted)
                if wanted.message is None:
                    self._wait_matched(wanted, timeout, watch)
                else:
                    self._progress.matched(wanted)
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
            wait = self.begin_wait(None, wanted, deadline)
            self.mailbox.probes.append(wanted)
            try:
                self._wait_until(is_here, partial(self.check_source, wanted), deadline, wait)
            finally:
                self._end_wait(wait)
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
                    found = self._read_arrived(partial(self.mailbox.find, wanted))
                finally:
                    self.mailbox.probes.remove(wanted)
            if found is not None and take:
                self.mailbox.post(wanted)
                self._progress.matched(wanted)
            return found

    def read_arrived(self) -> None:
        """Takes in what has arrived."""
        with self._call:
            self._read_arrived(lambda: None)

    def take_unread(self, wanted: Receive) -> Message | None:
        """The message that `wanted` gets from what lies unread, if there is one."""
        with self.gate:
            if self.mailbox.find(wanted) is not None:
                self.mailbox.post(wanted)
            return wanted.message

    def unread(self, space: int) -> list[tuple[int, int]]:
        """Source and tag of what lies unread on a message space."""
        with self.gate:
            return list(self.mailbox.unmatched(space))

    def receive_timeout(self, wanted: Receive, timeout: float | None) -> RecvTimeout:
        """The error for a receive that was not matched in time."""
        space = wanted.communicator
        with self.gate:
            unread = self.mailbox.describe_unmatched(space, partial(self.name_of, space=space))
        return RecvTimeout(self.awaited(wanted), timeout or 0.0, unread)

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

    def _read_arrived(self, find: Callable[[], Message | None]) -> Message | None:
        """Takes in what has arrived until something is found; a flood not for ever."""
        until = monotonic() + _LAST_LOOKS_S
        for _ in range(_LAST_LOOKS):
            moved = self._wait(0.0)
            found = find()
            if found is not None or not moved or monotonic() >= until:
                break
        return found

    @staticmethod
    def _is_matched(wanted: Receive) -> bool:
        return wanted.message is not None

    def _wait_matched(
        self, wanted: Receive, timeout: float | None, watch: Watcher | None = None
    ) -> None:
        deadline = None if timeout is None else monotonic() + timeout
        looks = _LAST_LOOKS
        until = deadline
        wait = self.begin_wait(None, wanted, deadline)
        try:
            while wanted.message is None:
                if watch is not None:
                    until = earlier(deadline, self._outside(watch))
                    if self._is_matched(wanted):
                        break
                self.check_source(wanted)
                overdue_s = -1.0 if deadline is None else monotonic() - deadline
                moved = self._wait_on(wait, until, wanted)
                if overdue_s >= 0:
                    looks -= 1
                    if not (moved and looks) or overdue_s > _LAST_LOOKS_S:
                        break
        finally:
            self._end_wait(wait)
        self._check()

    def _wait_until(
        self,
        is_over: Callable[[], bool],
        check: Callable[[], None],
        deadline: float | None,
        wait: Wait,
        watch: Watcher | None = None,
    ) -> bool:
        """Waits for a condition; whether it holds in time. `check` raises if it never can."""
        looks = _LAST_LOOKS
        until = deadline
        wait.tests = is_over, check
        while not is_over():
            if watch is not None:
                until = earlier(deadline, self._outside(watch))
                if is_over():
                    break
            check()
            overdue_s = -1.0 if deadline is None else monotonic() - deadline
            moved = self._wait_on(wait, until)
            if overdue_s >= 0:
                looks -= 1
                if not (moved and looks) or overdue_s > _LAST_LOOKS_S:
                    return is_over()
        return True


def earlier(*moments: float | None) -> float | None:
    """The earliest of these moments, None being never."""
    return min((each for each in moments if each is not None), default=None)


class _Call:
    """Holds the lock for one call of the program."""

    __slots__ = ("_node",)

    def __init__(self, waiting: Receiving) -> None:
        self._node = waiting

    def __enter__(self) -> None:
        node = self._node
        node.gate.acquire()
        try:
            node._check()
        except BaseException:
            node.gate.release()
            raise

    def __exit__(self, *error: object) -> None:
        node = self._node
        node.flush_later()
        node.gate.release()
