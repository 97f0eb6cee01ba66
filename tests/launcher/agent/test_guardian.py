"""What outlives an agent that is killed, and what it does then."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from launcher.agent.guardian import Guardian, kill_stragglers, mark_of, status_of
from tests.launcher.agent.agent_kit import lives
from tests.leaks import LeakChecker, wait_until

pytestmark = pytest.mark.processes

# An agent in small: starts a node with a child of its own, makes folders, says who is who.
AGENT = """
import os, subprocess, sys, time
from launcher.agent.guardian import Guardian
guardian = Guardian()
node = subprocess.Popen(
    ["sh", "-c", "sleep 1000 & echo $!; wait"], start_new_session=True, stdout=subprocess.PIPE
)
child = int(node.stdout.readline())
other = subprocess.Popen(["sleep", "1000"], start_new_session=True)
guardian.watch_group(node.pid)
guardian.watch_group(other.pid)
guardian.forget_group(other.pid)
for name in ("kept", "gone"):
    folder = os.path.join(sys.argv[1], name)
    os.makedirs(os.path.join(folder, "deep", "er"))
    guardian.watch_folder(folder)
guardian.forget_folder(os.path.join(sys.argv[1], "kept"))
print(guardian._process.pid, node.pid, child, other.pid, flush=True)
sys.stdin.read()
if sys.argv[2] == "release":
    guardian.release()
os.kill(os.getpid(), 9)
"""


def play(folder: Path, end: str) -> tuple[int, list[int]]:
    """Starts that agent, lets it end, and returns guardian and groups once the guardian is gone."""
    agent = subprocess.Popen(
        [sys.executable, "-c", AGENT, str(folder), end],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with agent:
        assert agent.stdout is not None
        guardian, *groups = map(int, agent.stdout.readline().split())
        assert [True] * 4 == [lives(pid) for pid in (guardian, *groups)]
        if end == "kill":
            agent.kill()
    wait_until(lambda: not lives(guardian), 20.0, "the guardian's end")
    return agent.returncode, groups


def test_killed_agent(tmp_path: Path, leaks: LeakChecker) -> None:
    """F-02: after kill -9 of the agent its groups are dead and its folders gone; no others."""
    code, (node, child, other) = play(tmp_path, "kill")
    assert -9 == code
    wait_until(lambda: not (lives(node) or lives(child)), 10.0, "the node's end")
    assert lives(other)
    assert ["kept"] == [path.name for path in tmp_path.iterdir()]
    psutil.Process(other).kill()


def test_released(tmp_path: Path, leaks: LeakChecker) -> None:
    """A guardian that was released does nothing, even if the agent is killed right afterwards."""
    _, groups = play(tmp_path, "release")
    assert [True] * 3 == [lives(pid) for pid in groups]
    assert ["gone", "kept"] == sorted(path.name for path in tmp_path.iterdir())
    for pid in groups:
        psutil.Process(pid).kill()


def test_killed_guardian(tmp_path: Path, leaks: LeakChecker) -> None:
    """An agent whose guardian was killed goes on, unguarded, and ends in order."""
    guardian = Guardian()
    guardian._process.kill()
    guardian._process.wait()
    for _ in range(10):
        guardian.watch_folder(str(tmp_path))
    guardian.release()
    assert tmp_path.is_dir()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_do_not_end_it(number: int, tmp_path: Path, leaks: LeakChecker) -> None:
    """A service manager may send them to all: it ends when there is nothing to guard (F-06)."""
    (tmp_path / "sandbox").mkdir()
    guardian = Guardian()
    guardian.watch_folder(str(tmp_path / "sandbox"))
    wait_until(lambda: ignores(guardian._process.pid, number), 10.0, "it to be up")
    os.kill(guardian._process.pid, number)
    assert guardian._process.stdin is not None
    guardian._process.stdin.close()
    assert 0 == guardian._process.wait(10)
    assert [] == list(tmp_path.iterdir())


def ignores(pid: int, number: int) -> bool:
    """Whether a process ignores a signal."""
    (line,) = (line for line in status_of(pid).splitlines() if line.startswith("SigIgn:"))
    return bool(int(line.split()[1], 16) >> (number - 1) & 1)


def test_stopped_guardian(tmp_path: Path, leaks: LeakChecker) -> None:
    """F-05: one that reads no more keeps nobody waiting; it is killed, for it guards nothing."""
    guardian = Guardian()
    os.kill(guardian._process.pid, signal.SIGSTOP)
    while guardian._process.poll() is None:
        guardian.watch_folder(str(tmp_path / ("x" * 200)))
    assert -signal.SIGKILL == guardian._process.wait()
    guardian.release()


def test_marked_processes(leaks: LeakChecker) -> None:
    """F-23: what bears the run's id and one of the nodes' ids is killed, and nothing else."""
    run_id = secrets.token_hex(16)
    marks = [(run_id, 1), (run_id, 2), (run_id, 11), (secrets.token_hex(16), 1), (run_id, None)]
    started = [
        subprocess.Popen(
            ["sleep", "1000"],
            env={
                "DISTRCOMP_RUN_ID": run,
                **({} if node is None else {"DISTRCOMP_NODE_ID": str(node)}),
            },
        )
        for run, node in marks
    ]
    assert 2 == kill_stragglers(mark_of(run_id, [1, 2]))
    ended = [process for process in started[:2] if process.wait(10) == -9]
    assert started[:2] == ended
    for process in started[2:]:
        assert process.poll() is None
        process.kill()
        process.wait()


def test_apart_from_the_terminal(leaks: LeakChecker) -> None:
    """F-06: Ctrl-C doesn't reach it: it has a session of its own, and nothing of ours open."""
    guardian = Guardian()
    pid = guardian._process.pid
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        assert (str(pid), str(pid)) == (stat[2], stat[3])
        descriptors = Path(f"/proc/{pid}/fd")  # while it starts, Python's own are among them
        wait_until(
            lambda: {"0", "1", "2"} == {path.name for path in descriptors.iterdir()},
            10,
            "three descriptors",
        )
        assert "/" == str(Path(f"/proc/{pid}/cwd").readlink())
    finally:
        guardian.release()
