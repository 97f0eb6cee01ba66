"""The end of a run: every peer removes what is left, or does not answer; no I/O. See `machine`."""

from __future__ import annotations

from .events import Action, FromPeer, Interrupt, PeerLost, TimerFired
from .life import Life
from .plain import listed


def on_late_exit(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A node ended when nothing depended on it any more."""
    node = life.ledger.nodes[event.message.node]
    if not node.ended:
        state = "stopped" if life.ledger.started_at is not None else "never started"
        node.end(state, now, event.message.code, event.message.signal)
    return []


def on_closed(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A peer has cleaned up."""
    if event.peer in life.closed:
        return []
    closed, label = event.message, life.label(event.peer)
    if closed.n_lost_files > 0:
        more = closed.n_lost_files - len(closed.lost_files)
        names = [*closed.lost_files, *([f"{more} more"] if more > 0 else [])]
        life.note(
            f"{_files(closed.n_lost_files)} written in the sandbox on {label} and not kept: "
            f"{listed(names)} (--collect GLOB brings files back)"
        )
    if closed.remains:
        life.note(f"{label} could not remove {listed(closed.remains)}")
    life.closed.add(event.peer)
    life.end_if_all_closed()
    return []


def on_late_loss(life: Life, event: PeerLost, now: float) -> list[Action]:
    """A peer cannot be heard any more, which is no matter if it has cleaned up."""
    return _lose(life, event.peer, f"did not confirm that it cleaned up: {event.why}", now)


def on_late_refusal(life: Life, event: FromPeer, now: float) -> list[Action]:
    """A peer had something to say against the run, which is over anyway."""
    return _lose(life, event.peer, f"refused: {event.message.why}", now)


def on_interrupt(life: Life, event: Interrupt, now: float) -> list[Action]:
    """Ctrl-C: who has not answered yet is not waited for."""
    for peer in sorted(life.peers - life.closed):
        on_late_loss(life, PeerLost(peer, "it was not waited for"), now)
    return []


def on_close_timer(life: Life, event: TimerFired, now: float) -> list[Action]:
    """Those that have not answered by now are not waited for."""
    if event.name == "close":
        for peer in sorted(life.peers - life.closed):
            on_late_loss(life, PeerLost(peer, "it did not answer in time"), now)
    return []


def _lose(life: Life, peer: int, what: str, now: float) -> list[Action]:
    if peer not in life.closed:
        life.lose(peer, now)
        life.note(f"{life.label(peer)} {what}")
        life.end_if_all_closed()
    return []


def _files(count: int) -> str:
    return "1 file was" if count == 1 else f"{count:,} files were"
