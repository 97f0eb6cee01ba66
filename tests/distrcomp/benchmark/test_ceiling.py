"""distrcomp.benchmark.ceiling: two nodes find their barest path, or both know why there is none."""

from __future__ import annotations

import gc
import resource
from pathlib import Path

import pytest

import distrcomp as dc
from distrcomp.benchmark import ceiling
from distrcomp.benchmark.ceiling import Ceiling, Direction, agree

pytestmark = [pytest.mark.processes, pytest.mark.nodes(2)]

UNKNOWN = Direction(0, 1, "no-such-host.invalid")
NOT_THERE = Direction(0, 1, "192.0.2.1")  # an address for documentation alone
HERE = Direction(1, 0, "127.0.0.1")


def n_descriptors() -> int:
    """How many files this node has open, those left out that wait for a collector."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def moves(found: Ceiling) -> bool:
    """Whether messages go there and back by the path; closes it."""
    if found.bare is None:
        return False
    path = found.bare.path(100)
    for act in (path.send, path.receive) if dc.node_id == 0 else (path.receive, path.send):
        act()
    found.bare.close()
    return True


@pytest.mark.parametrize(("directions", "kind"), [([], "memory copy"), ([HERE], "TCP")])
def test_path(directions: list[Direction], kind: str) -> None:
    """Common memory where nobody has to dial, else a connection."""
    found = agree(1 - dc.node_id, directions, 1000)
    assert (kind, "") == (found.kind, found.missing)
    assert moves(found)


def test_second_direction() -> None:
    """Where the first one fails the next is tried, and that is no news."""
    found = agree(1 - dc.node_id, [NOT_THERE, HERE], 1000)
    assert ("TCP", "") == (found.kind, found.missing)
    assert moves(found)


def test_no_direction() -> None:
    """Both say of each direction why it failed, whoever of them knows."""
    found = agree(1 - dc.node_id, [UNKNOWN, NOT_THERE], 1000)
    unknown, not_there = found.missing.split("; ")
    assert ("TCP", None) == (found.kind, found.bare)
    assert unknown.startswith("no-such-host.invalid: that name is not known there (")
    assert "192.0.2.1: 192.0.2.1 is no address of that machine (" in not_there


def test_no_memory_to_share() -> None:
    """The node that cannot make any tells the other one why."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    if dc.node_id == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        found = agree(1 - dc.node_id, [], 2**20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert Ceiling("memory copy", None, "File too large") == found


def test_memory_that_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other node tells the one that has made it, which lets go of it."""

    def refuse(*_: int) -> int:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(ceiling, "open_memory", refuse)
    before = n_descriptors()
    found = agree(1 - dc.node_id, [], 1000)
    assert Ceiling("memory copy", None, "Permission denied") == found
    assert before == n_descriptors()
