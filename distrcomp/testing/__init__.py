"""Testing programs that talk: n nodes in one process, decided by a seed. See docs/testing.md.

    from distrcomp import testing

    def program(world):
        world.send((world.node_id + 1) % world.n_node, "hello")
        return world.recv()

    assert testing.run(program, n=4, seed=7) == ["hello"] * 4

`@pytest.mark.nodes(4)` runs a test as a program on four real nodes (see distrcomp.pytest_nodes).
"""

from __future__ import annotations

from .failures import Deadlock, NodeFailed, TimeLimitReached
from .schedule import Schedule
from .simulation import DIED, World, run

__all__ = ["DIED", "Deadlock", "NodeFailed", "Schedule", "TimeLimitReached", "World", "run"]
