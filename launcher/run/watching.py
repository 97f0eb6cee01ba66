"""A run while its program runs, and while it is stopped; no I/O. See `machine`."""

from __future__ import annotations

from math import isfinite

from .. import limits
from ..control import messages as m
from ..errors import EXIT_INTERRUPTED, EXIT_TIME_LIMIT
from . import gathering
from .events import Action, FromPeer, Interrupt, PeerLost, Say, SetTimer, TimerFired
from .ledger import Failure
from .life import Life, State
from .plain import cut
from .report import describe_end

# The numbers of POSIX; this module is pure and imports no `signal`.
_SIGINT, _SIGKILL, _SIGTERM = 2, 9, 15


# --- links ---------------------------------------------------------------------------------------


def on_link_wanted(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A node that cannot dial another one needs to be dialled."""
    source, dest = event.message.source, event.message.dest
    if not life.is_node(dest):
        return []
    return life.tell_node(dest, m.OpenLink(dest, source))  # if it has ended, all were told


def on_link_failed(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A node could not dial another one, which may be waiting for it."""
    source, dest = event.message.source, event.message.dest
    if not life.is_node(dest):
        return []
    why = cut(event.message.why, limits.SENTENCE_CHARACTERS_MAX)
    return life.tell_node(dest, m.RefuseLink(dest, source, why))


# --- ends ----------------------------------------------------------------------------------------


def on_failed(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A program ended by an exception; its process's end follows."""
    message = event.message
    node = life.ledger.nodes[message.node]
    if node.failure is not None or node.ended:
        return []
    error = cut(message.error, limits.SENTENCE_CHARACTERS_MAX)
    blamed = message.because_of
    node.failure = Failure(
        f"{life.ledger.name(message.node)} failed: {error}",
        error,
        cut(message.traceback, limits.TRACEBACK_CHARACTERS_MAX),
        message.node,
        event.peer,
        blamed if blamed is not None and life.is_node(blamed) else None,
        heard_at=now,
    )
    return _fail(life, node.failure, message.node)


def on_findings(life: Life, event: FromPeer, now: float) -> list[Action]:
    """What an agent found at a node that did not end well; its process's end follows."""
    found = event.message
    node = life.ledger.nodes[found.node]
    if node.findings is None and not node.ended and isfinite(found.at):
        memory = cut(found.memory, limits.SENTENCE_CHARACTERS_MAX)
        crash = cut(found.crash, limits.STACKS_BYTES_MAX)
        node.findings = m.NodeFindings(found.node, found.at, memory, crash)
    return []


def on_leaving(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A node is about to end in order, and says what it leaves behind."""
    life.leavings.take(event.message.node, event.message.account)
    return []


def on_exit(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A node's process is over."""
    message = event.message
    node = life.ledger.nodes[message.node]
    if node.ended:
        return []
    how = describe_end(message.code, message.signal)
    is_interrupted = message.code == EXIT_INTERRUPTED and life.state is State.STOPPING
    is_told_to_stop = life.signalled != 0 or life.ledger.is_decreed or is_interrupted
    actions: list[Action] = []
    if node.failure is not None:
        is_echo = node.failure.because_of is not None and life.state is State.STOPPING
        node.failure.exit_code = _shell_code(message.code, message.signal)
        node.end("stopped" if is_echo else "failed", now, message.code, message.signal)
        actions = life.tell_all(m.EndOfNode(message.node, node.failure.why))
    elif message.code == 0:
        node.end("finished", now, message.code)
        actions = life.tell_all(m.EndOfNode(message.node, f"it has finished ({how})"))
    elif is_told_to_stop:
        node.end("stopped", now, message.code, message.signal)
        actions = life.tell_all(m.EndOfNode(message.node, f"it was stopped ({how})"))
    else:
        node.end("failed", now, message.code, message.signal)
        if node.findings is not None and node.findings.memory:
            how = f"{how}, probably out of memory: {node.findings.memory}"
        verb = "was" if message.signal is not None else "ended with"
        node.failure = Failure(
            f"{life.ledger.name(message.node)} {verb} {how}",
            how,
            node=message.node,
            peer=event.peer,
            exit_code=_shell_code(message.code, message.signal),
            heard_at=now,
        )
        actions = _fail(life, node.failure, message.node)
        actions += life.tell_all(m.EndOfNode(message.node, how))
    return actions + _close_if_all_ended(life, now)


def on_loss(life: Life, event: PeerLost, now: float) -> list[Action]:
    """The agent of a peer is gone, and with it the nodes there."""
    why = f"the agent on {life.label(event.peer)} is gone: {event.why}"
    if event.stood_still_s:
        why = (
            f"this launcher stood still for {event.stood_still_s:.0f} s (stopped, or its machine "
            f"asleep); after {limits.SILENCE_TIMEOUT_S:g} s the agents ended their nodes"
        )
    return _lose(life, event.peer, why, now)


def on_refusal(life: Life, event: FromPeer, now: float) -> list[Action]:
    """An agent gives up on the run."""
    why = f"the agent on {life.label(event.peer)} refused to go on: {event.message.why}"
    return _lose(life, event.peer, why, now)


def _lose(life: Life, peer: int, why: str, now: float) -> list[Action]:
    why = cut(why, limits.SENTENCE_CHARACTERS_MAX)
    lost = life.lose(peer, now)
    if not lost:
        life.note(f"{why} (its nodes had ended)")
        return _close_if_all_ended(life, now)
    failure = Failure(why, why, peer=peer, heard_at=now)
    for number in lost:
        node = life.ledger.nodes[number]
        node.failure = node.failure or failure
    is_first = life.state is State.RUNNING and not life.course.continue_on_failure
    actions = life.take_stacks() if is_first else []
    actions += _fail(life, failure, lost[0])
    for number in lost:
        actions += life.tell_all(m.EndOfNode(number, why))
    return actions + _close_if_all_ended(life, now)


def _fail(life: Life, failure: Failure, node: int) -> list[Action]:
    """Takes note of a failure of `node`; unless the run goes on all the same, ends it by steps."""
    life.ledger.failures.append(failure)
    if life.course.continue_on_failure or life.state is not State.RUNNING:
        return []
    life.state = State.STOPPING
    culprit, why = node, failure.why
    if failure.because_of is not None:
        culprit = failure.because_of
        why = why.partition(f"{life.ledger.name(culprit)} is gone: ")[2] or why  # said once
    return [
        *life.tell_all(m.AbortRun(culprit, why)),
        SetTimer("term", limits.STOP_STEP_S),
    ]


def _close_if_all_ended(life: Life, now: float) -> list[Action]:
    return gathering.begin(life, now) if life.ledger.all_ended else []


def _shell_code(code: int | None, signal: int | None) -> int:
    """The exit code of a failed node as a shell shows it: 128 + n for a signal (POSIX, 2.8.2).

    Never 0, and never more than a process can have, whatever an agent says.
    """
    if signal is not None:
        return 128 + signal if 0 < signal < 128 else 1
    return code if code is not None and 0 < code < 256 else 1


# --- stopping ------------------------------------------------------------------------------------


def on_interrupt(life: Life, event: Interrupt, now: float) -> list[Action]:
    """Ctrl-C, or nobody takes the output any more: the run ends by steps."""
    said = (
        f"ending; nodes have {limits.STOP_STEP_S:g} s for their finally blocks, Ctrl-C again ends "
        "them at once"
    )
    failure = Failure("interrupted", "", exit_code=EXIT_INTERRUPTED)
    if event.why:
        failure = Failure(event.why, event.why)
    return [Say(said, is_answer=True), *_stop(life, failure)]


def on_limit(life: Life, event: TimerFired, now: float) -> list[Action]:
    """The time is over."""
    limit_s = life.course.timeout_s
    if event.name != "limit" or limit_s is None:
        return []
    headline = f"the time limit of {limit_s:g} s was reached"
    failure = Failure(headline, headline, exit_code=EXIT_TIME_LIMIT)
    return [*life.take_stacks(), *_stop(life, failure)]


def _stop(life: Life, failure: Failure) -> list[Action]:
    """Ends all nodes by steps, beginning with SIGINT."""
    life.state = State.STOPPING
    life.ledger.decree(failure)
    return [
        *life.tell_all(m.SignalNodes(_SIGINT)),
        SetTimer("term", limits.STOP_STEP_S),
    ]


def on_step(life: Life, event: TimerFired, now: float) -> list[Action]:
    """The nodes have had their time to go; timers of other states come to nothing."""
    if event.name == "term" and not life.signalled:
        life.signalled = _SIGTERM
        return [
            *life.tell_all(m.SignalNodes(_SIGTERM)),
            SetTimer("kill", limits.STOP_STEP_S),
        ]
    if event.name == "kill" and life.signalled != _SIGKILL:
        return _kill(life)
    return gathering.begin(life, now) if event.name == "give up" else []


def on_next_interrupt(life: Life, event: Interrupt, now: float) -> list[Action]:
    """Ctrl-C on a run that stops already: at once. Why it stopped, and its exit code, remain."""
    return [] if life.signalled == _SIGKILL else _kill(life)


def _kill(life: Life) -> list[Action]:
    life.signalled = _SIGKILL
    return [
        *life.tell_all(m.SignalNodes(_SIGKILL)),
        SetTimer("give up", limits.STOP_STEP_S),
    ]
