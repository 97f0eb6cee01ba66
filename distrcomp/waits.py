"""What the threads of a node wait for, so that a person can be told; no I/O.

Most waits are over before anybody could ask, so entering one costs next to nothing: `Wait` keeps
references and one moment. Only a wait that has lasted a second (`limits.WAIT_TOLD_AFTER_S`) is told
of: its thread wakes once, looks where its program called us, the wait gets a serial, and the agent
hears of it (notices.Waiting), and again when it is over (notices.Resumed). So the launcher has a
picture of who waits for whom; what it concludes from that stands in launcher/run/deadlock.

A serial is used once, so the same serial at two moments means that a thread has waited from the one
to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any

from . import limits
from .collectives.kinds import described
from .mailbox import ANY, Receive
from .notices import Envelope, Waiting
from .places import called, place_of
from .spaces import COLLECTIVE, POINT_TO_POINT, SPACES

# Our calls' own names stand in their frames, but for these, and for calls that are compiled.
_NAMES = {
    "__exit__": "the end of a with block",
    "receive": "recv",
    "find": "probe",
    "finish": "send",
    "finish_posted": "send",
    "wait_receive": "wait",
    "wait_for": "wait",
}


class Wait:
    """One wait of one thread for other nodes. Most are over before anything is asked of them.

    Args:
        since: when it began.
        sources: the nodes that can end it, by their ids in the world; ANY among them: all of its
            communicator. Asked only once it is told of.
        wanted: the receive that it waits for, if it waits for one.
        has_deadline: whether it ends by itself.
        tell_at: when it is to be told of; None where nobody wants to know.

    Attributes:
        tell_at: None once it was told of.
        serial: which one it is; 0 until it is told of.
        is_waiting: whether its thread does nothing else just now.
        told_sources: the sources that were told last.
        sent: of a send, its space, whom it is for, and its tag.
        tests: what tells whether that for which it waits has come, and what raises when it never
            can any more. By default that is the match of `wanted`.
    """

    serial = 0
    is_waiting = False
    told_sources: frozenset[int] = frozenset()
    tests: tuple[Callable[[], bool], Callable[[], None]] | None = None
    sent: Envelope | None = None

    def __init__(
        self,
        since: float,
        sources: Callable[[], Iterable[int]] | None,
        wanted: Receive | None = None,
        has_deadline: bool = False,
        tell_at: float | None = None,
    ) -> None:
        self.since = since
        self.sources = sources
        self.wanted = wanted
        self.has_deadline = has_deadline
        self.tell_at = tell_at

    def has_moved_on(self) -> bool:
        """Whether other nodes can end it than those that were told."""
        return self.sources is not None and not self.told_sources.issuperset(self.sources())

    def may_go_on(self, check_source: Callable[[Receive], None]) -> bool:
        """Whether its thread may act, now or by itself later on; raises what its thread will.

        Args:
            check_source: raises when nothing for a receive can come any more.
        """
        if self.has_deadline or not self.is_waiting:
            return True
        if self.tests is not None:
            is_over, check = self.tests
            check()
            return is_over()
        if self.wanted is None:
            return True
        check_source(self.wanted)
        return self.wanted.message is not None


class Waits:
    """The waits of one node that were told of.

    Attributes:
        tell: takes a notice to the agent; None where nobody wants to know.
        told: by serial, the waits that are not over, with the ids of their threads.
        folder: the program's; what it lies in is left out of the names of places.
    """

    def __init__(self) -> None:
        self.tell: Callable[[Any], None] | None = None
        self.told: dict[int, tuple[int, Wait]] = {}
        self.folder = ""
        self._serials = 0

    def register(self, wait: Wait, thread: int) -> None:
        """A wait has lasted: it gets its serial."""
        wait.tell_at = None
        self._serials += 1
        wait.serial = self._serials
        self.told[wait.serial] = thread, wait

    def describe(
        self, wait: Wait, members: Sequence[int], frame: FrameType | None, now: float
    ) -> Waiting:
        """What to tell of a wait.

        Args:
            members: the nodes of its communicator, in order; none: all nodes.
            frame: the innermost of its thread.
        """
        name, caller = called(frame)
        wanted = wait.wanted
        sources = set((wanted.source,) if wait.sources is None and wanted else ())
        sources.update(() if wait.sources is None else wait.sources())
        wait.told_sources = frozenset(sources)
        if ANY in sources:
            sources = set(members)
        envelope = None if wanted is None else envelope_of(wanted)
        name = _NAMES.get(name, name)
        if wait.sent is not None:
            operation = _send_operation(name, wait.sent, members)
            members = ()
        else:
            operation = _operation(name, wanted, members)
        return Waiting(
            serial=wait.serial,
            operation=operation[: limits.PLACE_CHARS_MAX],
            place=place_of(caller, self.folder),
            waited_s=now - wait.since,
            has_deadline=wait.has_deadline,
            sources=tuple(sorted(sources)),
            wanted=envelope,
            members=tuple(members),
        )

    def end(self, wait: Wait) -> None:
        """A wait that was told of is over."""
        self.told.pop(wait.serial, None)

    def all_wait(self, threads: Iterable[int], check_source: Callable[[Receive], None]) -> bool:
        """Whether each of these threads waits, and nothing has ended that or will by itself."""
        told = self.told.values()
        waiting = {thread for thread, _ in told}
        if not waiting or not waiting.issuperset(threads):
            return False
        return not any(wait.may_go_on(check_source) for _, wait in told)


def envelope_of(wanted: Receive) -> Envelope:
    """What a receive asks for, as it is told."""
    return Envelope(wanted.communicator, wanted.source, wanted.tag)


def _operation(name: str, wanted: Receive | None, members: Sequence[int]) -> str:
    """A wait in words: `recv(source=1, tag=7)`, `barrier #3`."""
    if wanted is None or wanted.communicator < 0:
        return name
    space = wanted.communicator % SPACES
    if space == COLLECTIVE:
        with suppress(ValueError):
            return described(wanted.tag)
    if space != POINT_TO_POINT:
        return name
    source = members.index(wanted.source) if wanted.source in members else wanted.source
    asked = (("source", source), ("tag", wanted.tag))
    told = [f"{what}={number}" for what, number in asked if number != ANY]
    call = f"({', '.join(told)})"
    return f"{name} for recv{call}" if name.startswith("wait") else name + call


def _send_operation(name: str, sent: Envelope, members: Sequence[int]) -> str:
    """The wait of a send in words: `send(dest=1, tag=7)`."""
    if sent.space < 0 or sent.space % SPACES != POINT_TO_POINT:
        return name
    dest = members.index(sent.source) if sent.source in members else sent.source
    call = f"(dest={dest})" if sent.tag == ANY else f"(dest={dest}, tag={sent.tag})"
    return f"{name} for send{call}" if name.startswith("wait") else name + call
