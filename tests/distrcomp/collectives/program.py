"""Every collective call on one communicator, checked by each node: a program for any links.

Run as a program it does so on the world, a copy of it, and parts of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import distrcomp as dc

if TYPE_CHECKING:
    from distrcomp.communicator import Communicator

JOIN = dc.Op(lambda one, other: one + other)


def blocking(world: Communicator) -> None:
    """Every call that waits."""
    here, size = world.node_id, world.n_node
    everyone = "".join(map(str, range(size)))
    world.barrier()
    for root in {0, size // 2, size - 1}:
        is_root = here == root
        same("bcast", {"from": root}, world.bcast({"from": root} if is_root else None, root))
        mine = [10 * node for node in range(size)]
        same("gather", mine if is_root else None, world.gather(10 * here, root))
        same("scatter", mine[here], world.scatter(mine if is_root else None, root))
        same("reduce", everyone if is_root else None, world.reduce(str(here), JOIN, root))
        memory = np.zeros(3)
        world.bcast(np.arange(3.0) if is_root else None, root, out=memory)
        same("bcast into memory", [0, 1, 2], [0, 1, 2] if is_root else memory.tolist())
    same("allgather", list(range(size)), world.allgather(here))
    same("alltoall", [(node, here) for node in range(size)], world.alltoall(_row(here, size)))
    same("allreduce", everyone, world.allreduce(str(here), JOIN))
    same("reduce_scatter", here * size, world.reduce_scatter(list(range(size))))
    same("scan", everyone[: here + 1], world.scan(str(here), JOIN))
    same("exscan", everyone[:here] or None, world.exscan(str(here), JOIN))


def large(world: Communicator, length: int = 30_000) -> None:
    """Arrays that are cut into parts or copied from memory to memory."""
    here, size = world.node_id, world.n_node
    array = np.arange(float(length))
    total = size * array + size * (size - 1) / 2
    same_array("allreduce", total, world.allreduce(array + here))
    out = np.empty_like(array)
    same("out is returned", True, world.allreduce(array + here, dc.SUM, out=out) is out)
    same_array("allreduce into memory", total, out)
    reduced = world.reduce(array + here, dc.SUM, size - 1)
    if here == size - 1:
        same_array("reduce", total, reduced)
    same_array("bcast", array, world.bcast(array if here == 0 else None))
    for node, came in enumerate(world.allgather(array + here)):
        same_array("allgather", array + node, came)
    same_array("scan", (here + 1) * array + here * (here + 1) / 2, world.scan(array + here))


def requests(world: Communicator) -> None:
    """Every call that begins something, all under way at once, among other messages."""
    here, size = world.node_id, world.n_node
    array = np.arange(20_000.0)
    begun = [
        world.ibarrier(),
        world.ibcast("from 0" if here == 0 else None),
        world.igather(here),
        world.iscatter(list(range(size)) if here == 0 else None),
        world.iallgather(here),
        world.ialltoall(_row(here, size)),
        world.ireduce(1, root=size - 1),
        world.iallreduce(array),
        world.ireduce_scatter([1] * size),
        world.iscan(1),
        world.iexscan(1),
    ]
    world.send((here + 1) % size, "aside", tag=5)
    same("a message meanwhile", "aside", world.recv((here - 1) % size, tag=5))
    results = dc.Request.wait_all(list(reversed(begun)))[::-1]
    same_array("iallreduce", size * array, results.pop(7))
    expected = [
        None,
        "from 0",
        list(range(size)) if here == 0 else None,
        here,
        list(range(size)),
        [(node, here) for node in range(size)],
        size if here == size - 1 else None,
        size,
        here + 1,
        here or None,
    ]
    same("requests", expected, results)


def groups(world: Communicator) -> None:
    """Communicators made of one, each with messages of its own."""
    here, size = world.node_id, world.n_node
    copy = world.dup()
    copy.send((here + 1) % size, "on the copy")
    world.send((here + 1) % size, "on the world")
    same("on the world", "on the world", world.recv())
    same("on the copy", "on the copy", copy.recv())
    part = world.split(here % 2, key=-here)
    assert part is not None
    ours = [node for node in reversed(range(size)) if node % 2 == here % 2]
    same("members", tuple(world.members[node] for node in ours), part.members)
    same("split", ours, part.allgather(here))
    blocking(part)
    same("no part", None, world.split(None))
    some = world.create(range(size - 1))
    same("create", here == size - 1, some is None)
    if some is not None:
        same("create", sum(range(size - 1)), some.allreduce(here))
        some.free()
        alone = world.create_group([here], tag=here)
        same("create_group", 1, alone.n_node)
        alone.free()
    part.free()
    copy.free()


def everything(world: Communicator) -> None:
    """All of it."""
    blocking(world)
    large(world)
    requests(world)
    groups(world)


def same(what: str, expected: Any, actual: Any) -> None:
    """Fails unless both are equal."""
    assert expected == actual, f"{what}: expected {expected!r}, got {actual!r}"


def same_array(what: str, expected: Any, actual: Any) -> None:
    """Fails unless both arrays are equal."""
    assert np.array_equal(expected, actual), f"{what}: expected {expected}, got {actual}"


def _row(here: int, size: int) -> list[tuple[int, int]]:
    return [(here, node) for node in range(size)]


if __name__ == "__main__":
    everything(dc.world)
    print("all collectives as they should be")
