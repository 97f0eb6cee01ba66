"""Clocks that are wrong or jump."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# They write or judge a date, for a person, in a certificate or of a file; none of them waits by it.
DATES = {
    "launcher/cluster/certificates.py",
    "launcher/cluster/invite.py",
    "launcher/cluster/members.py",
    "launcher/environment/remembered.py",
    "launcher/environment/wheels.py",
}
_WALL_CLOCK = re.compile(r"\btime\.time\(|\bdatetime\.now\(|\butcnow\(")


def test_no_wait_goes_by_the_date() -> None:
    """A clock that is set during a run changes no time limit: all are monotonic (F-32)."""
    sources = [path for name in ("distrcomp", "launcher") for path in (ROOT / name).rglob("*.py")]
    found = {
        str(path.relative_to(ROOT))
        for path in sources
        if _WALL_CLOCK.search(path.read_text("utf-8"))
    }
    assert DATES == found
