"""The files of a run's nodes are brought back before all traces are removed; no I/O.

See `machine`. A peer that is lost, or that nothing comes from, is not waited for: what it has sent
stays, and the report says that there may be more. So does the exit code, if the run was well.
"""

from __future__ import annotations

from .. import limits
from ..control import files as f
from ..errors import EXIT_INTERRUPTED
from .events import Action, CannotKeep, FromPeer, Interrupt, PeerLost, SetTimer, TimerFired
from .ledger import Failure
from .life import Life, State
from .plain import cut, listed


def begin(life: Life, now: float) -> list[Action]:
    """All nodes have ended, or will not: what next?"""
    is_wanted = life.course.collect and life.ledger.started_at is not None and life.peers
    if not is_wanted:
        return life.close(now)
    life.state = State.COLLECTING
    life.ledger.ended_at = now
    actions = life.tell_all(f.CollectFiles(life.course.collect))
    return [*actions, SetTimer("collect", limits.COLLECT_STALL_TIMEOUT_S)]


def on_part(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A part of a file has come, which others take."""
    life.is_moving = True
    return []


def on_sent(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A peer has sent all it has."""
    label = life.label(event.peer)
    if event.message.problems:
        why = cut(event.message.problems[0], limits.SENTENCE_CHARACTERS_MAX)
        _fail(life, f"not all files could be brought back from {label}: {why}")
    for problem in event.message.problems[1 : limits.PROBLEMS_TOLD_MAX]:
        life.note(f"not brought back from {label}: {problem}")
    life.collected.add(event.peer)
    return _close_if_all_sent(life, now)


def on_loss(life: Life, event: PeerLost, now: float) -> list[Action]:
    """A peer cannot be heard any more, or has sent what nobody asked for."""
    why = cut(event.why, limits.SENTENCE_CHARACTERS_MAX)
    life.lose(event.peer, now)
    _fail(life, f"not all files could be brought back from {life.label(event.peer)}: {why}")
    return _close_if_all_sent(life, now)


def on_refusal(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A peer will not do its part."""
    return on_loss(life, PeerLost(event.peer, event.message.why), now)


def on_cannot_keep(life: Life, event: CannotKeep, now: float) -> list[Action]:
    """This machine has no room for them."""
    _fail(life, event.why)
    return life.close(now)


def on_timer(life: Life, event: TimerFired, now: float) -> list[Action]:
    """However long it takes, it goes on while something comes."""
    if event.name != "collect":
        return []
    if life.is_moving:
        life.is_moving = False
        return [SetTimer("collect", limits.COLLECT_STALL_TIMEOUT_S)]
    late = listed([life.label(peer) for peer in sorted(life.peers - life.collected)])
    seconds = f"{limits.COLLECT_STALL_TIMEOUT_S:g} s"
    _fail(life, f"not all files could be brought back: nothing came for {seconds} from {late}")
    return life.close(now)


def on_interrupt(life: Life, event: Interrupt, now: float) -> list[Action]:
    """Ctrl-C: what is here is here."""
    _fail(life, "not all files were brought back: interrupted", EXIT_INTERRUPTED)
    return life.close(now)


def _close_if_all_sent(life: Life, now: float) -> list[Action]:
    return life.close(now) if life.collected >= life.peers else []


def _fail(life: Life, headline: str, exit_code: int = 1) -> None:
    """A run that was well has failed by this; of another one it is a remark."""
    if life.ledger.cause() is None:
        life.ledger.failures.append(Failure(headline, headline, exit_code=exit_code))
    else:
        life.note(headline)
