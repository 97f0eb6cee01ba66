"""What a run on several machines shows to the other users of these machines."""

from __future__ import annotations

import psutil

from tests.exposure import (
    JOIN_TOKEN,
    KEYS,
    odd_descriptors,
    shared_descriptors,
    shown_below,
    shown_by,
)
from tests.hosts.cluster import NAMES, Cluster
from tests.leaks import listening_ports

# A ring, so that each node has links to both its neighbours; then all wait.
WAIT = """
import distrcomp as dc
dc.send((dc.node_id + 1) % dc.n_node, b"x" * 1000)
dc.recv((dc.node_id - 1) % dc.n_node)
print("ready", flush=True)
dc.recv((dc.node_id + 1) % dc.n_node)
"""


def test_a_run_shows_nothing(cluster: Cluster) -> None:
    """S-39, S-40: no key, in no process's arguments, environment or open files, in no log or file.

    A node holds pipes, sockets and what it waits on, and nothing that its agent holds.
    """
    operator = cluster.operator
    run = operator.start(
        "run", "--peers", "peers.txt", "-n", "6", "--output", "live", cluster.program(WAIT)
    )
    for node in range(6):
        run.wait_for_line(f"[{node}] ready")

    secrets = (*KEYS, *_bodies(cluster), JOIN_TOKEN)
    for host in (operator, *map(cluster.host, NAMES)):
        for pid in host.processes():
            assert [] == shown_by(pid, secrets)
    for name in NAMES:
        agent, _, server, *nodes = cluster.host(name).processes()
        assert 2 == len(nodes)
        assert set() == shared_descriptors(agent, server)
        for node in nodes:
            assert {} == odd_descriptors(node)
            assert set() == shared_descriptors(agent, node)

    run.interrupt()
    run.wait()
    for name, agent in cluster.agents.items():
        host = cluster.host(name)
        printed = f"{agent.out}{agent.err}{run.out}{run.err}".encode()
        assert [] == [each for each in secrets if each in printed]
        kept = [host.home / "agent.pem"]
        assert [] == shown_below(host.home.parent, kept, secrets)
    home = operator.home / "cluster"
    assert [] == shown_below(
        operator.home.parent, [home / "ca.key", home / "operator.pem"], secrets
    )


def _bodies(cluster: Cluster) -> list[bytes]:
    """The first line of each private key that the cluster's files hold."""
    home = cluster.operator.home / "cluster"
    files = [home / "ca.key", home / "operator.pem"]
    files += [cluster.host(name).home / "agent.pem" for name in NAMES]
    return [path.read_bytes().partition(b"PRIVATE KEY-----\n")[2][48:64] for path in files]


def test_another_machine_sees_one_port(cluster: Cluster) -> None:
    """S-45: while a run is on, each machine listens on the agent's port and on no other."""
    run = cluster.operator.start(
        "run", "--peers", "peers.txt", "-n", "3", "--output", "live", cluster.program(WAIT)
    )
    for node in range(3):
        run.wait_for_line(f"[{node}] ready")
    for name in NAMES:
        pids = cluster.host(name).processes()
        ports = {port for pid in pids for port in listening_ports(psutil.Process(pid))}
        assert {6969} == ports
    pids = cluster.operator.processes()
    assert [] == [port for pid in pids for port in listening_ports(psutil.Process(pid))]
    run.interrupt()
    run.wait()


def test_a_run_without_encryption_says_so(cluster: Cluster) -> None:
    """S-46: messages that go unencrypted are told of in each run in which they do."""
    program = cluster.program("import distrcomp as dc\ndc.barrier()\n")
    words = ("run", "--data-plane", "plain", "-H", "h1:2,h2:2", "-n")
    told = "messages between machines are not encrypted (--data-plane plain)"
    assert told in cluster.operator.run(*words, "4", program).out
    assert told not in cluster.operator.run(*words, "2", program).out
