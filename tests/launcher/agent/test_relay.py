"""What an agent passes on of what its nodes tell."""

from __future__ import annotations

from typing import Any

import pytest

from distrcomp import notices as n
from launcher.agent.relay import relayed
from launcher.control import messages as m
from launcher.control import recordings

TALLY = n.Tally(0.5, ())
CALLS = n.Calls(0, b"")
ACCOUNT = n.Account(0, (), (), 0, (), ())
WAITING = n.Waiting(1, "recv", "a.py:1", 1.0, False, (1,), None, ())
RELAYED: list[tuple[Any, Any]] = [
    (n.LinkUp(2), m.LinkReady(3, 2)),
    (n.LinkDown(2, "why"), m.LinkFailed(3, 2, "why")),
    (n.Failed("error", "traceback", 1), m.NodeFailed(3, "error", "traceback", 1)),
    (WAITING, m.NodeWaiting(3, WAITING)),
    (n.Resumed(1), m.NodeResumed(3, 1)),
    (n.Standing(7, False), m.NodeStanding(3, n.Standing(7, False))),
    (ACCOUNT, m.NodeLeaves(3, ACCOUNT)),
    (TALLY, recordings.NodeTally(3, TALLY)),
    (CALLS, recordings.NodeCalls(3, CALLS)),
    (n.Ready(), None),
    (n.WantLink(2), None),
    (n.WritesStacks(61), None),
    (n.Traffic(1, 2), None),
    (n.Exits(3), None),
]


@pytest.mark.parametrize(("notice", "message"), RELAYED)
def test_relayed(notice: Any, message: Any) -> None:
    """A message about that node, with the same content; the rest is the agent's own affair."""
    assert message == relayed(3, notice)


def test_every_notice_is_known() -> None:
    """Whatever a node may say is in the table above."""
    assert {type(notice).__name__ for notice, _ in RELAYED} == set(n.TO_AGENT._records)
