"""distrcomp.collective_end: mismatches that no call has waited for, at the end of a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from distrcomp import limits, testing
from distrcomp.collective_end import mismatch_left
from distrcomp.communicator import Communicator
from distrcomp.errors import CollectiveMismatch
from tests.distrcomp.kit import nodes, outcome


def failure(act: Callable[[Communicator], Any], seed: int, n: int = 2) -> str:
    """What a node says that has noticed something at its end."""
    with pytest.raises(testing.NodeFailed) as caught:
        testing.run(act, n=n, seed=seed)
    assert isinstance(caught.value.__cause__, CollectiveMismatch)
    return str(caught.value.__cause__)


@pytest.mark.parametrize("seed", range(10))
def test_both_have_sent(seed: int) -> None:
    """Two roots of a program's last bcast: who ends later finds it, and knows its own line."""

    def act(world: Communicator) -> None:
        world.barrier()
        world.bcast("mine", root=world.node_id)

    told = failure(act, seed)
    assert "node 0 is in bcast #2 with root 0" in told
    assert "node 1 is in bcast #2 with root 1" in told
    assert 1 == told.count("test_collective_end.py:")


@pytest.mark.parametrize("seed", range(10))
def test_one_has_not_called(seed: int) -> None:
    """Who has come to its end without a collective that another one was in says so."""

    def act(world: Communicator) -> None:
        if world.node_id == 0:
            world.bcast("never received")
            world.send(1, "received")
        else:
            world.recv()

    told = failure(act, seed)
    assert told.startswith("node 0 is in bcast #1 with root 0, which node 1 has not called: ")


def test_in_a_part() -> None:
    """Parts of the world are looked at, too, and their nodes named by both ids."""

    def act(world: Communicator) -> Communicator | None:
        part = world.create([2, 1])
        if part is not None:
            part.reduce(1, root=1 - part.node_id)
        return part

    told = failure(act, seed=1, n=3)
    assert "node 0 (node 2 of the world) is in reduce #1 with root 1" in told


def test_what_is_no_mismatch() -> None:
    """Collectives that are begun and not waited for, and those that others are still to come to."""

    def act(world: Communicator) -> None:
        world.ibarrier()
        world.igather(1)
        freed = world.dup()
        freed.bcast(1, root=2)
        freed.free()
        world.send(world.node_id, "never received")
        world.iallreduce(1)

    for seed in range(10):
        testing.run(act, n=4, seed=seed)


def test_before_the_last_call_others_may_be_ahead() -> None:
    """What has come of a later collective is no sign as long as this node may call it."""
    with nodes(2) as made:
        one, other = made.worlds
        outcome([made.start(world.allreduce, 1) for world in made.worlds])
        other.bcast("early", root=1)
        engine = made.engines[0]
        assert mismatch_left(engine, is_last=False) is None
        assert "which node 0 has not called" in str(mismatch_left(engine, is_last=True))
        assert "early" == one.bcast(None, root=1)
        assert mismatch_left(engine, is_last=True) is None


def test_what_was_told_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mismatch that the program has heard of is not told again, nor is where others wait."""
    monkeypatch.setattr(limits, "COLLECTIVE_TELL_AFTER_S", 0.0)

    def act(world: Communicator) -> None:
        with pytest.raises(CollectiveMismatch):
            world.barrier() if world.node_id else world.reduce(1)

    for seed in range(5):
        testing.run(act, n=2, seed=seed)


def test_a_world_that_has_ended() -> None:
    """Nothing is said where no call can be made any more."""
    with nodes(2) as made:
        made.worlds[1].bcast("x", root=1)
        made.worlds[0].bcast("x", root=0)
        made.engines[0].close(in_order=False)
        assert mismatch_left(made.engines[0], is_last=True) is None
