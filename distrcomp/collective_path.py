"""The message space of one communicator's collectives: runs algorithms there, and knows who errs.

Each collective has a number on its communicator, and its messages bear a tag made of kind, root and
number (see collectives.kinds). A message that this node waits for in vain is looked at by its tag:
what came from there instead says that its sender is in another collective. That holds because the
messages of two nodes stay in order, and a node is in one blocking collective of a communicator at a
time. So nothing is added to a message or to the fast way for it.

Where both wait (two nodes, each the root of its own reduce) no message comes. So a node that has
waited for COLLECTIVE_TELL_AFTER_S sends a card to the others: the number of its collective, its tag
and where its program called it. Whoever waits, too, compares the card with what it remembers of
that number. Cards also answer those who have found a mismatch, for the tag alone tells neither file
nor line. Cards that tell nothing new are dropped. Nobody tells unasked that it is in `free`: so no
card is under way when the communicator's number is another one's.

A collective that ends by an exception has left its communicator's nodes out of step: what follows
on it is a mismatch, which says so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from math import inf
from time import monotonic
from types import CodeType
from typing import Any

from . import limits
from .array_path import ARRAY_TYPES
from .codec import Encoded, encode
from .collectives import EXCHANGE_MAX, Algorithm
from .collectives.kinds import (
    CARD,
    FREE,
    KIND_SHIFT,
    ROOT_MASK,
    ROOT_SHIFT,
    TURN_MASK,
    described,
    earlier,
    split_tag,
    tag_of,
    turn_of,
)
from .engine import Sending
from .errors import CollectiveMismatch, LinkFailed, NodeLost, RecvTimeout
from .links.ring import COMMUNICATOR_SHIFT, TAG_SHIFT
from .mailbox import ANY, Receive
from .serving_path import ServingPath

_getframe = sys._getframe
_REMEMBERED = limits.COLLECTIVES_REMEMBERED
_CARD_TAG = tag_of(CARD, 0, 0)
# Above this a message isn't a single record of a ring, and its sender may have to wait.
_AT_ONCE_BYTES_MAX = 16 * 1024
# What doesn't come so soon is worth a look; most waits are shorter.
_LOOK_AFTER_S = 0.1
_TELL_AGAIN_S = 5.0


class _Ours(dict[str, bool]):
    """By the name of a file: whether it is distrcomp's own."""

    _package = os.path.join(os.path.dirname(__file__), "")

    def __missing__(self, name: str) -> bool:
        self[name] = is_ours = name.startswith(self._package)
        return is_ours


_IS_OURS = _Ours()

Card = tuple[int, int, str]
"""Whose it is, the tag of its collective, and where its program called that."""


class BlockingPort:
    """The others, for algorithms that run inside a call; see collectives.Port."""

    __slots__ = ("_path", "here", "machines", "pending", "size", "tag")

    def __init__(self, path: CollectivePath) -> None:
        self._path = path
        self.here: int = path.node_id
        self.size: int = path.n_node
        self.machines = path.machines()
        self.pending: list[Sending] = []
        self.tag = 0

    def name(self, node: int) -> str:
        """See LongPath."""
        return self._path._name(node)

    def send(self, node: int, value: Any) -> None:
        """Sends a small object at once; of a large array it only begins to."""
        if type(value) in ARRAY_TYPES and value.nbytes > _AT_ONCE_BYTES_MAX:
            self.pending.append(self._path._post(node, self.tag, encode(value)))
        else:
            self._path.send(node, value, self.tag)


class CollectivePath(ServingPath):
    """The collectives' space of a communicator."""

    __slots__ = ("_history", "_port", "_turn_now", "has_told", "is_close", "open_turns", "others")

    def _prepare(self) -> None:
        super()._prepare()
        self._turn_now = 0
        self.open_turns: set[int] = set()  # of collectives that are requests
        self._history: list[tuple[int, CodeType, int] | None] = [None] * _REMEMBERED
        self._port: BlockingPort | None = None
        self.has_told = False  # of nodes that are in different collectives
        here = self.node_id
        self.others = (*range(here + 1, self.n_node), *range(here))
        self.is_close = 1 < self.n_node <= EXCHANGE_MAX and len(self.machines()) == 1

    def machines(self) -> tuple[tuple[int, ...], ...]:
        """The communicator's nodes by machine, in the order of their first ones."""
        peers: dict[str, list[int]] = {}
        for node, member in enumerate(self._members):
            peers.setdefault(self._engine.peer_of(member), []).append(node)
        return tuple(map(tuple, peers.values()))

    def enter(self, kind: int, root: int, depth: int = 2) -> int:
        """Begins a collective: its tag.

        Args:
            depth: how many calls up the program may stand; that many are none of its own.
        """
        self._turn_now = turn = self._turn_now + 1 & TURN_MASK
        tag = kind << KIND_SHIFT | (root & ROOT_MASK) << ROOT_SHIFT | turn
        envelopes = self._envelopes  # each tag is used once, so it would be missing each time
        if len(envelopes) >= _REMEMBERED:
            envelopes.clear()
        envelopes[tag] = self._number << COMMUNICATOR_SHIFT | tag << TAG_SHIFT
        frame: Any = _getframe(depth)
        code = frame.f_code
        while _IS_OURS[code.co_filename] and frame.f_back is not None:
            frame = frame.f_back
            code = frame.f_code
        self._history[turn % _REMEMBERED] = (tag, code, frame.f_lasti)
        return tag

    def run(self, kind: int, root: int, algorithm: Callable[..., Algorithm], *args: Any) -> Any:
        """Runs a collective to its end: what `algorithm(port, *args)` returns."""
        tag = self.enter(kind, root)
        port = self._port
        if port is None:
            port = self._port = BlockingPort(self)
        port.tag = tag
        course = algorithm(port, *args)
        try:
            source = next(course)
            while True:
                if type(source) is int:
                    source = course.send(self.recv(source, tag))
                else:
                    node, out = source
                    source = course.send(self.recv(node, tag, out=out))
        except StopIteration as end:
            if port.pending:
                self._settle(port)
            return end.value
        except BaseException:
            self._let_go(port)
            raise

    def _settle(self, port: BlockingPort) -> None:
        """Waits until what was sent is out of our hands."""
        pending = port.pending
        while pending:
            self._finish(pending[-1])
            pending.pop()

    def _let_go(self, port: BlockingPort) -> None:
        pending, port.pending = port.pending, []
        for sending in pending:
            self._engine.let_go(sending)

    def time_limit(self) -> float | None:
        """How many seconds a collective may wait, if the run has such a limit."""
        return self._time(None)

    def awaited(self, tag: int) -> Receive:
        """What a wait in a collective is told by; never posted."""
        return Receive(self._number, ANY, tag)

    # --- who is elsewhere -----------------------------------------------------------------------

    def _recv_long(
        self, source: int, tag: int, timeout: float | None, out: Any, status: Any
    ) -> Any:
        """Waits for a message of a collective, and looks now and then who is elsewhere."""
        wanted = self._wanted_for(source, tag, out, status)
        watch = Watch(self, tag, self._ids[wanted.source])
        try:
            self._engine.receive(wanted, self._time(timeout), watch.look)
        except RecvTimeout as error:
            whom = self._name(self._ids[wanted.source])
            raise RecvTimeout(described(tag), error.timeout_s, "", whom) from None
        except NodeLost as lost:  # it may have been elsewhere, and ended there
            watch.check_strays(lost)
            raise
        except KeyboardInterrupt as interrupt:
            whom = self._name(self._ids[wanted.source])
            interrupt.add_note(f"in {described(tag)}, which waits for {whom}")
            raise
        if wanted.source in self._unread:
            watch.check_past()
        return self._take(wanted, out, status)

    def _send_encoded(self, dest: int, tag: int, encoded: Encoded) -> None:
        try:
            super()._send_encoded(dest, tag, encoded)
        except NodeLost as lost:
            Watch(self, tag, dest).check_strays(lost)
            raise

    def has_entered(self, turn: int) -> bool:
        """Whether this node is, or was, in the collective of this number."""
        return earlier(turn, self._turn_now) == turn

    def place_of(self, turn: int) -> tuple[int, str] | None:
        """The tag of a collective and where the program called it, if that is remembered."""
        known = self._history[turn % _REMEMBERED]
        if known is None or turn_of(known[0]) != turn:
            return None
        tag, code, instruction = known
        return tag, _place(code, instruction)

    def tell(self, turn: int, nodes: Iterable[int]) -> None:
        """Sends a card to these: where this node is, or was, in collective `turn`.

        One that has ended needs none; whether it is missed is for who waits for it.
        """
        card = self.place_of(turn)
        if card is None:
            return
        for node in nodes:
            if node != self.node_id:
                with suppress(NodeLost, LinkFailed):
                    self._post(node, _CARD_TAG, encode(card))
        self._engine.flush_later()

    def take_card(self, source: int = ANY, timeout: float | None = None) -> Card | None:
        """The next card that has come, or that comes in `timeout` seconds."""
        wanted = self._wanted(source, _CARD_TAG)
        if timeout is None:
            message = self._engine.take_unread(wanted)
        else:
            try:
                message = self._engine.receive(wanted, timeout)
            except (RecvTimeout, NodeLost):
                message = None
        return None if message is None else (self._ids[message.source], *self._open(wanted, None))

    def sentence(self, ours: tuple[int, str], there: int, theirs: tuple[int, str]) -> str:
        """Says that this node and another one are in different collectives: tags and places."""
        self.has_told = True
        told = [
            f"{self._name(node)} is in {described(tag)}{place and f' at {place}'}"
            for node, (tag, place) in sorted([(self.node_id, ours), (there, theirs)])
        ]
        return f"{told[0]}, {told[1]}: all nodes of a communicator must call the same collectives"

    def strays(self, source: int, awaited: int) -> list[int]:
        """Tags of unread messages from `source` that belong to other collectives than `awaited`."""
        return [
            tag
            for node, tag in self._engine.unread(self._number)
            if node == self._members[source]
            and tag not in (_CARD_TAG, awaited)
            and turn_of(tag) not in self.open_turns
        ]


class Watch:
    """Looks, while a collective waits, whether others are elsewhere.

    Args:
        tag: of the collective.
        source: the node whose message is awaited. None where it is a request: then what comes from
            there may be of a later one.
    """

    def __init__(self, path: CollectivePath, tag: int, source: int | None = None) -> None:
        self._path = path
        self._source = source
        self._tag = tag
        now = monotonic()
        self._look_at = now + _LOOK_AFTER_S
        tells = split_tag(tag)[0] != FREE
        self._tell_at = now + limits.COLLECTIVE_TELL_AFTER_S if tells else inf

    def look(self) -> float:
        """When to look again.

        Raises:
            CollectiveMismatch: nodes are in different collectives.
        """
        now = monotonic()
        if now < self._look_at:
            return self._look_at
        path = self._path
        self.check_strays()
        self._read_cards()
        if now >= self._tell_at:
            path.tell(turn_of(self._tag), range(path.n_node))
            self._tell_at = now + _TELL_AGAIN_S
        self._look_at = now + _LOOK_AFTER_S
        return self._look_at

    def check_strays(self, cause: NodeLost | None = None) -> None:
        """Raises CollectiveMismatch if what came from there is of another collective."""
        if self._source is not None and (strays := self._path.strays(self._source, self._tag)):
            raise self.mismatch(self._source, strays[0]) from cause
        if cause is not None:  # it may have told why it ends
            self._read_cards()

    def check_past(self) -> None:
        """Raises CollectiveMismatch if something came of a collective in which this node was not.

        What has come of a later one is no sign once what was awaited is there. Cards are taken, for
        what lies unread from a node keeps its messages from the short way.
        """
        now, source = turn_of(self._tag), self._source
        if source is None:
            return
        for stray in self._path.strays(source, self._tag):
            if earlier(turn_of(stray), now) == turn_of(stray):
                raise self.mismatch(source, stray)
        self._read_cards(source)

    def _read_cards(self, source: int = ANY) -> None:
        path = self._path
        while (card := path.take_card(source)) is not None:
            node, theirs, place = card
            ours = path.place_of(turn_of(theirs))
            if ours is not None and ours[0] != theirs:
                path.tell(turn_of(theirs), range(path.n_node))  # others may wait for this one
                raise CollectiveMismatch(path.sentence(ours, node, (theirs, place)))

    def mismatch(self, source: int, stray: int) -> CollectiveMismatch:
        """What to raise; the other node is asked where in its program it was.

        All are told where this one was: they may be about to find the same, and ask.
        """
        path = self._path
        turn = earlier(turn_of(stray), turn_of(self._tag))
        ours = path.place_of(turn)
        if ours is None:  # it was too long ago
            turn = turn_of(self._tag)
            ours = path.place_of(turn)
        path.tell(turn, range(path.n_node))
        until = monotonic() + limits.COLLECTIVE_ANSWER_WAIT_S
        theirs = (stray, "")
        while (left := until - monotonic()) > 0:
            card = path.take_card(source, left)
            if card is None:  # it has ended, or makes no call
                break
            if turn_of(card[1]) == turn:
                theirs = card[1:]
                break
        return CollectiveMismatch(path.sentence(ours or (self._tag, ""), source, theirs))


def _place(code: CodeType, instruction: int) -> str:
    """A place in the program, as FILE:LINE."""
    line = code.co_firstlineno
    for begin, end, number in code.co_lines():
        if begin <= instruction < end and number is not None:
            line = number
    return f"{code.co_filename.removeprefix(os.getcwd() + os.sep)}:{line}"
