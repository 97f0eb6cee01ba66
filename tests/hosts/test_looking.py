"""Looking at runs on several machines."""

from __future__ import annotations

import json
from typing import Any

from tests.command import Command
from tests.hosts.cluster import NAMES, Cluster
from tests.leaks import wait_until

PROGRAM = """
import distrcomp as dc
if dc.node_id == 2:
    dc.send(0, bytes(10**6))
    print("ready", flush=True)
    while True: pass
if dc.node_id == 0: dc.recv(2)
print("ready", flush=True)
dc.recv(2)
"""


def start(cluster: Cluster, *options: str) -> Command:
    """A run with a node on each host, of which the last never ends."""
    program = cluster.program(PROGRAM)
    return cluster.operator.start("run", "-H", "h1:1,h2:1,h3:1", *options, program)


def nodes_in_place(cluster: Cluster) -> list[dict[str, Any]]:
    """The nodes of the one run that goes on, once the first has its message."""
    nodes: list[dict[str, Any]] = []

    def has_received() -> bool:
        told = json.loads(cluster.operator.run("ps", "--json").out)
        nodes[:] = [node for each in told for node in each["nodes"]]
        return any((node["bytes_in"] or 0) >= 10**6 for node in nodes)

    wait_until(has_received, 30.0, "the first message")
    return nodes


def test_from_everywhere(cluster: Cluster) -> None:
    """The launcher's machine sees the whole run; a host sees its own nodes; so does an operator
    elsewhere by asking the agents, as the run's launcher is not to be found there."""
    run = start(cluster, "--output", "live")
    for node in range(3):
        run.wait_for_line(f"[{node}] ready")
    (whole,) = json.loads(cluster.operator.run("ps", "--json").out)
    assert list(NAMES) == [node["peer"] for node in whole["nodes"]]
    assert whole["is_whole"]
    assert whole["nodes"][0]["bytes_in"] >= 10**6
    assert whole["nodes"][2]["bytes_out"] >= 10**6
    (part,) = json.loads(cluster.host("h2").run("ps", "--json").out)
    assert [(1, "h2")] == [(node["node"], node["peer"]) for node in part["nodes"]]
    windows, hidden = cluster.operator.home / "cache" / "runs", cluster.operator.home / "hidden"
    windows.rename(hidden)
    asked = cluster.operator.run("ps", "--peers", "peers.txt")
    hidden.rename(windows)
    assert 0 == asked.code, asked
    assert ["h1", "h2", "h3"] == [line.split()[1] for line in asked.out.splitlines()[2:]]
    shown = cluster.operator.run("stacks", whole["run_id"][:8], "2").out
    assert '  File "prog.py", line 6 in <module>\n' in shown
    shown = cluster.host("h2").run("stacks", whole["run_id"][:8]).out
    assert shown.startswith("node 1 is here (most recent call first):\n  inside distrcomp's recv\n")
    run.interrupt()
    run.wait()


def test_agents_may_not_look(cluster: Cluster) -> None:
    """S-06: an agent's certificate opens no other agent's runs."""
    host = cluster.host("h1")
    (host.work_dir / "peers.txt").write_text("h2\n")
    result = host.run("ps", "--peers", "peers.txt")
    assert 0 != result.code
    assert "h2" not in result.out


def test_stacks_when_a_peer_is_lost(cluster: Cluster) -> None:
    """F-02: before a lost machine ends the run, where the others are is asked and reported."""
    run = start(cluster)
    assert ["h1", "h2", "h3"] == [node["peer"] for node in nodes_in_place(cluster)]
    cluster.agents["h3"].kill()
    result = run.wait()
    assert "the agent on h3 is gone" in result.out.splitlines()[0]
    assert "nodes 0 and 1 were here (most recent call first):\n  inside distrcomp's recv\n" in (
        result.out
    )
