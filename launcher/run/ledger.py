"""What is known of a run: how each node fares, what failed, and what failed first; no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..control import messages as m
from .clocks import Clocks
from .results import Cause, NodeResult, PostMortem
from .stack_text import crash_told


@dataclass
class Failure:
    """Something that made the run fail.

    Attributes:
        headline: one sentence for the top of the report.
        why: the same for those who know whom it is about.
        node, peer: where it happened, as far as it is known.
        because_of: the node that it blames, if it blames one; itself, if it only echoes an abort.
        exit_code: what the run's exit code becomes if this was the first.
        heard_at: when it was heard of.
    """

    headline: str
    why: str
    traceback: str = ""
    node: int | None = None
    peer: int | None = None
    because_of: int | None = None
    exit_code: int = 1
    heard_at: float = 0.0

    @property
    def is_echo(self) -> bool:
        """Whether it blames itself: it only repeats what it was told when the run was aborted."""
        return self.node is not None and self.because_of == self.node


@dataclass
class NodeState:
    """One node.

    Attributes:
        state: a word for people, and at the end its outcome in the report.
        stacks: where its threads were when the run was ended from outside, as Python writes it.
        no_stacks: why that is not known, where it was asked for.
        findings: what its agent found when it had failed.
    """

    peer: int
    state: str = "starting"
    code: int | None = None
    signal: int | None = None
    ended_at: float | None = None
    failure: Failure | None = None
    stacks: str = ""
    no_stacks: str = ""
    findings: m.NodeFindings | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more can come from it."""
        return self.ended_at is not None

    def end(
        self, state: str, now: float, code: int | None = None, signal: int | None = None
    ) -> None:
        """Its process is over, or lost."""
        self.state, self.ended_at, self.code, self.signal = state, now, code, signal


class Ledger:
    """The nodes and failures of one run.

    Attributes:
        clocks: how far those of the agents are from ours.

    Args:
        labels: the names of the peers.
        placement: the index of each node's peer.
    """

    def __init__(self, labels: Sequence[str], placement: Sequence[int]) -> None:
        self.labels = labels
        self.nodes = [NodeState(peer) for peer in placement]
        self.clocks = Clocks()
        self.failures: list[Failure] = []
        self._decreed: Failure | None = None
        self.started_at: float | None = None
        self.ended_at: float | None = None

    def name(self, node: int) -> str:
        """A node, for people."""
        return f"node {node} on {self.labels[self.nodes[node].peer]}"

    def name_of_peer(self, node: int) -> str:
        """Where a node runs."""
        return self.labels[self.nodes[node].peer]

    def all_are(self, state: str) -> bool:
        """Whether every node is in this state."""
        return all(node.state == state for node in self.nodes)

    @property
    def all_ended(self) -> bool:
        """Whether every node has ended."""
        return all(node.ended for node in self.nodes)

    def lose(self, peer: int, now: float) -> list[int]:
        """Everything on a peer is lost; the nodes that went with it."""
        lost = [n for n, node in enumerate(self.nodes) if node.peer == peer and not node.ended]
        for number in lost:
            self.nodes[number].end(self._outcome_unknown, now)
        return lost

    def start(self, now: float) -> None:
        """The programs begin."""
        self.started_at = now
        for node in self.nodes:
            node.state = "running"

    def decree(self, failure: Failure) -> None:
        """Ends the run from outside its programs: whatever fails from now on is a consequence."""
        if self._decreed is None:
            self._decreed = failure

    @property
    def is_decreed(self) -> bool:
        """Whether the run was ended by `decree`."""
        return self._decreed is not None

    def seconds_of(self, node: int, now: float) -> float | None:
        """How long a node has run."""
        if self.started_at is None:
            return None
        ended_at = self.nodes[node].ended_at
        return (now if ended_at is None else ended_at) - self.started_at

    @property
    def exit_code(self) -> int:
        """The exit code of the run as DESIGN.md has it."""
        root = self._root()
        return 0 if root is None else root.exit_code

    def cause(self) -> Cause | None:
        """The first failure, not its consequences."""
        root = self._root()
        if root is None:
            return None
        label = None if root.peer is None else self.labels[root.peer]
        findings = None if root.node is None else self.nodes[root.node].findings
        traceback = root.traceback
        if findings is not None and findings.crash and not traceback:
            traceback = "\n".join(crash_told(findings.crash))
        return Cause(root.headline, traceback, root.node, label)

    def results(self) -> tuple[NodeResult, ...]:
        """How each node ended."""
        return tuple(
            NodeResult(
                node=number,
                peer=self.labels[node.peer],
                exit_code=node.code,
                signal=node.signal,
                outcome=node.state if node.ended else self._outcome_unknown,
                reason=node.failure.why if node.failure is not None else "",
                seconds=self.seconds_of(number, self.ended_at or 0.0),
                stacks=node.stacks,
                no_stacks=node.no_stacks,
                post_mortem=self._post_mortem(number),
            )
            for number, node in enumerate(self.nodes)
        )

    @property
    def _outcome_unknown(self) -> str:
        return "never started" if self.started_at is None else "lost"

    def _root(self) -> Failure | None:
        """What ended the run by decree; else the first failure, or what it blames.

        The first is the earliest, by clocks that are made comparable. A consequence may be told
        before its cause, so blame is followed from node to node, as far as it leads to a failure
        that is not a mere echo; where it goes in a circle, the first one stands.
        """
        if self._decreed is not None or not self.failures:
            return self._decreed
        first = root = min(self.failures, key=lambda failure: self._time_of(failure)[0])
        seen: set[int] = set()
        while root.because_of is not None:
            blamed = self.nodes[root.because_of].failure
            if root.because_of in seen:
                return first
            seen.add(root.because_of)
            if blamed is None or blamed.is_echo:
                return root
            root = blamed
        return root

    def _time_of(self, failure: Failure) -> tuple[float, float]:
        """When it happened by our clock, and how uncertain that is."""
        node = None if failure.node is None else self.nodes[failure.node]
        if node is not None and node.findings is not None:
            found = self.clocks.ours(node.peer, node.findings.at)
            if found is not None and found[0] <= failure.heard_at + found[1]:
                return found
        return failure.heard_at, 0.0

    def _post_mortem(self, number: int) -> PostMortem | None:
        """What is known of the end of a node that failed."""
        node = self.nodes[number]
        failure, findings = node.failure, node.findings
        if failure is None or node.state == "lost":
            return None
        at, uncertain_s = self._time_of(failure)
        return PostMortem(
            at_s=None if self.started_at is None else round(at - self.started_at, 6),
            uncertain_s=uncertain_s,
            memory="" if findings is None else findings.memory,
            crash="" if findings is None else findings.crash,
            traceback=failure.traceback,
            blames=failure.because_of,
        )
