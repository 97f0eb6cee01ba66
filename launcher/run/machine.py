"""The life of a run as a state machine: events in, actions out; no I/O.

    shipping ──all shipped──► starting ──all ready──► proving ──all proven──► running
        │                        │                       │                      │ │
        │                        │                       │    failure, Ctrl-C,  │ │ all ended
        │                        │                       │    time limit        ▼ │
        │                        │                       │                stopping│
        │                        │                       │                   collecting
        ▼                        ▼                       ▼                      ▼ ▼
        └──────────── could not start, Ctrl-C ───────────┴──── all ended ───► closing ──► done

`TABLE` says which events may come in which state and who handles them (`opening`, `watching`,
`waiting`, `gathering`, `closing`). `_objection` is the one gate before it: a message that is not in
the table, is about a node of another peer, or comes twice where it may come once, is its sender's
end, which is then treated as lost. A timer may outlive its state, so each handler looks at the
timer's name. `collecting` is left out where no files are asked for.

Every state but `running` is left in bounded time: shipping and collecting when there is no
progress, starting and proving by one timer, closing by another. A run that must stop does so by
steps: first the nodes are told (an abort, which raises NodeLost in their calls, or SIGINT), then
SIGTERM, then SIGKILL, then nobody waits for them. What stopped it first decides the exit code.
"""

from __future__ import annotations

from typing import Any

from .. import limits
from ..control import files, looks, passing
from ..control import messages as m
from . import closing, gathering, opening, waiting, watching
from .course import Course
from .events import Action, CannotKeep, FromPeer, Interrupt, PeerLost, ShipProgress, TimerFired
from .ledger import Ledger
from .life import Handler, Life, State, ignore, on_note, on_stacks


class RunMachine:
    """One run.

    Args:
        course: what it is to be.
    """

    def __init__(self, course: Course) -> None:
        self._life = Life(course)

    @property
    def course(self) -> Course:
        """What the run is to be."""
        return self._life.course

    @property
    def state(self) -> State:
        """How far it has come."""
        return self._life.state

    @property
    def ledger(self) -> Ledger:
        """What is known of the nodes, and in the end the verdict."""
        return self._life.ledger

    @property
    def notes(self) -> list[str]:
        """What the report shall mention besides."""
        return self._life.notes

    @property
    def n_notes_before(self) -> int:
        """How many of them came before the programs began."""
        return self._life.n_notes_before

    @property
    def peers(self) -> set[int]:
        """The peers still in the run."""
        return set(self._life.peers)

    @property
    def waiting(self) -> dict[int, tuple[str, float]]:
        """For nodes that wait, for what, in words, and since when (monotonic seconds)."""
        return {
            node: (f"{waiting.operation} at {waiting.place}".removesuffix(" at "), since)
            for node, (waiting, since) in self._life.diagnosis.longest().items()
        }

    @property
    def shipped(self) -> set[int]:
        """The peers that have all files."""
        return set(self._life.shipped)

    @property
    def was_searched(self) -> bool:
        """Whether all peers still in the run have sent the files that were asked for."""
        return bool(self._life.collected) and self._life.collected >= self._life.peers

    @property
    def is_done(self) -> bool:
        """Whether the run is over and every peer has cleaned up or is lost."""
        return self._life.state is State.DONE

    def begin(self) -> list[Action]:
        """The first actions."""
        return opening.begin(self._life)

    def handle(self, event: Any, now: float) -> list[Action]:
        """What to do about `event`, which came at `now` (monotonic seconds)."""
        life, kind = self._life, type(event)
        if isinstance(event, FromPeer | PeerLost) and event.peer not in life.peers:
            return []
        if isinstance(event, FromPeer):
            kind = type(event.message)
            objection = _objection(life, event)
            if objection and life.state is not State.DONE:
                return self.handle(PeerLost(event.peer, objection), now)
        handler = TABLE[life.state].get(kind)
        return handler(life, event, now) if handler else []


def _objection(life: Life, event: FromPeer) -> str | None:
    """What speaks against a message, if anything does; the one gate before the handlers."""
    message, ledger = event.message, life.ledger
    name = type(message).__name__
    if type(message) not in TABLE[life.state]:
        return f"it sent {name}, which may not come now"
    node = getattr(message, "node", getattr(message, "source", None))
    nodes = [] if node is None else [node]
    if isinstance(message, looks.StacksTaken):
        nodes = [taken.node for taken in message.nodes]
    if not all(life.is_node(node) and ledger.nodes[node].peer == event.peer for node in nodes):
        return f"it sent {name} for a node it does not have"
    match message:
        case m.Missing(hashes, offsets):
            too_often = life.asked[event.peer] >= limits.MISSING_MAX or event.peer in life.shipped
            is_wrong = (too_often and life.state is State.SHIPPING) or (
                len(set(hashes)) < len(hashes)
                or len(offsets) not in (0, len(hashes))
                or any(offset < 0 for offset in offsets)
            )
        case passing.NotFetched(_, hashes, offsets):
            is_wrong = life.state is State.SHIPPING and (
                not life.distribution.is_fetching(event.peer)
                or not hashes
                or len(hashes) != len(offsets)
                or any(offset < 0 for offset in offsets)
            )
        case passing.FetchedSoFar(n_bytes):
            is_idle = not life.distribution.is_fetching(event.peer)
            is_wrong = life.state is State.SHIPPING and (is_idle or n_bytes <= 0)
        case m.Shipped():
            out_of_turn = not life.asked[event.peer] or event.peer in life.shipped
            is_wrong = out_of_turn and life.state is State.SHIPPING
        case m.NodeReady(number):
            is_wrong = life.state is State.STARTING and ledger.nodes[number].state != "starting"
        case m.NodeLeaves(number):
            is_wrong = life.leavings.knows(number)
        case files.FilesSent():
            is_wrong = event.peer in life.collected
        case files.FilePart():
            is_wrong = event.peer in life.collected and life.state is State.COLLECTING
        case m.NodeExited(_, code, signal):
            is_wrong = (code is None) is (signal is None)
        case _:
            is_wrong = False
    return f"it sent {name} twice or with impossible content" if is_wrong else None


_WATCHED: dict[type, Handler] = {
    m.Note: on_note,
    looks.StacksTaken: on_stacks,
    m.LinkWanted: watching.on_link_wanted,
    m.LinkReady: ignore,
    m.LinkFailed: watching.on_link_failed,
    m.NodeWaiting: ignore,
    m.NodeResumed: ignore,
    m.NodeStanding: ignore,
    m.NodeFailed: watching.on_failed,
    m.NodeFindings: watching.on_findings,
    m.NodeLeaves: watching.on_leaving,
    m.NodeExited: watching.on_exit,
    m.Refused: watching.on_refusal,
    PeerLost: watching.on_loss,
}
_OPENING: dict[type, Handler] = {
    m.Note: on_note,
    looks.StacksTaken: on_stacks,
    m.Refused: opening.on_early_refusal,
    PeerLost: opening.on_early_loss,
    Interrupt: opening.on_early_interrupt,
}
_STARTED: dict[type, Handler] = {
    **_OPENING,
    m.LinkWanted: watching.on_link_wanted,
    m.NodeFailed: opening.on_early_end,
    m.NodeFindings: ignore,
    m.NodeLeaves: ignore,
    m.NodeExited: opening.on_early_end,
    TimerFired: opening.on_start_timer,
}
# What nodes and agents had to say of a program that is over.
_LATE: dict[type, Handler] = {
    m.NodeExited: closing.on_late_exit,
    m.Note: on_note,
    looks.StacksTaken: on_stacks,
    m.NodeFailed: ignore,
    m.NodeFindings: ignore,
    m.NodeLeaves: ignore,
    m.LinkWanted: ignore,
    m.LinkReady: ignore,
    m.LinkFailed: ignore,
    m.NodeWaiting: ignore,
    m.NodeResumed: ignore,
    m.NodeStanding: ignore,
}
TABLE: dict[State, dict[type, Handler]] = {
    State.SHIPPING: {
        **_OPENING,
        m.Missing: opening.on_missing,
        passing.FetchedSoFar: opening.on_progress,
        passing.NotFetched: opening.on_not_fetched,
        m.Shipped: opening.on_shipped,
        ShipProgress: opening.on_progress,
        TimerFired: opening.on_ship_timer,
    },
    State.STARTING: {**_STARTED, m.NodeReady: opening.on_ready},
    State.PROVING: {
        **_STARTED,
        m.LinkReady: opening.on_proven,
        m.LinkFailed: opening.on_not_proven,
    },
    State.RUNNING: {
        **_WATCHED,
        m.NodeWaiting: waiting.on_waiting,
        m.NodeResumed: waiting.on_resumed,
        m.NodeStanding: waiting.on_standing,
        m.NodeExited: waiting.after_ends(watching.on_exit),
        m.Refused: waiting.after_ends(watching.on_refusal),
        PeerLost: waiting.after_ends(watching.on_loss),
        Interrupt: watching.on_interrupt,
        TimerFired: waiting.on_timer,
    },
    State.STOPPING: {
        **_WATCHED,
        Interrupt: watching.on_next_interrupt,
        TimerFired: watching.on_step,
    },
    State.COLLECTING: {
        **_LATE,
        files.FilePart: gathering.on_part,
        files.FilesSent: gathering.on_sent,
        m.Refused: gathering.on_refusal,
        PeerLost: gathering.on_loss,
        TimerFired: gathering.on_timer,
        Interrupt: gathering.on_interrupt,
        CannotKeep: gathering.on_cannot_keep,
    },
    State.CLOSING: {
        **_LATE,
        m.RunClosed: closing.on_closed,
        m.Refused: closing.on_late_refusal,
        PeerLost: closing.on_late_loss,
        TimerFired: closing.on_close_timer,
        Interrupt: closing.on_interrupt,
        m.Missing: ignore,
        m.Shipped: ignore,
        passing.FetchedSoFar: ignore,
        passing.NotFetched: ignore,
        m.NodeReady: ignore,
        files.FilePart: ignore,
        files.FilesSent: ignore,
    },
    State.DONE: {},
}
