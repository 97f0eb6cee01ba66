"""distrcomp.fates: from whom nothing more can come, by events and times."""

from __future__ import annotations

import pytest

from distrcomp.errors import NodeLost
from distrcomp.fates import Fates
from distrcomp.limits import VERDICT_WAIT_S
from distrcomp.mailbox import ANY


def make(n_node: int = 3) -> Fates:
    """The fates of the others, seen by node 0; node i runs on peer hi."""
    return Fates(n_node, lambda node: f"h{node}")


def test_nobody_is_lost_at_first() -> None:
    """With nothing told every call may wait, without a deadline."""
    fates = make()
    fates.check_run()
    fates.check_source(ANY)
    fates.check_node(1)
    assert fates.next_deadline is None
    assert (fates.is_lost(1), fates.is_broken(1), fates.is_aborted) == (False, False, False)


def test_first_reason_stays() -> None:
    """A node is lost for the first reason that was told."""
    fates = make()
    fates.lose(1, "first")
    fates.lose(1, "second")
    with pytest.raises(NodeLost, match="node 1 on h1 is gone: first"):
        fates.check_node(1)


def test_broken_link_waits_for_its_verdict() -> None:
    """The link's own reason counts when no verdict came within the wait."""
    fates = make()
    assert fates.link_broke(1, "its connection closed", 10.0) is False
    assert fates.next_deadline == 10.0 + VERDICT_WAIT_S
    assert fates.link_broke(1, "again", 10.5) is False  # does not wait anew
    assert fates.lose_overdue(9.9 + VERDICT_WAIT_S) == []
    assert fates.is_broken(1)
    fates.check_node(1)
    assert fates.lose_overdue(10.0 + VERDICT_WAIT_S) == [1]
    assert fates.next_deadline is None
    with pytest.raises(NodeLost, match="its connection closed"):
        fates.check_node(1)


def test_verdict_before_the_break() -> None:
    """A verdict does not end a living link; when that breaks, it says why."""
    fates = make()
    fates.judge(1, "it was killed")
    fates.check_node(1)
    assert fates.link_broke(1, "its connection closed", 0.0) is True
    with pytest.raises(NodeLost, match="it was killed"):
        fates.check_node(1)


def test_verdict_after_the_break() -> None:
    """A verdict in time is the reason."""
    fates = make()
    fates.link_broke(1, "its connection closed", 0.0)
    fates.lose(1, "it was killed")
    assert fates.is_broken(1) is False
    assert fates.lose_overdue(100.0) == []
    with pytest.raises(NodeLost, match="it was killed"):
        fates.check_node(1)


def test_no_link_after_the_verdict() -> None:
    """When the link that was being made fails, an earlier verdict is final."""
    fates = make()
    fates.no_link(1)
    fates.check_node(1)
    fates.judge(1, "it was killed")
    fates.no_link(1)
    with pytest.raises(NodeLost, match="it was killed"):
        fates.check_node(1)


def test_any_source_needs_one_who_lives() -> None:
    """Waiting for anyone ends when the last other node is lost, and names that one."""
    fates = make()
    fates.lose(2, "first to go")
    fates.check_source(ANY)
    fates.lose(1, "last to go")
    with pytest.raises(NodeLost, match="node 1 on h1 is gone: last to go"):
        fates.check_source(ANY)


def test_world_of_one_may_wait() -> None:
    """In a world of one another thread may still send."""
    make(1).check_source(ANY)


def test_abort() -> None:
    """The run fails for the first reason told, and every call says so."""
    fates = make()
    fates.abort(2, "it raised")
    fates.abort(1, "it followed")
    assert fates.is_aborted
    with pytest.raises(NodeLost, match="node 2 on h2 is gone: it raised"):
        fates.check_run()
