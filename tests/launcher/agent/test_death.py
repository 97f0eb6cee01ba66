"""What an agent knows of a node's end beside its exit code."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from launcher.agent.child import Start, start_cold
from launcher.agent.node_process import NodeProcess
from tests.launcher.agent.agent_kit import Heard, play, python, start_node

pytestmark = pytest.mark.processes

# Finds the file for its stacks, and has crashes written there.
ENABLE = """
import ctypes, faulthandler, os
for fd in range(3, 99):
    try:
        if "stacks" in os.readlink(f"/proc/self/fd/{fd}"): break
    except OSError: pass
faulthandler.enable(fd)
"""


@pytest.mark.parametrize(
    ("code", "crash"),
    [
        ("import os; os.kill(os.getpid(), 9)", ""),
        (f"{ENABLE}ctypes.string_at(0)", "Fatal Python error: Segmentation fault\n"),
        (
            f"{ENABLE}os.write(fd, b'half a stack\\n'); os.abort()",
            "Fatal Python error: Aborted\n",
        ),
        (f"{ENABLE}os.write(fd, b'a stack and no crash\\n')", ""),
    ],
)
def test_death(code: str, crash: str, tmp_path: Path, leaks: object) -> None:
    """F-07: what is known of an end: when, the memory used, what was written at a crash."""

    async def act() -> None:
        heard = Heard()
        environment = dict(os.environ)
        start = Start(5, python(code), environment, str(tmp_path), False, writes_stacks=True)
        node = NodeProcess(start_cold(start), heard.on_notice, heard.on_output)
        assert node.death is None
        await node.run()
        assert node.death is not None
        assert node.death.crash.startswith(crash)
        assert bool(crash) == bool(node.death.crash)
        assert not node.death.is_killed_here
        assert 2**20 < node.death.peak_bytes < 2**33
        assert 0 < node.death.at <= asyncio.get_running_loop().time()

    play(act)


def test_killed_here(tmp_path: Path, leaks: object) -> None:
    """Who kills a node itself does not wonder why."""

    async def act() -> None:
        node, _ = start_node(python("import time; time.sleep(1000)"), tmp_path)
        running = asyncio.ensure_future(node.run())
        node.signal(signal.SIGKILL)
        assert (None, 9) == await running
        assert node.death is not None
        assert node.death.is_killed_here

    play(act)
