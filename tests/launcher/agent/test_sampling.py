"""What a node uses, looked at by its agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.control import messages as m
from launcher.control import recordings
from tests.launcher.agent.agent_kit import play, until
from tests.launcher.agent.peer_run_kit import opened, start

pytestmark = pytest.mark.processes

RECORDED = (m.Setting(recordings.RECORD_VARIABLE, "tally"),)


# Has used a tenth of a second of the processor when it says so.
PROGRAM = """
import time
while time.process_time() < 0.1:
    pass
print("used", flush=True)
input()
"""


def test_a_recorded_node_is_looked_at(tmp_path: Path, leaks: object) -> None:
    """Samples as long as it lives, its account and its tally before its end."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, PROGRAM, environment=RECORDED, stdin_node=0)
            await told.wait(m.NodeReady)
            run.go()
            await until(lambda: "used" in told.printed())
            # One more may have been taken before that, and is not told yet.
            n_before = len(told.all(recordings.NodeSample)) + 1
            samples = await told.wait(recordings.NodeSample, n_before + 1)
            assert all(each.memory_bytes > 2**20 for each in samples)
            assert sorted(each.at for each in samples) == [each.at for each in samples]
            assert sorted(each.cpu_s for each in samples) == [each.cpu_s for each in samples]
            assert samples[-1].cpu_s > 0.05  # the kernel counts whole hundredths
            run.take_input(b"\n")
            await told.wait(m.NodeExited)
            (used,), (tally,) = told.all(recordings.NodeUsed), told.all(recordings.NodeTally)
            assert used.cpu_s > 0.05
            assert used.peak_bytes > 2**20
            assert 0.0 == tally.tally.waited_s
            kinds = [type(each) for each in told.messages]
            assert kinds.index(recordings.NodeUsed) < kinds.index(m.NodeExited)

    play(act)


def test_nobody_looks_unasked(tmp_path: Path, leaks: object) -> None:
    """Without DISTRCOMP_RECORD there is not one message more."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, "print(1)")
            await told.wait(m.NodeReady)
            run.go()
            await told.wait(m.NodeExited)
            assert [] == [each for each in told.messages if isinstance(each, recordings.FROM_AGENT)]

    play(act)
