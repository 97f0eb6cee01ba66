"""Machines with several addresses, one of which all of them own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.hosts.cluster import NAMES, Cluster

BRIDGE = "172.17.0.1"
PROGRAM = "import distrcomp as dc\nprint(dc.allgather(dc.node_id))\n"


def give_bridges(cluster: Cluster) -> None:
    """Every machine gets a bridge with the same address, as Docker makes it; at the operator's each
    name stands for it, too, and first."""
    for name in (*NAMES, "operator"):
        for line in (
            "link add docker0 type bridge",
            f"address add {BRIDGE}/16 dev docker0",
            "link set docker0 up",
        ):
            command = ("ip", "-netns", cluster.host(name).namespace, *line.split())
            subprocess.run(command, check=True)
    hosts = Path("/etc/netns") / cluster.operator.namespace / "hosts"
    hosts.write_text("".join(f"{BRIDGE} {name}\n" for name in NAMES) + hosts.read_text())


def test_a_bridge_that_all_machines_own(cluster: Cluster) -> None:
    """Two machines that both own 172.17.0.1 don't confuse a run: what counts is who proves to be
    whom; -v tells the addresses, and --net that leaves only this one is an error at the start."""
    give_bridges(cluster)
    words = ("run", "--peers", "peers.txt", "-n", "3")
    spread = ("-H", "h1:1,h2:1,h3:1")
    program = cluster.program(PROGRAM)
    result = cluster.operator.run(*words, *spread, "-v", program)
    assert 0 == result.code, result
    assert 3 == result.out.count("[0, 1, 2]")
    assert f"h1 was reached at {cluster.host('h1').address}" in result.err
    assert f"not at {BRIDGE}: h1:6969 refuses the connection" in result.err
    assert f"h1 reaches h2 at {cluster.host('h2').address}:6969" in result.err
    held = cluster.operator.run(*words, *spread, "--net", "eth0", program)
    assert 0 == held.code, held
    lost = cluster.operator.run(*words, *spread, "--net", "172.17.0.0/16", program)
    assert 3 == lost.code, lost
    assert "node 0 on h1 cannot reach node 1 on h2" in lost.err
    none = cluster.operator.run(*words, *spread, "--net", "192.0.2.0/24", program)
    assert 3 == none.code, none
    assert "has no address that --net 192.0.2.0/24 allows; it has" in none.err
