"""Runs on several machines, as a person starts them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.cluster import Cluster
from tests.hosts.network import Network, only_port

RING = (Path(__file__).parents[2] / "examples" / "ring.py").read_text()


@pytest.fixture
def cluster(three_hosts: Network) -> Iterator[Cluster]:
    """Three joined hosts with listening agents."""
    yield Cluster(three_hosts)


def test_a_program_runs_on_every_peer(cluster: Cluster) -> None:
    """One report, a block a node in node order, each headed by its peer."""
    result = cluster.operator.run("run", "--peers", "peers.txt", "-n", "6", "--oversubscribe", cluster.program(RING))
    print(result.out, result.err)
    assert result.code == 0
    heads = [line for line in result.out.splitlines() if line.startswith("--------(Node")]
    assert [f"--------(Node {node}  h{1 + node // 2})--------" for node in range(6)] == heads
