"""When each part of a launch began and ended, for every peer where it says so; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..control import messages as m
from .events import FromPeer
from .life import State
from .results import Phase

# What a state of a run is called in a report; when it is DONE, nothing goes on.
_NAMES = {
    State.SHIPPING: "ship",
    State.STARTING: "start",
    State.PROVING: "link",
    State.RUNNING: "run",
    State.STOPPING: "stop",
    State.COLLECTING: "collect",
    State.CLOSING: "close",
}
# By what a peer says that its part of a phase is done; of several messages the last one counts.
_DONE = {
    m.Shipped: ("ship",),
    m.NodeReady: ("start",),
    m.LinkReady: ("link",),
    m.NodeExited: ("run", "stop"),
    m.RunClosed: ("close",),
}


@dataclass
class _Span:
    name: str
    began: float
    ended: float | None = None
    peers: dict[str, float] = field(default_factory=dict)


class Timeline:
    """The phases of one launch, each from its beginning to that of the next.

    Args:
        now: when the launch begins (monotonic seconds, as all of them).

    Example:
        >>> timeline = Timeline(10.0)
        >>> timeline.enter("connect", 10.5)
        >>> timeline.done("connect", "h1", 10.75)
        >>> timeline.end(11.0)
        >>> timeline.phases()
        (Phase(name='connect', began_s=0.5, seconds=0.5, peers=(('h1', 0.25),)),)
    """

    def __init__(self, now: float) -> None:
        self._began = now
        self._spans: list[_Span] = []

    def enter(self, name: str, now: float) -> None:
        """A phase begins, and the one before is over."""
        self.end(now)
        self._spans.append(_Span(name, now))

    def end(self, now: float) -> None:
        """The phase that goes on is over."""
        if self._spans and self._spans[-1].ended is None:
            self._spans[-1].ended = now

    def done(self, phase: str, peer: str, now: float) -> None:
        """A peer has done its part of a phase, if that is the one that goes on."""
        span = self._spans[-1] if self._spans else None
        if span is not None and span.name == phase and span.ended is None:
            span.peers[peer] = now

    def follow(self, event: Any, state: State, labels: tuple[str, ...], now: float) -> None:
        """Something has happened to a run, which is in this state now.

        Args:
            labels: the names of its peers.
        """
        if isinstance(event, FromPeer) and 0 <= event.peer < len(labels):
            for phase in _DONE.get(type(event.message), ()):
                self.done(phase, labels[event.peer], now)
        if state is State.DONE:
            self.end(now)
            return
        name = _NAMES[state]
        if not self._spans or self._spans[-1].name != name:
            self.enter(name, now)

    def phases(self) -> tuple[Phase, ...]:
        """All that are over."""
        return tuple(
            Phase(
                span.name,
                round(span.began - self._began, 6),
                round(span.ended - span.began, 6),
                tuple((peer, round(at - span.began, 6)) for peer, at in span.peers.items()),
            )
            for span in self._spans
            if span.ended is not None
        )
