"""Progress over a real MPI: the same moving of messages, and another waiting.

MPI has no descriptor on which the kernel could let us sleep, and moves nothing but inside its
calls. So who waits looks and pauses in turn. A pause is a twentieth of what has been waited for by
now: the wait becomes at most 5 % longer by it, up to PAUSE_MAX_S at a time, and an idle node looks
200 times a second, which takes 2 % of a core (measured: docs/supercomputer.md). A pause of a
millisecond or more is a sleep of the poller, so other threads and signals end it; a shorter one is
not worth it.

While the program computes nobody calls MPI, and what it holds of ours may stand still. So a thread,
`Flusher`, is woken when MPI could not take a packet at once, and looks, with growing pauses, until
all is gone. It sleeps on an event at all other times.

A node that fails tells all others before it has MPI abort the job. They look for this alarm only
while they wait, which is when it concerns them; who computes is ended by the abort.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import inf
from time import monotonic, sleep
from typing import Any

from .fates import Fates
from .links.mpi_port import Port
from .mailbox import Mailbox, Receive
from .progress import Progress

PAUSE_MIN_S, PAUSE_MAX_S = 50e-6, 5e-3
PAUSE_SHARE = 0.05
_POLLED_PAUSE_S = 1e-3  # poll(2) counts in milliseconds
# Where nodes share a core each gives it away so often between looks before it pauses.
_YIELDS = 200
_FLUSH_MIN_S, _FLUSH_MAX_S = 1e-3, 10e-3


def pause_s(waited_s: float, left_s: float = inf) -> float:
    """How long to pause after so long a wait, of which so much may be left.

    Example:
        >>> pause_s(0.0), pause_s(0.02), pause_s(100.0), pause_s(100.0, 0.001)
        (5e-05, 0.001, 0.005, 0.001)
    """
    return max(0.0, min(max(PAUSE_MIN_S, waited_s * PAUSE_SHARE), PAUSE_MAX_S, left_s))


class MpiProgress(Progress):
    """See Progress.

    Args:
        node_id, mailbox, fates, spins: as there.
        port: the mouth and ear of this process.
        hear_alarm: looks whether a node has failed: which one, and why.
    """

    def __init__(
        self,
        node_id: int,
        mailbox: Mailbox,
        fates: Fates,
        port: Port,
        hear_alarm: Callable[[], tuple[int, str] | None],
        spins: bool,
    ) -> None:
        super().__init__(node_id, mailbox, fates, None, spins)
        self._port = port
        self._hear_alarm = hear_alarm

    @property
    def is_clear(self) -> bool:
        """Whether nothing is under way from here."""
        return not self.unsent and not self._port.flying

    def push(self) -> None:
        """Gives MPI what it takes now, on behalf of a program that computes."""
        for node in list(self.unsent):
            self.flush(node)
        self._port.retire()

    def _in_turn(self) -> list[int]:
        return self._port.turns()

    def _can_move(self) -> bool:
        return any(self._moves(node) for node in self._port.turns() if node in self.links)

    def _spin(self, wanted: Receive | None, timeout: float | None) -> bool:
        if self.spins:
            return super()._spin(wanted, timeout)
        for _ in range(0 if timeout is not None else _YIELDS):
            sleep(0)
            if self._move(wanted):
                return True
        return False

    def _sleep(self, timeout: float | None) -> None:
        began = now = monotonic()
        until = inf if timeout is None else began + timeout
        self.is_polling = True
        try:
            while now < until:
                if self._pause(pause_s(now - began, until - now)) or self._can_move():
                    return
                alarm = self._hear_alarm()
                if alarm is not None:
                    self._fates.abort(*alarm)
                    return
                now = monotonic()
        finally:
            self.is_polling = False
            self.condition.notify_all()

    def _pause(self, seconds: float) -> bool:
        """Lets go of the lock for a while; whether somebody wants us to look."""
        self.condition.release()
        try:
            if seconds >= _POLLED_PAUSE_S:
                return bool(self.poller.wait(seconds))
            sleep(seconds)
            return bool(self.poller.wait(0.0))
        finally:
            self.condition.acquire()


class Flusher:
    """The thread that has MPI go on while the program computes; it begins with its first work."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._is_wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, progress: MpiProgress) -> None:
        """From now on `wake` has an effect."""
        self._progress = progress

    def wake(self) -> None:
        """Has the thread look after what is under way; from any thread."""
        if self._progress is None or self._is_wanted.is_set():
            return
        self._is_wanted.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="distrcomp-mpi", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """MPI is not called from the thread any more; the caller holds the engine's lock."""
        self._progress = None

    def _run(self) -> None:
        while True:
            self._is_wanted.wait()
            pause = _FLUSH_MIN_S
            while not self._look():
                sleep(pause)
                pause = min(pause * 1.5, _FLUSH_MAX_S)

    def _look(self) -> bool:
        """Pushes once; whether there is nothing more to do."""
        progress = self._progress
        if progress is None:
            self._is_wanted.clear()
            return True
        with progress.gate:
            if self._progress is not None:
                progress.push()
                if not progress.is_clear:
                    return False
            self._is_wanted.clear()
            return True
