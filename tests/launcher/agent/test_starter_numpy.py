"""numpy in nodes whose fork server has loaded it already."""

from __future__ import annotations

from pathlib import Path

import pytest

from distrcomp.warm_numpy import threads_wanted
from launcher.control import messages as m
from tests.launcher.agent.agent_kit import order, play
from tests.launcher.agent.peer_run_kit import Told, opened, ship, start

ABOUT_NUMPY = """
import os, sys
def n_task():
    return len(os.listdir("/proc/self/task"))
before, there = n_task(), "numpy" in sys.modules
import warnings
print(*(each[0] + each[2].__name__ for each in warnings.filters))
import numpy
print(*(each[0] + each[2].__name__ for each in warnings.filters))
print(there, numpy.__spec__.origin == numpy.__file__, type(numpy.__spec__.loader).__name__,
      n_task() - before, "numpy.linalg" in sys.modules)
print(*(str(each).partition(" at ")[0] for each in sys.meta_path))
import numpy.random
print(numpy.random.rand(), numpy.ones((2, 2)) @ numpy.ones(2))
"""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, 8),
        ({"OMP_NUM_THREADS": "2"}, 2),
        ({"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "20"}, 8),
        ({"OMP_NUM_THREADS": "0"}, 8),
        ({"OMP_NUM_THREADS": "two"}, 8),
    ],
)
def test_threads_wanted(environment: dict[str, str], expected: int) -> None:
    """As OpenBLAS itself reads it: its own variable first, no more than there are cores."""
    assert expected == threads_wanted(environment, 8)


async def told_of(told: Told, n_node: int) -> list[list[str]]:
    """The lines that each node has printed."""
    await told.wait(m.NodeExited, n_node)
    return [told.printed(node).splitlines() for node in range(n_node)]


@pytest.mark.processes
def test_same_as_cold(tmp_path: Path, leaks: object) -> None:
    """Not there before it is imported, then as ever: its loader, its threads, its random state."""
    threads = m.Setting("OMP_NUM_THREADS", "2")

    async def act() -> None:
        said = []
        for settings in ((threads,), (threads, m.Setting("DISTRCOMP_COLD", "1"))):
            async with opened(tmp_path / str(len(settings))) as (run, told):
                await start(run, told, ABOUT_NUMPY, 2, environment=settings)
                said += await told_of(told, 2)
                loads = run._starter._server is not None and run._starter._server._has_loaded
                assert (len(settings) == 1) == loads
        assert 1 == len({tuple(each[:4]) for each in said}), said
        assert 4 == len({each[4] for each in said}), said

    play(act)


@pytest.mark.processes
def test_another_numpy(tmp_path: Path, leaks: object) -> None:
    """A program that brings a module of this name gets it."""
    files = {"prog.py": "import numpy\nprint(numpy.mine)\n", "numpy.py": "mine = 'mine'\n"}

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await ship(run, told, files)
            await run.start(order(2))
            await told.wait(m.NodeReady, 2)
            run.go()
            assert [["mine"], ["mine"]] == await told_of(told, 2)

    play(act)
