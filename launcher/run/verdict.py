"""A deadlock in words: who waits where, for whom, and which messages nearly fit; no I/O."""

from __future__ import annotations

from collections.abc import Iterator

from distrcomp.collectives.kinds import Kind, split_tag
from distrcomp.notices import Envelope, Unread, Waiting
from distrcomp.spaces import COLLECTIVE, POINT_TO_POINT, SPACES

from .. import limits
from .deadlock import LongWait, Stalled, Verdict
from .plain import node_list

_ANY = -1
# None of its nodes gets out of one of these before all have come.
_MEETINGS = frozenset(
    (
        Kind.BARRIER,
        Kind.ALLGATHER,
        Kind.ALLTOALL,
        Kind.ALLREDUCE,
        Kind.LARGE_ALLREDUCE,
        Kind.CREATE,
        Kind.FREE,
        Kind.SPLIT,
    )
)


def headline(verdict: Verdict) -> str:
    """The first line.

    Example:
        >>> headline(Verdict({0: (), 1: ()}, {}, {}, frozenset()))
        'Deadlock: nodes 0 and 1 wait for each other, and no message is on its way.'
    """
    nodes = sorted(verdict.waits)
    whom = "waits for itself" if len(nodes) == 1 else "wait for each other"
    return f"Deadlock: {node_list(nodes)} {whom}, and no message is on its way."


def about_sends(verdict: Verdict) -> str:
    """A line for a run under `--strict-sends`, if one of the waits is a send's; else nothing."""
    waits = (wait.waiting for waits in verdict.waits.values() for wait in waits)
    if not any(waiting.operation.startswith("send") for waiting in waits):
        return ""
    return (
        "With --strict-sends a send waits until it is received; without it this one may pass while "
        "buffers last."
    )


def stalled(stall: Stalled, n_node: int) -> str:
    """What is said of nodes that seem to wait for each other and may still act."""
    nodes = sorted(stall.waits)
    whom = "has waited for itself" if len(nodes) == 1 else "have waited for each other"
    why = "something is on its way between them"
    if stall.running:
        has = "has" if len(stall.running) == 1 else "have"
        why = f"{node_list(sorted(stall.running))} {has} threads that may still act"
    verdict = Verdict(stall.waits, {}, {}, frozenset())
    return (
        f"{node_list(nodes)} {whom} for {limits.STALL_TOLD_AFTER_S:g} s; this is no verdict, for "
        f"{why} (`distrcomp stacks` shows where they are):\n{details(verdict, n_node)}"
    )


def details(verdict: Verdict, n_node: int) -> str:
    """The lines below it: who waits for whom, and near misses."""
    order = _in_circle(verdict)
    waits = [(node, wait) for node in order for wait in verdict.waits[node]]
    lines = [
        f"  node {node} waits {_wait_in_words(verdict, node, wait, n_node)}"
        for node, wait in waits[: limits.DEADLOCK_LINES_MAX]
    ]
    if len(waits) > limits.DEADLOCK_LINES_MAX:
        lines.append(f"  and {len(waits) - limits.DEADLOCK_LINES_MAX:,} more waits")
    misses = list(dict.fromkeys(_near_misses(verdict, order)))
    for index, miss in enumerate(misses[: limits.DEADLOCK_LINES_MAX]):
        lines.append(f"{' ' * 13 if index else 'Near misses: '}{miss}")
    return "\n".join(lines)


def _in_circle(verdict: Verdict) -> list[int]:
    """The nodes, those first that wait for each other in a circle, each before whom it awaits."""
    path: list[int] = []
    node = min(verdict.waits)
    while node not in path:
        path.append(node)
        awaited = [source for wait in verdict.waits[node] for source in wait.waiting.sources]
        node = next((each for each in awaited if each in verdict.waits), node)
    circle = path[path.index(node) :]
    first = circle.index(min(circle))
    circle = circle[first:] + circle[:first]
    return circle + [node for node in sorted(verdict.waits) if node not in circle]


def _wait_in_words(verdict: Verdict, node: int, wait: LongWait, n_node: int) -> str:
    waiting = wait.waiting
    place = f" at {waiting.place}" if waiting.place else ""
    where = f"in {waiting.operation}{place} for {wait.seconds:.1f} s"
    if waiting.members:
        where += f", on the communicator of {node_list(sorted(waiting.members))}"
    meeting = _meeting(waiting)
    if meeting is not None:
        there = {
            other
            for waits in (verdict.waits, verdict.elsewhere)
            for other, its in waits.items()
            if any(_meeting(each.waiting) == meeting for each in its)
        }
        missing = sorted(set(waiting.members or range(n_node)) - there - {node})
        if missing:
            ended = [other for other in missing if other in verdict.ended]
            why = f" ({node_list(ended)} has ended)" if len(ended) == 1 else ""
            why = f" ({node_list(ended)} have ended)" if len(ended) > 1 else why
            return f"{where}; missing there: {node_list(missing)}{why}"
    is_told = waiting.wanted is not None and waiting.wanted.space % SPACES == POINT_TO_POINT
    if waiting.sources and not (is_told and not waiting.members):
        return f"{where}, for {_any_of(waiting.sources)}"
    return where


def _any_of(sources: tuple[int, ...]) -> str:
    return node_list(sources) if len(sources) == 1 else f"one of {node_list(sources)}"


def _meeting(waiting: Waiting) -> Envelope | None:
    """Which meeting of all nodes of a communicator a wait belongs to; None: to none."""
    wanted = waiting.wanted
    if wanted is None or wanted.space % SPACES != COLLECTIVE or wanted.tag < 0:
        return None
    try:
        kind, _, _ = split_tag(wanted.tag)
    except ValueError:
        return None
    return Envelope(wanted.space, _ANY, wanted.tag) if kind in _MEETINGS else None


def _near_misses(verdict: Verdict, order: list[int]) -> Iterator[str]:
    for node in order:
        for wait in verdict.waits[node]:
            wanted = wait.waiting.wanted
            for unread in verdict.unread.get(node, ()):
                if wanted is not None and wanted.space % SPACES == POINT_TO_POINT:
                    yield from _near_miss(node, wanted, unread)
        yield from _ended_sources(verdict.waits[node], verdict.ended)


def _near_miss(node: int, wanted: Envelope, unread: Unread) -> Iterator[str]:
    if unread.space % SPACES != POINT_TO_POINT:
        return
    source_fits = wanted.source in (_ANY, unread.source)
    tag_fits = wanted.tag in (_ANY, unread.tag)
    if unread.space != wanted.space:
        if not (source_fits and tag_fits):
            return
        awaited = "it waits on another communicator"
    elif source_fits:
        awaited = f"it waits for tag {wanted.tag}"
    elif tag_fits:
        awaited = f"it waits for node {wanted.source}"
    else:
        return
    number = unread.n_message
    messages = "an unread message" if number == 1 else f"{number} unread messages"
    yield (
        f"node {node} has {messages} from node {unread.source} with tag {unread.tag} ({awaited})."
    )


def _ended_sources(waits: tuple[LongWait, ...], ended: frozenset[int]) -> Iterator[str]:
    for wait in waits:
        if _meeting(wait.waiting) is not None:
            continue  # they are told as missing there
        for source in wait.waiting.sources or sorted(ended):
            if source in ended:
                yield f"node {source} has already ended."
