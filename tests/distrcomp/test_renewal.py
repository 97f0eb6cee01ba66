"""Communicators after a failed cell, on simulated nodes."""

from __future__ import annotations

from typing import Any

import pytest

from distrcomp import testing
from distrcomp.renewal import renew, whole
from distrcomp.testing import World


@pytest.mark.parametrize("seed", range(5))
def test_nothing_of_before_is_met(seed: int) -> None:
    """Stale messages, nodes in different collectives: the same objects work again, and grids."""

    def program(world: World) -> Any:
        space = world.dup()
        half = world.split(world.node_id % 2)
        grid = world.grid((2, 2))
        freed = world.dup()
        freed.free()
        send = half.send
        for turn in range(3):
            if world.node_id == 0:
                world.send(3, "stale")
                half.send(1, "stale")
                grid.iallreduce(1)
            if world.node_id == 1:
                grid.ibarrier()
            renew(space)
            if half.node_id == 0:
                send(1, turn)
            else:
                assert turn == half.recv(0)
            assert (2, 4) == (half.allreduce(1), grid.allreduce(1))
            assert "Grid 2x2" in repr(grid)
            world.barrier()
            assert not world.iprobe()
            world.barrier()
        return world.allreduce(world.node_id)

    assert [6] * 4 == testing.run(program, n=4, seed=seed)


def test_what_others_have_no_more_stays() -> None:
    """A communicator that one of its nodes has let go is not waited for."""

    def program(world: World) -> None:
        space = world.dup()
        pair = world.split(world.node_id // 2)
        number = pair._number
        if world.node_id == 0:
            del pair
        renew(space)
        if world.node_id == 1:
            assert number == pair._number
        if world.node_id > 1:
            assert number != pair._number
            pair.barrier()

    testing.run(program, n=4, seed=1)


def test_whole() -> None:
    """Disjoint parts may bear one number; each is whole by itself."""
    assert [(4, (0, 1)), (4, (2, 3))] == whole(
        [[(4, (0, 1)), (8, (0, 2))], [(4, (0, 1))], [(4, (2, 3))], [(4, (2, 3)), (12, (0, 3))]]
    )
