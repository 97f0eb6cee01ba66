"""What is told of nodes that failed on several machines."""

from __future__ import annotations

import json
import sys

import pytest

from tests.command import Command
from tests.hosts.cluster import Cluster
from tests.hosts.network import Network

PROGRAM = """
import distrcomp as dc, os
if dc.node_id == 1:
    try: dc.recv(2)
    except dc.NodeLost: print("last words", flush=True)
    os.kill(os.getpid(), 9)
if dc.node_id == 2:
    raise ValueError("first")
dc.recv(1)
"""


@pytest.fixture
def cluster(three_hosts: Network) -> Cluster:
    """Three joined hosts, whose agents get one process more each: the one that starts them."""
    return Cluster(three_hosts)


def start_apart(cluster: Cluster, name: str, seconds: int) -> Command:
    """Replaces a host's agent by one whose monotonic clock is so far ahead."""
    cluster.agents[name].interrupt()
    cluster.agents[name].wait()
    words = ("unshare", "-T", "--monotonic", str(seconds), "--fork", "--kill-child")
    agent = cluster.host(name).start_program(*words, sys.executable, "-m", "launcher", "agent")
    agent.wait_for_line("listens on")
    return agent


def test_clocks_that_are_apart(cluster: Cluster) -> None:
    """F-32: what failed first is told by clocks that are hours apart, and when each node failed."""
    for name, seconds in (("h2", 9000), ("h3", 50_000)):
        cluster.agents[name] = start_apart(cluster, name, seconds)
    program = cluster.program(PROGRAM)
    words = ("--on-failure", "continue", "--report", "report.json")
    result = cluster.operator.run("run", "-H", "h1:1,h2:1,h3:1", *words, program)
    assert result.out.startswith("node 2 on h3 failed: ValueError: first\n"), result
    report = json.loads((cluster.operator.work_dir / "report.json").read_text())
    _, killed, raised = (node["post_mortem"] for node in report["nodes"])
    assert 0 <= raised["at_s"] < killed["at_s"] < report["seconds"] + 1
    assert ["last words"] == killed["last_lines"]
    assert "  node 0 waited at prog.py:9: dc.recv(1)\n" in result.out
