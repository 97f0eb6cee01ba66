"""What the handlers of a run's events share: how far it is, and who takes part; no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from .. import limits
from ..control import looks
from ..control import messages as m
from .course import Course
from .deadlock import Diagnosis
from .distribution import Distribution
from .events import Action, FromPeer, SetTimer, Tell
from .leavings import Leavings
from .ledger import Failure, Ledger
from .plain import cut


class State(Enum):
    """How far the run has come."""

    SHIPPING = auto()
    STARTING = auto()
    PROVING = auto()
    RUNNING = auto()
    STOPPING = auto()
    COLLECTING = auto()
    CLOSING = auto()
    DONE = auto()


class Life:
    """One run.

    Attributes:
        ledger: what is known of the nodes, and in the end the verdict.
        notes: what the report shall mention besides.
        n_notes_before: how many of them came before the programs began.
        peers: those still in the run; whatever comes from another one is not looked at.
        asked: how often each peer has sent Missing.
        shipped, collected, closed: the peers that have sent Shipped, FilesSent, RunClosed.
        distribution: who sends the bundle to whom.
        is_moving: whether bytes went to a peer, or came, since somebody last looked.
        unproven: the links that must be proven and are not, with what speaks against it so far.
        diagnosis: who waits for whom, while the program runs.
        leavings: what the nodes leave behind.
        asked_for_stacks: the peers that were asked for the sake of the report.
        signalled: the last signal by which nodes were stopped, 0 for none.
    """

    def __init__(self, course: Course) -> None:
        self.course = course
        self.state = State.SHIPPING
        self.ledger = Ledger(course.labels, course.placement)
        self.notes: list[str] = []
        self.n_notes_before = 0
        self.peers = set(range(len(course.labels)))
        self.asked: Counter[int] = Counter()
        self.shipped: set[int] = set()
        self.collected: set[int] = set()
        self.closed: set[int] = set()
        self.distribution = Distribution(
            course.sizes, course.can_give or (False,) * len(course.labels)
        )
        self.is_moving = False
        self.unproven = dict.fromkeys(course.proofs, "")
        self.diagnosis = Diagnosis(len(course.placement))
        self.leavings = Leavings()
        self.asked_for_stacks: set[int] = set()
        self.signalled = 0

    def label(self, peer: int) -> str:
        """A peer, for people."""
        return self.course.labels[peer]

    def is_node(self, node: int) -> bool:
        """Whether there is such a node."""
        return 0 <= node < len(self.ledger.nodes)

    def note(self, text: str) -> None:
        """Has the report mention something; there is a bound to that."""
        if len(self.notes) < limits.NOTES_MAX:
            self.notes.append(cut(text, limits.SENTENCE_CHARACTERS_MAX))

    def tell_all(self, message: Any) -> list[Action]:
        """Tells every peer still in the run."""
        return [Tell(peer, message) for peer in sorted(self.peers)]

    def tell_peer(self, peer: int, message: Any) -> list[Action]:
        """Tells one peer, if it is still in the run."""
        return [Tell(peer, message)] if peer in self.peers else []

    def tell_node(self, node: int, message: Any) -> list[Action]:
        """Tells the peer of a node, unless the node has ended."""
        known = self.ledger.nodes[node]
        return [] if known.ended else self.tell_peer(known.peer, message)

    def take_stacks(self) -> list[Action]:
        """Has every peer tell where its nodes are; what it is told next, it does afterwards."""
        self.asked_for_stacks |= self.peers
        return self.tell_all(looks.TakeStacks(self.course.opening.run_id, ()))

    def lose(self, peer: int, now: float) -> list[int]:
        """Takes a peer out of the run; the nodes that went with it."""
        self.peers.discard(peer)
        return self.ledger.lose(peer, now)

    def close(self, now: float) -> list[Action]:
        """Has every peer remove what is left."""
        self.state = State.CLOSING
        if self.ledger.ended_at is None:
            self.ledger.ended_at = now
        self._settle()
        actions = self.tell_all(m.CloseRun())
        self.end_if_all_closed()
        return [*actions, SetTimer("close", limits.CLOSE_RUN_TIMEOUT_S)]

    def _settle(self) -> None:
        """Tells what the nodes have left behind; after a failure it would explain nothing."""
        left = cut(self.leavings.told(), limits.LEAVINGS_CHARACTERS_MAX)
        if not left or self.ledger.cause() is not None:
            return
        if self.course.is_strict:
            headline, _, rest = left.partition("\n")
            self.ledger.failures.append(Failure(f"failed by --strict: {headline}", headline, rest))
        else:
            self.notes.insert(self.n_notes_before, left)

    def end_if_all_closed(self) -> None:
        """The run is over when no peer has anything of it."""
        if self.closed >= self.peers:
            self.state = State.DONE


Handler = Callable[[Life, Any, float], list[Action]]
"""What to do about one kind of event: (life, event, now)."""


def ignore(life: Life, event: Any, now: float) -> list[Action]:
    """It may come and changes nothing."""
    return []


def on_note(life: Life, event: FromPeer, now: float) -> list[Action]:
    """An agent has something for the report."""
    life.note(event.message.text)
    return []


def on_stacks(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A peer tells where its nodes are: for the report, or for somebody who looks at the run."""
    for taken in event.message.nodes if event.peer in life.asked_for_stacks else ():
        node = life.ledger.nodes[taken.node]
        if not node.ended:
            node.stacks = cut(taken.text, limits.STACKS_BYTES_MAX)
            node.no_stacks = cut(taken.why, limits.SENTENCE_CHARACTERS_MAX)
    return []
