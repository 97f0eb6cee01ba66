"""Roots, as the nodes of one group and of two see them."""

from __future__ import annotations

import pytest

from distrcomp.mpi import MPI
from distrcomp.mpi.collective_side import Root, Side
from distrcomp.testing import World, run


def sides(root: int, is_inter: bool) -> list[Root]:
    """What a root means on each of three nodes; of two groups, node 0 is one."""

    def program(world: World) -> Root:
        if not is_inter:
            return Side.of_one_group(world).root(root)
        local, peers = ([0], [1, 2]) if world.node_id == 0 else ([1, 2], [0])
        return Side(world, local, peers, is_inter=True).root(root)

    return run(program, 3)


def test_of_one_group() -> None:
    """The root gives and takes like all others."""
    assert [Root(1, i == 1, True, 1) for i in range(3)] == sides(1, is_inter=False)


def test_of_two_groups() -> None:
    """A rank is one of the other group; ROOT is oneself, PROC_NULL takes no part."""
    assert [Root(1, False, True, 0), Root(0, False, True, 0)] == sides(0, is_inter=True)[:2]
    assert [Root(i, True, False, 0) for i in range(3)] == sides(MPI.ROOT, is_inter=True)
    assert [Root(None, False, False, 0)] * 3 == sides(MPI.PROC_NULL, is_inter=True)


def test_roots_that_are_not_there() -> None:
    """They are errors of class ERR_ROOT; ROOT and PROC_NULL are for two groups only."""
    side = Side.of_one_group(MPI.COMM_SELF._core)
    for root in (-1, 1, MPI.ROOT, MPI.PROC_NULL):
        with pytest.raises(MPI.Exception) as caught:
            side.root(root)
        assert caught.value.Get_error_class() == MPI.ERR_ROOT
