"""When each part of a launch began and ended."""

from __future__ import annotations

from launcher.control import messages as m
from launcher.run.events import FromPeer
from launcher.run.life import State
from launcher.run.phases import Timeline
from launcher.run.results import Phase
from tests.launcher.run.course_kit import CLOSED

LABELS = ("h0", "h1")


def test_phases_follow_a_run() -> None:
    """Each state is a phase, until the next begins; peers say when they are done."""
    timeline = Timeline(0.0)
    timeline.enter("connect", 0.5)
    timeline.done("connect", "h1", 0.75)
    events = [
        (None, State.SHIPPING),
        (FromPeer(0, m.Shipped()), State.SHIPPING),
        (FromPeer(1, m.Shipped()), State.STARTING),
        (FromPeer(1, m.NodeReady(2)), State.RUNNING),
        (FromPeer(0, m.NodeExited(0, 0, None)), State.RUNNING),
        (FromPeer(0, m.NodeExited(1, 0, None)), State.CLOSING),
        (FromPeer(0, CLOSED), State.DONE),
        (FromPeer(0, CLOSED), State.DONE),
    ]
    for number, (event, state) in enumerate(events, 1):
        timeline.follow(event, state, LABELS, float(number))
    assert (
        Phase("connect", 0.5, 0.5, (("h1", 0.25),)),
        Phase("ship", 1.0, 2.0, (("h0", 1.0), ("h1", 2.0))),
        Phase("start", 3.0, 1.0, (("h1", 1.0),)),
        Phase("run", 4.0, 2.0, (("h0", 2.0),)),
        Phase("close", 6.0, 1.0, (("h0", 1.0),)),
    ) == timeline.phases()


def test_what_goes_on_is_no_phase_yet() -> None:
    """A phase is told once it is over; a peer that is none, or is late, changes nothing."""
    timeline = Timeline(0.0)
    timeline.follow(FromPeer(7, m.Shipped()), State.SHIPPING, LABELS, 1.0)
    timeline.done("run", "h0", 2.0)
    assert () == timeline.phases()
    timeline.end(3.0)
    timeline.end(4.0)
    assert (Phase("ship", 1.0, 2.0),) == timeline.phases()
