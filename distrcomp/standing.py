"""How this node stands, for the launcher, which asks when nodes seem to wait for each other.

The answer is given by the control thread. It says that the node waits only where nothing but a
message can change that: every thread of the program is in one of our waits (or joins one that is),
none of these ends by a clock or has ended already, no timer of the program's runs and no handler of
its waits for a child's end, no message's consequences are under way. Whatever is in doubt means
that the node runs. *Left open:* a thread of a C library that will call back into Python, which has
no frame of Python's before that, and is like one that never will.
"""

from __future__ import annotations

import fcntl
import signal
import struct
import sys
import termios
import threading
from collections.abc import Callable, Set
from itertools import islice
from time import monotonic
from types import FrameType
from typing import Any

from . import limits
from .collectives.kinds import CARD, split_tag
from .errors import Deadlock
from .links import Link
from .mailbox import ANY
from .notices import Standing, Unread
from .receiving import Receiving
from .spaces import COLLECTIVE, SPACES
from .waits import Wait

_ALONE = (
    "{} can never end: this program is a world of one node, each of its threads waits, and nobody "
    "else could send anything; `distrcomp run -n 4 prog.py` makes it four nodes"
)
_NO_SPACE = -1  # no communicator's: sources are then the world's
_SIOCOUTQ = termios.TIOCOUTQ  # the same number: what a socket has not seen acknowledged (tcp(7))


class StandingCalls(Receiving):
    """What the control thread asks of the engine."""

    def listen(self, tell: Callable[[Any], None], folder: str) -> None:
        """Has waits told of from now on.

        Args:
            tell: takes notices for the agent.
            folder: the program's.
        """
        self.waits.folder = folder.rstrip("/") + "/"
        self.waits.tell = tell

    def _tell_wait(self, wait: Wait) -> None:
        """Has the launcher know of a wait that has lasted; one who is alone looks by itself.

        Raises:
            Deadlock: nobody is left who could end the wait.
        """
        if not self.is_alone:
            super()._tell_wait(wait)
            return
        if not wait.serial:
            self.waits.register(wait, threading.get_ident())
        wait.is_waiting = True
        try:
            is_stuck = self._is_waiting(frozenset())
        finally:
            wait.is_waiting = False
        if is_stuck:
            told = self.waits.describe(wait, (), sys._getframe(1), monotonic())
            raise Deadlock(_ALONE.format(f"{told.operation} at {told.place}".removesuffix(" at ")))
        wait.tell_at = monotonic() + limits.WAIT_TOLD_AFTER_S  # another thread may wait by then

    def standing(self, number: int, ours: Set[int]) -> Standing:
        """The answer to Ask.

        Args:
            number: of the question.
            ours: the threads that are no part of the program.
        """
        if not self.gate.acquire_within(limits.STANDING_GATE_WAIT_S):
            return Standing(number, is_waiting=False)
        try:
            if self._is_waiting(ours):
                return self._stands(number)
        except Exception:  # noqa: BLE001  what can't be looked at may go on
            return Standing(number, is_waiting=False)
        finally:
            self.gate.release()
        return Standing(number, is_waiting=False)

    def _is_waiting(self, ours: Set[int]) -> bool:
        progress = self._progress
        if (
            self._closed is not None
            or self._fates.is_aborted
            or self.gate.interrupted
            or progress.due
            or progress.doer is not None
            or self._has_card()
            or signal.getitimer(signal.ITIMER_REAL)[0]
            or callable(signal.getsignal(signal.SIGCHLD))
        ):
            return False
        threads = {
            thread
            for thread, frame in sys._current_frames().items()
            if thread not in ours and not _joins(frame)
        }
        return self.waits.all_wait(threads, self.check_source)

    def _has_card(self) -> bool:
        """Whether a collective that waits is about to read where another node is."""
        spaces = {wait.wanted.communicator for _, wait in self.waits.told.values() if wait.wanted}
        return any(
            space in spaces and space % SPACES == COLLECTIVE and split_tag(tag)[0] == CARD
            for by_kind in self.mailbox.unread.values()
            for space, tag in by_kind
        )

    def _stands(self, number: int) -> Standing:
        self._progress.hear_news()
        waits = [wait for _, wait in self.waits.told.values()]
        wakers: set[int] = set()
        wakes_all = False
        for space, sources in self._wakers(waits):
            wakers |= sources - {ANY}
            if ANY in sources:
                members = self._fates.parts.part(space)
                wakers.update(members)
                wakes_all = wakes_all or not members
        held = {node for node, link in self._links.items() if self._progress._is_held(node, link)}
        others = [(node, link) for node, link in self._links.items() if node not in held]
        return Standing(
            number,
            is_waiting=True,
            serials=tuple(sorted(self.waits.told)),
            wakers=tuple(sorted(wakers)),
            wakes_all=wakes_all,
            arrivals=self.mailbox.arrivals,
            unread_from=tuple(node for node, link in others if link.can_receive()),
            unsent_to=tuple(node for node, link in self._links.items() if _has_unsent(link)),
            held=tuple(sorted(held)),
            is_linking=bool(self._wanted or self._expected)
            or not all(self._fates.is_settled(node) for node, _ in others),
            unread=tuple(self._unread()),
        )

    def _wakers(self, waits: list[Wait]) -> list[tuple[int, set[int]]]:
        """Message spaces with the sources there that can end a wait or make the node act in it."""
        found = []
        for wait in waits:
            if wait.sources is not None:
                found.append((_NO_SPACE, set(wait.sources())))
            elif wait.wanted is not None:
                found.append((wait.wanted.communicator, {wait.wanted.source}))
            else:
                found.append((_NO_SPACE, {ANY}))
        for receive in self.mailbox.receives:
            if receive.then is not None:
                found.append((receive.communicator, {receive.source}))
        found.extend((space, {ANY}) for space in self.mailbox.services)
        return found

    def _unread(self) -> list[Unread]:
        kinds = (
            Unread(space, source, tag, len(messages), sum(m.payload_bytes for _, m in messages))
            for source, by_kind in self.mailbox.unread.items()
            for (space, tag), messages in by_kind.items()
        )
        return list(islice(kinds, limits.UNREAD_KINDS_TOLD_MAX))


def _has_unsent(link: Link) -> bool:
    """Whether the other end may not have all that was sent on a link."""
    if link.queued_bytes:
        return True
    descriptor = link.fileno()
    if descriptor is None:
        return False  # what stands in a ring its reader sees
    waiting = fcntl.ioctl(descriptor, _SIOCOUTQ, b"\0" * 4)
    return bool(struct.unpack("i", waiting)[0])


def _joins(frame: FrameType) -> bool:
    """Whether a thread waits, without a time limit, for the end of another one of its process."""
    code = frame.f_code
    if code.co_filename != threading.__file__:
        return False
    if code.co_name == "_wait_for_tstate_lock":  # until Python 3.12
        return frame.f_locals.get("timeout") == -1
    is_join = code.co_name == "join" and frame.f_locals.get("timeout", 0) is None
    return is_join or code.co_name == "_shutdown"
