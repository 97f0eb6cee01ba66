"""The ends of other nodes: from whom nothing more can come, and why. No I/O.

Ends are told from two sides: by the link (goodbye or plain end of file) and by the launcher. Where
there is a link, what it delivers comes before its end, so its end is believed and the launcher's
word is kept as the verdict that says why. A link that breaks without goodbye waits VERDICT_WAIT_S
for that verdict, so that the error tells the cause and not the symptom. The first reason for a
node's end stays.
"""

from __future__ import annotations

from collections.abc import Callable

from . import limits
from .errors import Deadlock, NodeLost
from .mailbox import ANY
from .parts import Parts


class Fates:
    """What is known of the other nodes' ends.

    Args:
        n_node: how many nodes the run has.
        peer_of: the peer on which a node runs, for error messages.

    Attributes:
        parts: who is in which communicator.
    """

    def __init__(self, n_node: int, peer_of: Callable[[int], str]) -> None:
        self.parts = Parts(n_node)
        self._peer_of = peer_of
        self._lost: dict[int, str] = {}
        self._verdicts: dict[int, str] = {}
        self._broken: dict[int, tuple[float, str]] = {}  # wait for a verdict until then
        self._aborted: tuple[int | None, str] | None = None

    @property
    def is_aborted(self) -> bool:
        """Whether the whole run has failed."""
        return self._aborted is not None

    @property
    def next_deadline(self) -> float | None:
        """When the first of the broken links has waited long enough."""
        return min(at for at, _ in self._broken.values()) if self._broken else None

    def is_lost(self, node: int) -> bool:
        """Whether nothing more can come from `node`."""
        return node in self._lost

    def is_broken(self, node: int) -> bool:
        """Whether the link to `node` broke and waits for a verdict."""
        return node in self._broken

    def lose(self, node: int, why: str) -> None:
        """Nothing more can come from `node`."""
        self._broken.pop(node, None)
        self._lost.setdefault(node, why)

    def judge(self, node: int, why: str) -> None:
        """The launcher says how `node` ended; its link may still deliver."""
        self._verdicts.setdefault(node, why)

    def link_broke(self, node: int, why: str, now: float) -> bool:
        """The link to `node` broke; whether the node is lost already, its verdict being known."""
        if node in self._verdicts:
            self.lose(node, self._verdicts[node])
            return True
        self._broken.setdefault(node, (now + limits.VERDICT_WAIT_S, why))
        return False

    def no_link(self, node: int) -> None:
        """No link to `node` came about: if it has ended, that is final."""
        if node in self._verdicts:
            self.lose(node, self._verdicts[node])

    def lose_overdue(self, now: float) -> list[int]:
        """Loses the nodes whose verdict did not come in time, and names them."""
        overdue = [(node, why) for node, (at, why) in self._broken.items() if now >= at]
        for node, why in overdue:
            self.lose(node, why)
        return [node for node, _ in overdue]

    def abort(self, node: int | None, why: str) -> None:
        """The run has failed because of `node`; None: its nodes wait for each other."""
        if self._aborted is None:
            self._aborted = (node, why)

    def check_run(self) -> None:
        """Raises NodeLost, or Deadlock, when the run has failed."""
        if self._aborted is not None:
            node, why = self._aborted
            if node is None:
                raise Deadlock(why)
            raise NodeLost(node, self._peer_of(node), why, self.parts.name(node, None))

    def is_settled(self, node: int) -> bool:
        """Whether nothing more is to become known of `node`'s end: it has not ended, or is lost."""
        return node in self._lost or not (node in self._verdicts or node in self._broken)

    def check_node(self, node: int, space: int = 0) -> None:
        """Raises NodeLost when nothing more can come from `node`.

        Args:
            space: where it is missed, which says what it is called there.
        """
        if node in self._lost:
            name = self.parts.name(node, space)
            raise NodeLost(node, self._peer_of(node), self._lost[node], name)

    def check_source(self, source: int, space: int = 0) -> None:
        """Raises NodeLost when no node is left that could send what is awaited."""
        if source != ANY:
            self.check_node(source, space)
        elif self._lost:
            members = self.parts.members(space)
            lost = [node for node in self._lost if node in members]
            if lost and len(lost) == len(members) - 1:
                self.check_node(lost[-1], space)
