"""distrcomp.node: a program that shares memory with the test, which plays the other node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from distrcomp import notices as n
from distrcomp.errors import NodeLost
from tests.distrcomp.agent import FakeAgent
from tests.leaks import LeakChecker

pytestmark = pytest.mark.processes

Start = Callable[..., FakeAgent]


@pytest.fixture
def start(tmp_path: Path, leaks: LeakChecker) -> Iterator[Start]:
    """Starts a node with `arguments`; `source` becomes its prog.py."""
    agents: list[FakeAgent] = []

    def start_one(source: str = "", arguments: tuple[str, ...] = ("prog.py",)) -> FakeAgent:
        (tmp_path / "prog.py").write_text(source, "utf-8")
        agents.append(FakeAgent(tmp_path, leaks.tag, list(arguments), shares=True))
        return agents[-1]

    yield start_one
    for agent in agents:
        agent.close()


def test_talks_by_shared_memory(start: Start) -> None:
    """Nodes of one machine need no link from the agent; small and large go by memory."""
    source = (
        "import distrcomp as dc, numpy as np\n"
        "dc.send(1, dc.recv(1) * 2)\n"
        "dc.ssend(1, np.arange(1_000_000) + dc.recv(1))\n"
    )
    agent = start(source)
    agent.welcome()
    world = agent.world()
    agent.tell(n.Go())
    world.send(0, [1, 2])
    assert world.recv(0) == [1, 2, 1, 2]
    world.send(0, np.ones(1_000_000, np.int64))
    assert np.array_equal(world.recv(0), np.arange(1, 1_000_001))
    agent.finish()
    assert agent.ended() == (0, "", "", [])


def test_leftovers_go_by_memory_while_the_program_computes(start: Start) -> None:
    """The control thread hears the bell when there is room, and writes on."""
    source = (
        "import distrcomp as dc, signal\n"
        "for number in range(30):\n    dc.send(1, [number, 'x' * 100_000])\n"
        "print('computing', flush=True)\n"
        "signal.pause()\n"
    )
    agent = start(source)
    agent.welcome()
    world = agent.world()
    agent.tell(n.Go())
    assert agent.wait_for_line() == "computing"
    assert [world.recv(0)[0] for _ in range(30)] == list(range(30))


def test_descriptors_of_a_node(start: Start) -> None:
    """A program that a node starts inherits neither the memory nor the bells (S-40)."""
    source = (
        "import subprocess, sys\n"
        "code = 'import os; print(sorted(map(int, os.listdir(\"/proc/self/fd\")))[:-1])'\n"
        "print(subprocess.run([sys.executable, '-c', code], capture_output=True).stdout)\n"
    )
    agent = start(source)
    agent.welcome()
    agent.tell(n.Go())
    agent.finish()
    assert agent.ended()[1] == "b'[0, 1, 2]\\n'\n"


@pytest.mark.parametrize(
    "wait", ["dc.recv(1)", "dc.recv()", "dc.ssend(1, 'x', 9)", "dc.probe(1)", "dc.irecv(1).wait()"]
)
def test_ctrl_c_by_shared_memory(start: Start, wait: str) -> None:
    """Ctrl-C ends each waiting call, and the program at that line with 130 (F-06)."""
    agent = start(f"import distrcomp as dc\ndc.send(1, 0); {wait}\n")
    agent.welcome()
    world = agent.world()
    agent.tell(n.Go())
    assert world.recv(0) == 0
    agent.interrupt()
    code, _, err, _ = agent.ended()
    assert (code, err.startswith("distrcomp: interrupted at prog.py:2")) == (130, True)


def test_killed_in_the_midst(start: Start) -> None:
    """What a killed node wrote is received; then the launcher's word ends the wait (F-01)."""
    source = (
        "import distrcomp as dc, os, signal\n"
        "for number in range(100):\n    dc.send(1, number)\n"
        "dc.send(1, bytes(50_000_000))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    agent = start(source)
    agent.welcome()
    world = agent.world()
    agent.tell(n.Go())
    assert agent.process.wait(60) == -9
    assert [world.recv(0) for _ in range(100)] == list(range(100))
    agent.tell_end("it was killed by signal 9")
    with pytest.raises(NodeLost, match="node 0 on here is gone: "):
        world.recv(0)
