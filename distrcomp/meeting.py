"""The world's barrier where all nodes share one machine: a word of memory each, and no message.

Theory. Each node has one word that it alone writes: how many such barriers it has come to, and the
numbers of the last two among its collectives (see collective_path). A node writes its word, rings
for those that sleep, and waits until all words say that their nodes have come. A node that is here
for the nth time knows that all have left barrier n - 1, for each of them has seen this node's word
n - 1 there; and nobody can be beyond n + 1. So a word is either the same as ours, or one behind
(not here yet), or one ahead (it has left already, having seen ours); anything else says that its
node is in another collective than this one. That is the sense-reversing barrier (Hensgen, Finkel
and Manber, 1988) with counters in place of senses, so that who waits sees who is missing.

Each waits once for all others, where a barrier of messages has two waits and a sender and a
receiver for each: it is as fast as the slowest node, and where nodes share cores each of them needs
its core but once.

Nobody fences between the word and the look at the bells: the sleeper looks again (see links.bells).
What a node wrote before it came is seen by those that leave: stores become visible in order, or
there is a fence before the word and one after the last look (see links.ring).

What stands in the way of that goes by messages: parts of the world, several machines, links that
are not shared memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import sched_yield
from time import monotonic, perf_counter

from .collective_path import CollectivePath, Watch
from .collectives.kinds import BARRIER, TURN_MASK, described, tag_of
from .engine import Engine
from .errors import NodeLost, RecvTimeout
from .fast_path import patience
from .links import Bells, Link
from .links.ring import LINE_WORDS, STORES_ARE_ORDERED, fence
from .receiving import earlier

_COUNT_SHIFT, _BEFORE_SHIFT = 32, TURN_MASK.bit_length()


class Meeting:
    """That barrier, as one node of the world sees it.

    Args:
        path: the world's collectives.
        engine: this node's; all nodes share its memory.
        bells: of this machine; their lines have the words.

    Attributes:
        is_open: the world has neither ended nor failed. After that a barrier goes by messages, and
            meets the reason there.
    """

    __slots__ = (
        "__weakref__",
        "_before",
        "_bells",
        "_count",
        "_engine",
        "_line",
        "_others",
        "_path",
        "_words",
        "is_open",
    )

    def __init__(self, path: CollectivePath, engine: Engine, bells: Bells) -> None:
        self._path = path
        self._engine = engine
        self._bells = bells
        self._words = bells.arrived
        self._line = path.node_id * LINE_WORDS
        self._others = [(node * LINE_WORDS, node) for node in path.others]
        self._count = 0
        self._before = 0
        self.is_open = True
        engine.add_shortcut(self)

    def know(self, node: int, link: Link) -> None:
        """A link has come, of which a barrier has no use."""

    def forget(self) -> None:
        """Closes it."""
        self.is_open = False

    def wait(self, tag: int) -> None:
        """Returns when all have come to the collective `tag`.

        Raises:
            CollectiveMismatch: a node is in another collective.
            NodeLost: one has ended and did not come.
        """
        words, asleep = self._words, self._bells.asleep
        turn = tag & TURN_MASK
        self._count += 1
        ours = self._count << _COUNT_SHIFT | self._before << _BEFORE_SHIFT | turn
        self._before = turn
        if not STORES_ARE_ORDERED:
            fence()
        words[self._line] = ours
        for line, node in self._others:
            if asleep[line]:
                self._bells.wake(node)
        are_alike = True
        for line, _ in self._others:
            if words[line] < ours and not self._comes_soon(line, ours):
                self._wait_long(tag, ours)
            are_alike = are_alike and words[line] == ours
        if not are_alike:
            self._check_words(tag, ours)
        if not STORES_ARE_ORDERED:
            fence()
        if self._engine.gate.interrupted:
            self._engine.check_interrupt()

    def _comes_soon(self, line: int, ours: int) -> bool:
        """Looks for a while whether a node comes, as `recv` does for a message."""
        words, engine = self._words, self._engine
        if engine.is_serving or engine.mailbox.receives:  # who asks this node mustn't wait for it
            return False
        spins, yields, yield_s = patience(engine.spins)
        for _ in spins:
            if words[line] >= ours:
                return True
        until = perf_counter() + yield_s
        for _ in yields:
            sched_yield()
            if words[line] >= ours:
                return True
            if engine.gate.interrupted or perf_counter() >= until:
                break
        return False

    def _wait_long(self, tag: int, ours: int) -> None:
        """Waits for as long as it takes, and looks now and then who is elsewhere."""
        path, engine = self._path, self._engine
        limit_s = path.time_limit()
        deadline = None if limit_s is None else monotonic() + limit_s
        watch = Watch(path, tag)
        wait = engine.begin_wait(lambda: self._missing(ours), path.awaited(tag), deadline)
        try:
            while not engine.wait_for_memory(
                lambda: not self._missing(ours),
                lambda: engine.check_nodes(self._missing(ours)),
                earlier(deadline, watch.look()),
                wait,
            ):
                self._check_strays(tag, ours)
                if deadline is not None and monotonic() >= deadline:
                    missing = _nodes(self._missing(ours))
                    raise RecvTimeout(described(tag), limit_s or 0.0, "", missing)
        except NodeLost as lost:  # it may have been elsewhere, and ended there
            self._check_strays(tag, ours, lost)
            raise
        except KeyboardInterrupt as interrupt:
            missing = _nodes(self._missing(ours))
            interrupt.add_note(f"in {described(tag)}, which waits for {missing}")
            raise
        finally:
            engine.end_wait(wait)

    def _missing(self, ours: int) -> list[int]:
        """Who has not come so far."""
        count, words = ours >> _COUNT_SHIFT, self._words
        return [node for line, node in self._others if words[line] >> _COUNT_SHIFT < count]

    def _check_words(self, tag: int, ours: int) -> None:
        """Raises CollectiveMismatch if one has come to another barrier than this one."""
        count, turn = ours >> _COUNT_SHIFT, ours & TURN_MASK
        for line, node in self._others:
            word = self._words[line]
            shift = _BEFORE_SHIFT if word >> _COUNT_SHIFT > count else 0
            theirs = word >> shift & TURN_MASK
            if theirs != turn:
                raise Watch(self._path, tag).mismatch(node, tag_of(BARRIER, 0, theirs))

    def _check_strays(self, tag: int, ours: int, cause: NodeLost | None = None) -> None:
        """Raises CollectiveMismatch if a missing node has sent what belongs to another collective.

        It may have come here and gone on since it was found missing: then its word, written before
        it sent anything more, is here by now.
        """
        for node in self._missing(ours):
            strays = self._path.strays(node, tag)
            if strays and node in self._missing(ours):
                raise Watch(self._path, tag).mismatch(node, strays[0]) from cause


def meeting_for(path: CollectivePath, engine: Engine) -> Meeting | None:
    """The meeting of the world's nodes, if all of them share memory with this one."""
    bells = engine.bells
    if bells is None or path.n_node < 2:
        return None
    return Meeting(path, engine, bells) if engine.are_near(range(engine.n_node)) else None


def _nodes(nodes: Sequence[int]) -> str:
    listed = ", ".join(map(str, nodes))
    return f"node {listed}" if len(nodes) == 1 else f"nodes {listed}"
