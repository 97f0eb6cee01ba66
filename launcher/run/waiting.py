"""What a run does about nodes that wait for each other; no I/O. See `machine` and `deadlock`."""

from __future__ import annotations

from typing import Any

from .. import limits
from ..control import messages as m
from . import deadlock, watching
from .events import Action, FromPeer, Say, SetTimer, Tell, TimerFired
from .ledger import Failure
from .life import Handler, Life, State

_TIMER = "deadlock "


def on_waiting(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A thread of a node waits for others."""
    message: m.NodeWaiting = event.message
    if life.ledger.nodes[message.node].ended:
        return []
    return _do(life, life.diagnosis.wait(message.node, message.waiting, now))


def on_resumed(life: Life, event: FromPeer, now: float) -> list[Action]:
    """It waits no more."""
    return _do(life, life.diagnosis.resume(event.message.node, event.message.serial))


def on_standing(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A node that was asked tells how it stands."""
    message: m.NodeStanding = event.message
    return _do(life, life.diagnosis.answer(message.node, message.standing, now))


def on_timer(life: Life, event: TimerFired, now: float) -> list[Action]:
    """It is time for a look, or some other timer has run out."""
    if not event.name.startswith(_TIMER):
        return watching.on_limit(life, event, now)
    return _do(life, life.diagnosis.look(int(event.name.removeprefix(_TIMER))))


def after_ends(handler: Handler) -> Handler:
    """The handler of an event that may be the end of nodes: others may wait for these."""

    def handle(life: Life, event: Any, now: float) -> list[Action]:
        actions = handler(life, event, now)
        if life.state is State.RUNNING:
            for number, node in enumerate(life.ledger.nodes):
                if node.ended:
                    actions += _do(life, life.diagnosis.end(number))
        return actions

    return handle


def _do(life: Life, steps: list[deadlock.Step]) -> list[Action]:
    """Performs what the diagnosis asks for."""
    actions: list[Action] = []
    if life.course.on_deadlock == "ignore":
        return actions
    for step in steps:
        match step:
            case deadlock.Ask(number, nodes):
                for peer in sorted(life.peers):
                    here = sorted(n for n in nodes if life.ledger.nodes[n].peer == peer)
                    if here:
                        actions.append(Tell(peer, m.AskNodes(number, tuple(here))))
            case deadlock.Later(number, seconds):
                actions.append(SetTimer(f"{_TIMER}{number}", seconds))
            case deadlock.Verdict():
                actions += _judge(life, step)
            case deadlock.Stalled():
                from .verdict import stalled

                actions.append(Say(stalled(step, len(life.ledger.nodes))))
    return actions


def _judge(life: Life, verdict: deadlock.Verdict) -> list[Action]:
    """Nodes wait for each other: ends the run by steps, or only says so."""
    from .verdict import about_sends, details, headline  # most runs need none of these words

    first = headline(verdict)
    rest = details(verdict, len(life.ledger.nodes))
    if life.course.sends_synchronously and (more := about_sends(verdict)):
        rest = f"{rest}\n{more}"
    if life.course.on_deadlock == "report":
        for line in (first, *rest.splitlines()):
            life.note(line)
        return [Say(f"{first}\n{rest}")]
    life.state = State.STOPPING
    life.ledger.decree(Failure(first, first, rest))
    return [
        *life.take_stacks(),
        *life.tell_all(m.AbortRun(None, first.removeprefix("Deadlock: ").removesuffix("."))),
        SetTimer("term", limits.STOP_STEP_S),
    ]
