"""Which recorded send belongs to which recorded receive, by their order alone; no I/O.

Nothing travels with a message for the sake of a trace. Messages of one kind between two nodes don't
overtake each other, and among the messages that fit a receive gets the oldest (MPI-4.1, 3.5). So
the receives of a node, in the order in which they were posted, each take the oldest send that is
left and fits. Where a receive took any source its node has said which one it was.

Where a message was received that no recorded call has sent (records have a bound), or the other way
round, the rest of the same kind may be matched one off; a send that comes after its receive has
ended is therefore never matched.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from distrcomp.call_records import (
    CALLS,
    FAILED,
    OTHERS,
    PART,
    RECEIVE_REQUESTS,
    RECEIVES,
    RECORD,
    SEND_REQUESTS,
    SENDS,
    TAKES,
    WAITS,
)

from ..records import record

ANY = -1

_SENDS = frozenset(map(CALLS.index, (*SENDS, *SEND_REQUESTS)))
_RECEIVES = frozenset(map(CALLS.index, (*RECEIVES, *TAKES)))
_REQUESTS = frozenset(map(CALLS.index, RECEIVE_REQUESTS))
_WAITS = frozenset(map(CALLS.index, WAITS))
_BOTH = CALLS.index("sendrecv")
_TOGETHER = frozenset(map(CALLS.index, OTHERS)) - {CALLS.index("probe")}
# Nobody leaves these before everybody has come.
_OF_ALL = frozenset(
    map(CALLS.index, ("barrier", "allgather", "alltoall", "allreduce", "reduce_scatter", "split"))
)


class Call(NamedTuple):
    """One recorded call; times in nanoseconds, `what` is a size or the id of a request."""

    began: int
    ended: int
    thread: int
    what: int
    peer: int
    tag: int
    call: int
    flags: int
    space: int

    @property
    def name(self) -> str:
        """What it was."""
        return CALLS[self.call]

    @property
    def has_failed(self) -> bool:
        """Whether an exception has ended it."""
        return bool(self.flags & FAILED)

    @property
    def is_part(self) -> bool:
        """Whether it is only the receive within a sendrecv."""
        return bool(self.flags & PART)


@record
class Arrow:
    """A message: who sent it by which call, and who received it by which; or who awaited whom.

    Calls are (node, index).
    """

    send: tuple[int, int]
    receive: tuple[int, int]


@record
class _Wanted:
    posted: int
    source: int
    tag: int
    space: int
    ended: int
    index: int


def unpack(packed: bytes) -> list[Call]:
    """Recorded calls; what is none of ours, or was not written to its end, is left out."""
    calls = (Call(*each) for each in RECORD.iter_unpack(packed))
    return [c for c in calls if c.call < len(CALLS) and 0 < c.began <= c.ended]


def match(calls: Sequence[Sequence[Call]], slack: int = 0) -> list[Arrow]:
    """The messages among the calls of all nodes, whose times are by one clock.

    Args:
        slack: by how many nanoseconds two machines may disagree on a time.
    """
    sent: dict[tuple[int, int, int], _Sent] = defaultdict(_Sent)
    for node, own in enumerate(calls):
        posted = [index for index, call in enumerate(own) if _is_send(call)]
        for index in sorted(posted, key=lambda index: own[index].began):
            call = own[index]
            sent[call.space, node, call.peer].add(call.tag, index, call.began)
    arrows = []
    for node, own in enumerate(calls):
        for wanted in sorted(_wanted(own), key=lambda wanted: wanted.posted):
            late = replace(wanted, ended=wanted.ended + slack)
            found = _take(sent, node, late, len(calls))
            if found is not None:
                arrows.append(Arrow(found, (node, wanted.index)))
    return arrows


def meetings(calls: Sequence[Sequence[Call]]) -> list[Arrow]:
    """Of the world's collectives that wait for all: who came last, and who waited for it.

    All nodes call the world's collectives in the same order, so those of one place in it are one.
    That ends with the first that failed, or is not the same everywhere.
    """
    own = [
        sorted(
            (
                index
                for index, call in enumerate(each)
                if call.space == 0 and call.call in _TOGETHER
            ),
            key=lambda index, each=each: each[index].began,  # type: ignore[misc]
        )
        for each in calls
    ]
    arrows = []
    for indices in zip(*own, strict=False):
        met = [each[index] for each, index in zip(calls, indices, strict=True)]
        if any(call.has_failed for call in met) or len({call.call for call in met}) > 1:
            break
        if met[0].call in _OF_ALL:
            last = max(range(len(met)), key=lambda node: met[node].began)
            arrows += [
                Arrow((last, indices[last]), (node, index))
                for node, index in enumerate(indices)
                if node != last
            ]
    return arrows


def _is_send(call: Call) -> bool:
    is_one = call.call in _SENDS or (call.call == _BOTH and not call.is_part)
    return is_one and not call.has_failed


def _wanted(calls: Sequence[Call]) -> list[_Wanted]:
    """The receives of one node that have got their message, with the calls that returned it."""
    found: list[_Wanted] = []
    posted: dict[int, _Wanted] = {}
    for index in sorted(range(len(calls)), key=lambda index: calls[index].began):
        call = calls[index]
        if call.has_failed:
            continue
        one = _Wanted(call.began, call.peer, call.tag, call.space, call.ended, index)
        if call.call in _RECEIVES or call.is_part:
            found.append(one)
        elif call.call in _REQUESTS:
            posted[call.what] = one
        elif call.call in _WAITS and call.what in posted:
            begun = posted.pop(call.what)
            if call.peer >= 0:
                begun = replace(begun, source=call.peer, tag=call.tag)
            found.append(replace(begun, ended=call.ended, index=index))
    return found


class _Sent:
    """The sends from one node to another in one message space that nobody has received so far."""

    def __init__(self) -> None:
        self._all: deque[tuple[int, int, int]] = deque()
        self._of_tag: dict[int, deque[tuple[int, int, int]]] = defaultdict(deque)
        self._taken: set[int] = set()

    def add(self, tag: int, index: int, began: int) -> None:
        """One more."""
        self._all.append((began, index, tag))
        self._of_tag[tag].append((began, index, tag))

    def first(self, tag: int) -> tuple[int, int, int] | None:
        """The oldest that fits."""
        waiting = self._all if tag == ANY else self._of_tag.get(tag, deque())
        while waiting and waiting[0][1] in self._taken:
            waiting.popleft()
        return waiting[0] if waiting else None

    def take(self, index: int) -> None:
        """This one was received."""
        self._taken.add(index)


def _take(
    sent: dict[tuple[int, int, int], _Sent], node: int, wanted: _Wanted, n_node: int
) -> tuple[int, int] | None:
    """The send of the message that a receive got, as (node, index)."""
    sources = range(n_node) if wanted.source == ANY else (wanted.source,)
    best: tuple[int, int, int] | None = None
    for source in sources:
        of_pair = sent.get((wanted.space, source, node))
        first = None if of_pair is None else of_pair.first(wanted.tag)
        if first is not None and first[0] <= wanted.ended and (best is None or first[0] < best[0]):
            best = (first[0], source, first[1])
    if best is None:
        return None
    _, source, index = best
    sent[wanted.space, source, node].take(index)
    return source, index
