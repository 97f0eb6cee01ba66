"""`distrcomp bench` between machines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.hosts.cluster import NAMES, Cluster
from tests.hosts.network import only_port

QUICK = ("bench", "--max-bytes", "4K", "--seconds", "0.01")


def measured(cluster: Cluster, *options: str) -> dict[str, Any]:
    """What was measured, from the operator's machine."""
    result = cluster.operator.run(*QUICK, "--json", "-", *options)
    assert 0 == result.code, result
    found: dict[str, Any] = json.loads(result.out)
    return found


@pytest.mark.parametrize("plane", ["tls", "plain"])
def test_a_pair_inside_and_a_pair_across(cluster: Cluster, plane: str) -> None:
    """The first two machines of the peers file, each pair with the ceiling that suits it."""
    found = measured(cluster, "--peers", "peers.txt", "--data-plane", plane)
    inside, across = found["pairs"]
    assert (["h1", "h1"], "memory copy", "") == (
        inside["peers"],
        inside["ceiling"],
        inside["ceiling_missing"],
    )
    assert (["h1", "h2"], "TCP", "") == (
        across["peers"],
        across["ceiling"],
        across["ceiling_missing"],
    )
    assert all(row["ceiling_seconds"] for pair in (inside, across) for row in pair["rows"])
    assert ["h1", "h1", "h2"] == found["collectives"]["peers"]
    assert all(row["seconds"] > 0 for row in found["collectives"]["rows"])


def test_the_launchers_machine_takes_part(cluster: Cluster) -> None:
    """Nobody dials it, so its node dials, whichever of the two leads."""
    for hosts in ("localhost:1,h1:1", "h1:1,localhost:1"):
        [across] = measured(cluster, "-H", hosts)["pairs"]
        assert ("TCP", "") == (across["ceiling"], across["ceiling_missing"])


def test_behind_a_firewall_there_is_no_ceiling(cluster: Cluster) -> None:
    """With the agent's port alone open messages are measured, and it is told what is not."""
    for name in NAMES:
        cluster.host(name).firewall(only_port(6969))
    result = cluster.operator.run(*QUICK, "-H", "h1:1,h2:1", "--json", "b.json")
    assert 0 == result.code, result
    said = "No ceiling, because no bare TCP connection could be measured: h2: 10.77.0.2 does not"
    assert said in result.out
    [across] = json.loads((cluster.operator.work_dir / "b.json").read_text())["pairs"]
    assert {None} == {row["ceiling_seconds"] for row in across["rows"]}
