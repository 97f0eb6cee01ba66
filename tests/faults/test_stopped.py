"""Processes that are stopped (SIGSTOP), and go on later or never."""

from __future__ import annotations

import os
import re
import signal

import pytest

from launcher.agent.guardian import status_of
from tests.faults.phases import PHASES
from tests.faults.places import (
    BOUND_S,
    Peers,
    ThisMachine,
    check_run_is_gone,
    is_alive,
    signs_of,
    start_run,
    wait_for_sign,
)
from tests.leaks import wait_until

pytestmark = pytest.mark.processes

GOES_ON = """
import os, time, distrcomp as dc
open(os.path.join(os.environ["SIGNS"], f"{dc.node_id}.there"), "w").write(str(os.getpid()))
if dc.node_id == 1:
    time.sleep(1000)
try:
    dc.recv(1)
except dc.NodeLost as lost:
    print("lost", lost.node, lost.why)
dc.send(2 - dc.node_id, "goes on")
print(dc.recv(2 - dc.node_id))
"""
WAITS_FOR_FILE = """
import os, time, distrcomp as dc
open(os.path.join(os.environ["SIGNS"], f"{dc.node_id}.there"), "w").write(str(os.getpid()))
while not os.path.exists(os.path.join(os.environ["SIGNS"], "go")):
    time.sleep(0.01)
dc.barrier()
print("goes on")
"""
WHY = "it was stopped by a signal and not continued for 8 s"


def stop(pid: int) -> None:
    """Stops the process, and waits until it is."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: "State:\tT" in status_of(pid), 10, f"{pid} to be stopped")


def run_everywhere(peers: Peers) -> None:
    """The agents serve the next run."""
    result = start_run(peers, "import distrcomp as dc; dc.barrier(); print('well')").wait()
    assert 0 == result.code, result
    assert 3 == result.out.count("well")


@pytest.mark.full_matrix
def test_a_stopped_node_ends_the_run(here: ThisMachine) -> None:
    """After the bound of a silent peer the run fails; the node that was stopped leads (F-05)."""
    with PHASES["in recv"].reach(here) as run:
        stop(wait_for_sign(here, 1, "started"))
        result = run.wait(timeout=2 * BOUND_S)
    assert 128 + signal.SIGKILL == result.code
    assert f"node 1 on localhost failed: {WHY}" == result.out.partition("\n")[0]


def test_others_go_on_without_a_stopped_node(here: ThisMachine) -> None:
    """With --on-failure continue those that wait for it learn why, and go on (F-05)."""
    run = start_run(here, GOES_ON, "--on-failure", "continue")
    stop(wait_for_sign(here, 1, "there"))
    result = run.wait(timeout=2 * BOUND_S)
    assert 128 + signal.SIGKILL == result.code, result
    assert f"node 1 on localhost failed: {WHY}" == result.out.partition("\n")[0]
    assert 2 == result.out.count(f"lost 1 {WHY}\ngoes on")


def test_a_stopped_agent_ends_the_run(peers: Peers) -> None:
    """The launcher gives it up; its guardian ends its nodes; when it goes on it serves (F-05)."""
    run = start_run(peers, GOES_ON)
    nodes = [wait_for_sign(peers, node, "there") for node in range(3)]
    agent = peers.agents["b"]
    stop(agent.pid)
    result = run.wait(timeout=2 * BOUND_S)
    wait_until(lambda: not any(map(is_alive, nodes)), BOUND_S, "the guardian to end its nodes")
    os.kill(agent.pid, signal.SIGCONT)
    assert 1 == result.code, result
    assert result.out.startswith("the agent on b is gone: nothing was heard for 8 s\n")
    check_run_is_gone(peers)
    run_everywhere(peers)


@pytest.mark.full_matrix
def test_a_stopped_launcher_ends_the_run(peers: Peers) -> None:
    """As one asleep: its agents end the run, and when it goes on it says so (F-05, F-42)."""
    with PHASES["in recv"].reach(peers) as run:
        stop(run.pid)
        wait_until(lambda: not peers.sandboxes(), 2 * BOUND_S, "the agents to end the run")
        check_run_is_gone(peers)
        os.kill(run.pid, signal.SIGCONT)
        result = run.wait(timeout=BOUND_S)
    assert 1 == result.code, result
    assert re.match(r"this launcher stood still for \d+ s \(stopped,", result.out), result.out
    run_everywhere(peers)


def test_a_short_stop_does_no_harm(here: ThisMachine) -> None:
    """Launcher and nodes may be stopped and go on, by Ctrl-Z and `fg` (F-05)."""
    run = start_run(here, WAITS_FOR_FILE)
    pids = [run.pid, wait_for_sign(here, 0, "there")]
    for pid in pids:
        stop(pid)
    (signs_of(here) / "go").touch()
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    result = run.wait(timeout=BOUND_S)
    assert 0 == result.code, result
    assert 3 == result.out.count("goes on")
