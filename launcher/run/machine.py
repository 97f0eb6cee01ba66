"""The life of a run as a state machine: events in, actions out; no I/O.

    shipping ──all shipped──► starting ──all ready──► proving ──all proven──► running
        │                        │                       │                       │ │
        │                        │                       │     failure, Ctrl-C,  │ │ all ended
        │                        │                       │     time limit        ▼ │
        │                        │                       │                 stopping │
        ▼                        ▼                       ▼                       ▼ ▼
       closing ◄────────────────────── all ended, or could not start ─────── closing ──► done

`_TABLE` says which events may come in which state and who handles them. What a peer may not say is
that peer's end: it is treated as lost. A run that must stop does so by steps: first the nodes are told
(an abort, which raises NodeLost in their calls, or SIGINT), then SIGTERM, then SIGKILL.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from .. import limits
from ..control import messages as m
from .events import Action, FromPeer, Interrupt, PeerLost, SetTimer, Ship, Tell, TimerFired
from .ledger import Failure, Ledger
from .plain import listed
from .report import describe_end

# The numbers of POSIX; this module is pure and imports no `signal`.
_SIGINT, _SIGKILL, _SIGTERM = 2, 9, 15

EXIT_CANNOT_START, EXIT_TIME_LIMIT, EXIT_INTERRUPTED = 3, 124, 130


class State(Enum):
    """How far the run has come."""

    SHIPPING = auto()
    STARTING = auto()
    PROVING = auto()
    RUNNING = auto()
    STOPPING = auto()
    CLOSING = auto()
    DONE = auto()


@dataclass(frozen=True)
class Course:
    """What a run is to be.

    Attributes:
        labels: the name of each peer that takes part.
        placement: the index in `labels` of each node's peer.
        opening: the OpenRun for all; orders: the StartNodes of each peer.
        proofs: the (source, dest) of the links to prove before the program starts.
        continue_on_failure: whether the other nodes run on when one fails.
        timeout_s: the time limit, counted from the start of the programs.
    """

    labels: tuple[str, ...]
    placement: tuple[int, ...]
    opening: m.OpenRun
    orders: tuple[m.StartNodes, ...]
    proofs: tuple[tuple[int, int], ...]
    continue_on_failure: bool = False
    timeout_s: float | None = None


class RunMachine:
    """One run.

    Args:
        course: what it is to be.

    Attributes:
        ledger: what is known of the nodes, and in the end the verdict.
        notes: what the report shall mention besides.
    """

    def __init__(self, course: Course) -> None:
        self.course = course
        self.state = State.SHIPPING
        self.ledger = Ledger(course.labels, course.placement)
        self.notes: list[str] = []
        self._nodes = self.ledger.nodes
        self._peers = set(range(len(course.labels)))
        self._shipped: set[int] = set()
        self._closed: set[int] = set()
        self._unproven = set(course.proofs)
        self._signalled = False

    # --- in and out ---------------------------------------------------------------------------

    def begin(self) -> list[Action]:
        """The first actions."""
        return self._tell_all(self.course.opening)

    def handle(self, event: Any, now: float) -> list[Action]:
        """What to do about `event`, which came at `now` (monotonic seconds)."""
        if not isinstance(event, FromPeer):
            handler = _TABLE[self.state].get(type(event))
            return handler(self, event, now) if handler else []  # a timer may outlive its state
        if event.peer not in self._peers:
            return []
        kind = type(event.message)
        handler = _TABLE[self.state].get(kind)
        if handler is None or not self._may_speak(event):
            why = f"it sent {kind.__name__}, which may not come now"
            return self.handle(PeerLost(event.peer, why), now)
        return handler(self, event, now)

    def _may_speak(self, event: FromPeer) -> bool:
        """Whether the node that a message is about, if it is about one, is on that peer."""
        node = getattr(event.message, "node", getattr(event.message, "source", None))
        return node is None or (
            0 <= node < len(self._nodes) and self._nodes[node].peer == event.peer
        )

    @property
    def is_done(self) -> bool:
        """Whether the run is over and every peer has cleaned up or is lost."""
        return self.state is State.DONE

    # --- before the program ---------------------------------------------------------------------

    def _on_missing(self, event: FromPeer, now: float) -> list[Action]:
        hashes = event.message.hashes
        return [Ship(event.peer, hashes)] if hashes else []

    def _on_shipped(self, event: FromPeer, now: float) -> list[Action]:
        self._shipped.add(event.peer)
        if self._shipped != self._peers:
            return []
        self.state = State.STARTING
        actions: list[Action] = [Tell(peer, self.course.orders[peer]) for peer in self._peers]
        return [*actions, SetTimer("start", limits.START_TIMEOUT_S)]

    def _on_ready(self, event: FromPeer, now: float) -> list[Action]:
        self._nodes[event.message.node].state = "ready"
        if not self.ledger.all_are("ready"):
            return []
        self.state = State.PROVING
        if not self._unproven:
            return self._go(now)
        return [
            Tell(self._peer_of(source), m.OpenLink(source, dest)) for source, dest in self._unproven
        ]

    def _on_proven(self, event: FromPeer, now: float) -> list[Action]:
        self._unproven.discard((event.message.source, event.message.dest))
        return [] if self._unproven else self._go(now)

    def _go(self, now: float) -> list[Action]:
        self.state = State.RUNNING
        self.ledger.start(now)
        actions = self._tell_all(m.Go())
        if self.course.timeout_s is not None:
            actions.append(SetTimer("limit", self.course.timeout_s))
        return actions

    def _on_not_proven(self, event: FromPeer, now: float) -> list[Action]:
        return self._cannot_start(Failure(event.message.why, event.message.why), now)

    def _on_early_exit(self, event: FromPeer, now: float) -> list[Action]:
        message = event.message
        self._nodes[message.node].end("failed", now, message.code, message.signal)
        how = describe_end(message.code, message.signal)
        headline = f"{self.ledger.name(message.node)} ended before the program started: {how}"
        return self._cannot_start(Failure(headline, how, node=message.node, peer=event.peer), now)

    def _on_early_loss(self, event: PeerLost, now: float) -> list[Action]:
        headline = f"{self.course.labels[event.peer]}: {event.why}"
        self._lose(event.peer, now)
        return self._cannot_start(Failure(headline, event.why, peer=event.peer), now)

    def _on_early_refusal(self, event: FromPeer, now: float) -> list[Action]:
        return self._on_early_loss(PeerLost(event.peer, event.message.why), now)

    def _on_early_interrupt(self, event: Interrupt, now: float) -> list[Action]:
        return self._cannot_start(Failure("interrupted before the program started", ""), now, 130)

    def _on_early_timer(self, event: TimerFired, now: float) -> list[Action]:
        late = [
            self.ledger.name(number)
            for number, node in enumerate(self._nodes)
            if node.state != "ready"
        ]
        whom = listed(late) if late else "the links between the machines"
        headline = f"not ready within {limits.START_TIMEOUT_S:g} s: {whom}"
        return self._cannot_start(Failure(headline, headline), now)

    def _cannot_start(
        self, failure: Failure, now: float, code: int = EXIT_CANNOT_START
    ) -> list[Action]:
        self.ledger.failures.append(failure)
        self.ledger.forced_code = code
        return self._close(now)

    # --- while the program runs --------------------------------------------------------------------

    def _on_link_wanted(self, event: FromPeer, now: float) -> list[Action]:
        source, dest = event.message.source, event.message.dest
        if not 0 <= dest < len(self._nodes) or self._nodes[dest].ended:
            return []  # its end was told to all
        return [Tell(self._peer_of(dest), m.OpenLink(dest, source))]

    def _on_link_failed(self, event: FromPeer, now: float) -> list[Action]:
        source, dest, why = event.message.source, event.message.dest, event.message.why
        if not 0 <= dest < len(self._nodes):
            return []
        return [Tell(self._peer_of(dest), m.RefuseLink(dest, source, why))]

    def _on_failed(self, event: FromPeer, now: float) -> list[Action]:
        """A program ended by an exception; its process's end follows."""
        message = event.message
        node = self._nodes[message.node]
        if node.failure is not None:
            return []
        node.failure = Failure(
            f"{self.ledger.name(message.node)} failed: {message.error}",
            message.error,
            message.traceback,
            message.node,
            event.peer,
            message.because_of,
        )
        return self._fail(node.failure, now)

    def _on_exit(self, event: FromPeer, now: float) -> list[Action]:
        message = event.message
        node = self._nodes[message.node]
        if node.ended:
            return []
        how = describe_end(message.code, message.signal)
        actions: list[Action] = []
        if message.code == 0 and node.failure is None:
            node.end("finished", now, message.code, message.signal)
            actions = self._tell_all(m.EndOfNode(message.node, f"it has finished ({how})"))
        elif node.failure is not None:
            stopped = node.failure.because_of is not None and self.state is State.STOPPING
            node.end("stopped" if stopped else "failed", now, message.code, message.signal)
            node.failure.exit_code = _shell_code(message.code, message.signal) or 1
            actions = self._tell_all(m.EndOfNode(message.node, node.failure.why))
        elif self._signalled or self.ledger.forced_code is not None:
            node.end("stopped", now, message.code, message.signal)
        else:
            node.end("failed", now, message.code, message.signal)
            verb = "was" if message.signal is not None else "ended with"
            node.failure = Failure(
                f"{self.ledger.name(message.node)} {verb} {how}",
                how,
                node=message.node,
                peer=event.peer,
                exit_code=_shell_code(message.code, message.signal),
            )
            actions = self._fail(node.failure, now)
            actions += self._tell_all(m.EndOfNode(message.node, how))
        return actions + self._close_if_all_ended(now)

    def _on_loss(self, event: PeerLost, now: float) -> list[Action]:
        label = self.course.labels[event.peer]
        lost = self._lose(event.peer, now)
        why = f"the agent on {label} is gone: {event.why}"
        actions: list[Action] = []
        if lost:
            failure = Failure(why, why, peer=event.peer)
            for number in lost:
                self._nodes[number].failure = failure
            actions = self._fail(failure, now, blamed=lost[0])
            for number in lost:
                actions += self._tell_all(m.EndOfNode(number, why))
        return actions + self._close_if_all_ended(now)

    def _on_refusal(self, event: FromPeer, now: float) -> list[Action]:
        return self._on_loss(PeerLost(event.peer, event.message.why), now)

    def _on_interrupt(self, event: Interrupt, now: float) -> list[Action]:
        self.ledger.failures.insert(0, Failure("interrupted", ""))
        return self._stop(EXIT_INTERRUPTED, now)

    def _on_timer(self, event: TimerFired, now: float) -> list[Action]:
        if event.name != "limit":
            return []
        headline = f"the time limit of {self.course.timeout_s:g} s was reached"
        self.ledger.failures.insert(0, Failure(headline, headline))
        return self._stop(EXIT_TIME_LIMIT, now)

    def _stop(self, code: int, now: float) -> list[Action]:
        """Ends all nodes by steps, beginning with SIGINT."""
        self.state = State.STOPPING
        self.ledger.forced_code = code
        return [
            *self._tell_all(m.SignalNodes(_SIGINT)),
            SetTimer("term", limits.STOP_STEP_S),
        ]

    def _fail(self, failure: Failure, now: float, blamed: int | None = None) -> list[Action]:
        """Takes note of a failure; unless the run goes on all the same, ends it by steps."""
        self.ledger.failures.append(failure)
        if self.course.continue_on_failure or self.state is not State.RUNNING:
            return []
        self.state = State.STOPPING
        node = failure.node if failure.because_of is None else failure.because_of
        culprit = blamed if node is None else node
        return [
            *self._tell_all(m.AbortRun(culprit or 0, failure.why)),
            SetTimer("term", limits.STOP_STEP_S),
        ]

    # --- while it stops ---------------------------------------------------------------------------

    def _on_stopping_timer(self, event: TimerFired, now: float) -> list[Action]:
        self._signalled = True
        if event.name == "term":
            return [
                *self._tell_all(m.SignalNodes(_SIGTERM)),
                SetTimer("kill", limits.STOP_STEP_S),
            ]
        if event.name == "kill":
            return [
                *self._tell_all(m.SignalNodes(_SIGKILL)),
                SetTimer("give up", limits.STOP_STEP_S),
            ]
        return self._close(now) if event.name == "give up" else []

    def _on_second_interrupt(self, event: Interrupt, now: float) -> list[Action]:
        self.ledger.forced_code = EXIT_INTERRUPTED
        return self._on_stopping_timer(TimerFired("kill"), now)

    # --- the end ------------------------------------------------------------------------------------

    def _close_if_all_ended(self, now: float) -> list[Action]:
        return self._close(now) if self.ledger.all_ended else []

    def _close(self, now: float) -> list[Action]:
        self.state = State.CLOSING
        self.ledger.ended_at = now
        actions: list[Action] = [Tell(peer, m.CloseRun()) for peer in self._peers]
        self._done_if_all_closed()
        return [*actions, SetTimer("close", limits.CLOSE_RUN_TIMEOUT_S)]

    def _on_late_exit(self, event: FromPeer, now: float) -> list[Action]:
        node = self._nodes[event.message.node]
        if not node.ended:
            state = "stopped" if self.ledger.started_at is not None else "never started"
            node.end(state, now, event.message.code, event.message.signal)
        return []

    def _on_closed(self, event: FromPeer, now: float) -> list[Action]:
        closed, label = event.message, self.course.labels[event.peer]
        if closed.n_lost_files:
            more = closed.n_lost_files - len(closed.lost_files)
            names = [*closed.lost_files, *([f"{more} more"] if more > 0 else [])]
            self.notes.append(
                f"{_files(closed.n_lost_files)} written in the sandbox on {label} and not kept: "
                f"{listed(names)} (write to an absolute path to keep a file)"
            )
        if closed.remains:
            self.notes.append(f"{label} could not remove {listed(closed.remains)}")
        self._closed.add(event.peer)
        self._done_if_all_closed()
        return []

    def _on_late_loss(self, event: PeerLost, now: float) -> list[Action]:
        if event.peer in self._peers and event.peer not in self._closed:
            self._lose(event.peer, now)
            label = self.course.labels[event.peer]
            self.notes.append(f"{label} did not confirm that it cleaned up: {event.why}")
            self._done_if_all_closed()
        return []

    def _on_late_refusal(self, event: FromPeer, now: float) -> list[Action]:
        return self._on_late_loss(PeerLost(event.peer, event.message.why), now)

    def _on_close_timer(self, event: TimerFired, now: float) -> list[Action]:
        if event.name == "close":
            for peer in sorted(self._peers - self._closed):
                self._on_late_loss(PeerLost(peer, "it did not answer in time"), now)
        return []

    def _done_if_all_closed(self) -> None:
        if self._closed >= self._peers:
            self.state = State.DONE

    # --- helpers -----------------------------------------------------------------------------------

    def _on_note(self, event: FromPeer, now: float) -> list[Action]:
        if len(self.notes) < limits.NOTES_MAX:
            self.notes.append(event.message.text)
        return []

    def _ignore(self, event: Any, now: float) -> list[Action]:
        return []

    def _tell_all(self, message: Any) -> list[Action]:
        return [Tell(peer, message) for peer in sorted(self._peers)]

    def _lose(self, peer: int, now: float) -> list[int]:
        """Takes a peer out of the run; the nodes that went with it."""
        self._peers.discard(peer)
        return self.ledger.lose(peer, now)

    def _peer_of(self, node: int) -> int:
        return self._nodes[node].peer


def _shell_code(code: int | None, signal: int | None) -> int:
    """An exit code as a shell shows it: 128 + n for a signal (POSIX, 2.8.2)."""
    return 128 + signal if signal is not None else code or 0


def _files(count: int) -> str:
    return "1 file was" if count == 1 else f"{count:,} files were"


_Handler = Callable[[RunMachine, Any, float], list[Action]]

_EARLY: dict[type, _Handler] = {
    m.Note: RunMachine._on_note,
    m.NodeExited: RunMachine._on_early_exit,
    m.Refused: RunMachine._on_early_refusal,
    PeerLost: RunMachine._on_early_loss,
    Interrupt: RunMachine._on_early_interrupt,
    TimerFired: RunMachine._on_early_timer,
    m.LinkWanted: RunMachine._on_link_wanted,
}
_ALIVE: dict[type, _Handler] = {
    m.LinkWanted: RunMachine._on_link_wanted,
    m.LinkReady: RunMachine._ignore,
    m.LinkFailed: RunMachine._on_link_failed,
    m.NodeFailed: RunMachine._on_failed,
    m.NodeExited: RunMachine._on_exit,
    m.Refused: RunMachine._on_refusal,
    PeerLost: RunMachine._on_loss,
}
_TABLE: dict[State, dict[type, _Handler]] = {
    State.SHIPPING: {
        m.Missing: RunMachine._on_missing,
        m.Shipped: RunMachine._on_shipped,
        **_EARLY,
    },
    State.STARTING: {m.NodeReady: RunMachine._on_ready, **_EARLY},
    State.PROVING: {
        m.LinkReady: RunMachine._on_proven,
        m.LinkFailed: RunMachine._on_not_proven,
        **_EARLY,
    },
    State.RUNNING: {
        Interrupt: RunMachine._on_interrupt,
        TimerFired: RunMachine._on_timer,
        **_ALIVE,
    },
    State.STOPPING: {
        Interrupt: RunMachine._on_second_interrupt,
        TimerFired: RunMachine._on_stopping_timer,
        **_ALIVE,
    },
    State.CLOSING: {
        m.NodeExited: RunMachine._on_late_exit,
        m.RunClosed: RunMachine._on_closed,
        m.Refused: RunMachine._on_late_refusal,
        PeerLost: RunMachine._on_late_loss,
        TimerFired: RunMachine._on_close_timer,
        m.Missing: RunMachine._ignore,
        m.Shipped: RunMachine._ignore,
        m.NodeReady: RunMachine._ignore,
        m.NodeFailed: RunMachine._ignore,
        m.LinkWanted: RunMachine._ignore,
        m.LinkReady: RunMachine._ignore,
        m.LinkFailed: RunMachine._ignore,
    },
    State.DONE: {},
}
