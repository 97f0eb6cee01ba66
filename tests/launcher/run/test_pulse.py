"""Whether this process has stood still."""

from __future__ import annotations

from launcher import limits
from launcher.run.pulse import Pulse


def test_who_stood_still() -> None:
    """Only a pause in which others take us for dead counts, and only while it is just over."""
    now = 100.0
    pulse = Pulse(lambda: now)
    for pause_s, expected in (
        (limits.PULSE_INTERVAL_S, 0.0),
        (limits.STOOD_STILL_S - 0.1, 0.0),
        (12.0, 12.0),
        (1.0, 12.0),
        (limits.STOOD_STILL_TOLD_S, 0.0),
    ):
        now += pause_s
        assert expected == pulse.stood_still_s()
