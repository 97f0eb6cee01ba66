"""A run before its program starts: shipping, starting, proving; no I/O. See `machine`."""

from __future__ import annotations

from .. import limits
from ..control import messages as m
from ..errors import EXIT_CANNOT_START, EXIT_INTERRUPTED
from .events import (
    Action,
    FromPeer,
    Interrupt,
    PeerLost,
    Say,
    SetTimer,
    ShipProgress,
    TimerFired,
)
from .ledger import Failure
from .life import Life, State
from .plain import cut, listed
from .report import describe_end


def begin(life: Life) -> list[Action]:
    """The first actions of a run."""
    opening = life.tell_all(life.course.opening)
    return [*opening, SetTimer("ship", limits.SHIP_STALL_TIMEOUT_S)]


# --- shipping ------------------------------------------------------------------------------------


def on_missing(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A peer says what it lacks, at first or because something proved to be damaged."""
    is_again = life.asked[event.peer] > 0
    life.asked[event.peer] += 1
    life.is_moving = True
    hashes = event.message.hashes
    offsets = event.message.offsets or (0,) * len(hashes)
    return life.distribution.lacks(event.peer, hashes, offsets, is_again)


def on_not_fetched(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A peer could not get the files from another one: it gets them from us."""
    message = event.message
    return life.distribution.not_fetched(event.peer, message.hashes, message.offsets)


def on_progress(life: Life, event: ShipProgress, now: float) -> list[Action]:
    """Bytes have gone to a peer."""
    life.is_moving = True
    return []


def on_ship_timer(life: Life, event: TimerFired, now: float) -> list[Action]:
    """However long shipping takes, it goes on while there is progress."""
    if event.name != "ship":
        return []
    if life.is_moving:
        life.is_moving = False
        return [SetTimer("ship", limits.SHIP_STALL_TIMEOUT_S)]
    late = listed([life.label(peer) for peer in sorted(life.peers - life.shipped)])
    headline = f"the files do not arrive: no progress in {limits.SHIP_STALL_TIMEOUT_S:g} s: {late}"
    return _cannot_start(life, Failure(headline, headline), now)


def on_shipped(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A peer has the files; when all have, their nodes are started."""
    life.shipped.add(event.peer)
    life.is_moving = True
    passed_on = life.distribution.complete(event.peer)
    if life.shipped != life.peers:
        return passed_on
    if life.course.opening.is_stock:
        return life.close(now)
    life.state = State.STARTING
    actions: list[Action] = []
    for peer in sorted(life.peers):
        actions += life.tell_peer(peer, life.course.orders[peer])
    return [*actions, SetTimer("start", limits.START_TIMEOUT_S)]


# --- starting and proving ------------------------------------------------------------------------


def on_ready(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A node waits for Go; when all do, the machines' links are proven."""
    life.ledger.nodes[event.message.node].state = "ready"
    if not life.ledger.all_are("ready"):
        return []
    life.state = State.PROVING
    if not life.unproven:
        return _go(life, now)
    actions: list[Action] = []
    for source, dest in life.unproven:
        actions += life.tell_node(source, m.OpenLink(source, dest))
    return actions


def on_proven(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A link works; when all do, the programs begin."""
    message = event.message
    known = life.unproven.pop((message.source, message.dest), None) is not None
    said: list[Action] = []
    if known and life.course.tells_links:
        here, there = (life.ledger.name_of_peer(node) for node in (message.source, message.dest))
        address = cut(message.address, limits.SENTENCE_CHARACTERS_MAX)
        said = [Say(f"{here} reaches {there} at {address}")]
    return said if life.unproven else [*said, *_go(life, now)]


def on_not_proven(life: Life, event: FromPeer, now: float) -> list[Action]:
    """Two machines cannot reach each other.

    Or the node that was dialled has ended, which its agent will say in a moment.
    """
    why = cut(event.message.why, limits.SENTENCE_CHARACTERS_MAX)
    life.unproven[event.message.source, event.message.dest] = why
    return [SetTimer("not proven", limits.LAST_WORD_S)]


def on_early_end(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A node has failed or ended before Go."""
    message = event.message
    node, name = life.ledger.nodes[message.node], life.ledger.name(message.node)
    traceback = ""
    if isinstance(message, m.NodeFailed):
        how = cut(message.error, limits.SENTENCE_CHARACTERS_MAX)
        traceback = cut(message.traceback, limits.TRACEBACK_CHARACTERS_MAX)
        headline = f"{name} failed before the program started: {how}"
    else:
        node.end("failed", now, message.code, message.signal)
        how = describe_end(message.code, message.signal)
        headline = f"{name} ended before the program started: {how}"
    node.failure = Failure(headline, how, traceback, message.node, event.peer)
    return _cannot_start(life, node.failure, now)


def on_start_timer(life: Life, event: TimerFired, now: float) -> list[Action]:
    """Not everything is ready in time, or a link is not to be had."""
    refused = [why for why in life.unproven.values() if why]
    if event.name == "not proven" and refused:
        return _cannot_start(life, Failure(refused[0], refused[0]), now)
    if event.name != "start":
        return []
    ledger = life.ledger
    late = [ledger.name(n) for n, node in enumerate(ledger.nodes) if node.state != "ready"]
    late += [
        f"the link from {ledger.name(source)} to {ledger.name(dest)}"
        for source, dest in (() if late else life.unproven)
    ]
    headline = f"not ready within {limits.START_TIMEOUT_S:g} s: {listed(late)}"
    return _cannot_start(life, Failure(headline, headline), now)


def _go(life: Life, now: float) -> list[Action]:
    """The programs begin."""
    life.state = State.RUNNING
    life.ledger.start(now)
    life.n_notes_before = len(life.notes)
    actions = life.tell_all(m.Go())
    if life.course.timeout_s is not None:
        actions.append(SetTimer("limit", life.course.timeout_s))
    return actions


# --- in all three --------------------------------------------------------------------------------


def on_early_loss(life: Life, event: PeerLost, now: float) -> list[Action]:
    """Without one of its peers a run does not start; files go to the others all the same."""
    why = cut(event.why, limits.SENTENCE_CHARACTERS_MAX)
    life.lose(event.peer, now)
    failure = Failure(f"{life.label(event.peer)}: {why}", why, peer=event.peer)
    if not life.course.opening.is_stock:
        return _cannot_start(life, failure, now)
    failure.exit_code = EXIT_CANNOT_START
    life.ledger.failures.append(failure)
    life.shipped.discard(event.peer)
    passed_on = life.distribution.lost(event.peer)
    return life.close(now) if life.shipped >= life.peers else passed_on


def on_early_refusal(life: Life, event: FromPeer, now: float) -> list[Action]:
    """An agent will not do its part."""
    return on_early_loss(life, PeerLost(event.peer, event.message.why), now)


def on_early_interrupt(life: Life, event: Interrupt, now: float) -> list[Action]:
    """The user doesn't want to wait."""
    failure = Failure("interrupted before the program started", "", exit_code=EXIT_INTERRUPTED)
    said = Say("ending, before the program has started; what was begun is removed", is_answer=True)
    return [said, *_cannot_start(life, failure, now)]


def _cannot_start(life: Life, failure: Failure, now: float) -> list[Action]:
    if failure.exit_code != EXIT_INTERRUPTED:
        failure.exit_code = EXIT_CANNOT_START
    life.ledger.decree(failure)
    return life.close(now)
