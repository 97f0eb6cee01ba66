"""Agents that are found on the network by their announcements."""

from __future__ import annotations

import subprocess

import pytest

from tests.hosts.cluster import Cluster

pytest.importorskip("zeroconf")


def announce(cluster: Cluster, *names: str) -> None:
    """Has the agents on these hosts announced, and only them."""
    for name in names:
        cluster.agents[name].interrupt()
        cluster.agents[name].wait()
        start_announced(cluster, name)


def start_announced(cluster: Cluster, name: str) -> None:
    """Starts the agent on this host, which whoever asks for announced ones then hears of."""
    cluster.agents[name] = cluster.host(name).start("agent", "--announce")
    cluster.agents[name].wait_for_line("announced on this network")


def move(cluster: Cluster, name: str, address: str) -> None:
    """Gives a host another address."""
    namespace = cluster.host(name).namespace
    for line in ("address flush dev eth0", f"address add {address}/24 dev eth0"):
        subprocess.run(("ip", "-netns", namespace, *line.split()), check=True)


def test_discover_and_run(cluster: Cluster) -> None:
    """What is announced is found, written as a peers file and can run; who is not announced is not
    found, and a second time nothing is written over."""
    announce(cluster, "h1", "h2")
    found = cluster.operator.run("peers", "discover", "--write", "found.txt", "--wait", "2")
    assert 0 == found.code, found
    assert "10.77.0.1 name=h1\n10.77.0.2 name=h2\n" == found.out
    assert found.out == (cluster.operator.work_dir / "found.txt").read_text()
    run = cluster.operator.run("run", "--peers", "found.txt", "-c", "print('ran')")
    assert 0 == run.code, run
    again = cluster.operator.run("peers", "discover", "--write", "found.txt", "--wait", "1")
    assert found.out == again.out
    assert "found.txt line 1 is `10.77.0.1 name=h1` already" in again.err


def test_an_agent_that_has_moved(cluster: Cluster) -> None:
    """An agent whose address has changed is found again by its name, and the report says so."""
    cluster.agents["h1"].interrupt()
    cluster.agents["h1"].wait()
    move(cluster, "h1", "10.77.0.77")
    start_announced(cluster, "h1")
    run = cluster.operator.run("run", "-H", "h1:1", "-c", "print('ran')")
    assert 0 == run.code, run
    assert "h1 was found by its name at 10.77.0.77:6969" in run.out
