"""`distrcomp doctor` between machines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from launcher.cluster.home import Home
from tests.hosts.cluster import Cluster

QUICK = ("doctor", "--seconds", "0.05")
# h1 hears nothing that h2 begins.
_FROM_H2 = """
table inet firewall {
    chain input {
        type filter hook input priority 0; policy accept;
        ct state established,related accept
        ip saddr 10.77.0.2 tcp dport 6969 reject with tcp reset
    }
}
"""


def examined(cluster: Cluster, code: int, *options: str) -> dict[str, Any]:
    """The report as JSON."""
    result = cluster.operator.run(*QUICK, "--json", *options, timeout=60)
    assert code == result.code, result
    found: dict[str, Any] = json.loads(result.out)
    return found


def errors(report: dict[str, Any]) -> list[str]:
    """What will make runs fail."""
    return [each["text"] for each in report["findings"] if each["level"] == "error"]


def test_all_is_well(cluster: Cluster) -> None:
    """Every machine is told of, the launcher's own, too, and every pair reaches each other."""
    report = examined(cluster, 0, "-H", "localhost,h1,h2")
    assert ["localhost", "h1", "h2"] == [peer["label"] for peer in report["peers"]]
    assert all(peer["facts"]["cores"] for peer in report["peers"])
    pairs = {tuple(pair["peers"]): pair for pair in report["pairs"]}
    assert {("localhost", "h1"), ("localhost", "h2"), ("h1", "h2")} == set(pairs)
    far, near = pairs["h1", "h2"], pairs["localhost", "h1"]
    assert (True, True) == (far["reaches"], far["reaches_back"])
    assert (True, False) == (near["reaches"], near["can_dial_back"])
    for pair in pairs.values():
        assert pair["figures"]["bytes_per_s"] > 0
        assert abs(pair["figures"]["clock_offset_s"]) < 1
        assert 1500 == pair["figures"]["mtu"]
    assert "10.77.0.2" == far["figures"]["address"]
    assert [] == errors(report)


def test_what_is_broken_keeps_nobody_from_being_examined(cluster: Cluster) -> None:
    """A peer that is gone, a name that nobody knows, and a direction that a firewall forbids: each
    is told with what to do, and the rest is examined; the table shows it."""
    cluster.agents["h3"].interrupt()
    cluster.agents["h3"].wait()
    cluster.host("h1").firewall(_FROM_H2)
    report = examined(cluster, 3, "-H", "h2,h3,nobody,h1")
    assert [True, False, False, True] == [not peer["why"] for peer in report["peers"]]
    (pair,) = report["pairs"]
    assert ["h2", "h1"] == pair["peers"]
    assert (False, True) == (pair["reaches"], pair["reaches_back"])
    gone, unknown, one_way = errors(report)
    assert gone.startswith("h3:6969 refuses the connection")
    assert unknown.startswith("the name nobody is not known here")
    assert one_way.startswith("h2 cannot reach h1 (h1:6969, 10.77.0.1:6969: connection refused")
    assert "but h1 reaches h2: write h1 before h2 in the peers file, or open the" in one_way
    result = cluster.operator.run(*QUICK, "-H", "h1,h2")
    assert 0 == result.code, result  # in this order h1 dials
    assert "! h2 cannot reach h1" in result.out
    (left_out,) = errors(examined(cluster, 3, "-H", "h1,h2", "--net", "10.77.0.2"))
    assert left_out.startswith("h1 has no address that --net 10.77.0.2 allows; it has 10.77.0.1")


def test_an_agent_named_twice(cluster: Cluster) -> None:
    """Two lines that lead to one agent are no two machines: run and doctor say so (F-35)."""
    (cluster.operator.work_dir / "twice.txt").write_text("h1\n10.77.0.1\n")
    expected = "h1:6969 and 10.77.0.1:6969 are the same agent"
    report = examined(cluster, 3, "--peers", "twice.txt")
    assert [True] == [text.startswith(expected) for text in errors(report)]
    run = cluster.operator.run("run", "--peers", "twice.txt", "-c", "print(1)")
    assert 3 == run.code
    assert expected in run.err


def test_two_agents_under_one_name(cluster: Cluster) -> None:
    """Two machines with copies of the same credentials are told apart and named, by a run and by
    the doctor, also where they hide behind one name with two addresses (F-35)."""
    credentials = {name: _credentials(cluster, name) for name in ("h1", "h2")}
    cluster.agents["h2"].interrupt()
    cluster.agents["h2"].wait()
    credentials["h2"].write_bytes(credentials["h1"].read_bytes())
    cluster.agents["h2"] = cluster.host("h2").start("agent")
    cluster.agents["h2"].wait_for_line("listens on")
    (cluster.operator.work_dir / "two.txt").write_text("h1\n10.77.0.2 name=h1\n")
    said = "two agents call themselves h1, with the same credentials or with copies of them"
    run = cluster.operator.run("run", "--peers", "two.txt", "-c", "print(1)")
    assert (3, True) == (run.code, f"h1:6969 and 10.77.0.2:6969: {said}" in run.err), run
    assert [True] == [said in text for text in errors(examined(cluster, 3, "--peers", "two.txt"))]
    hosts = Path("/etc/netns") / cluster.operator.namespace / "hosts"
    hosts.write_text("10.77.0.2 h1\n" + hosts.read_text())
    (found,) = errors(examined(cluster, 3, "-H", "h1"))
    assert found.startswith("h1 stands for 10.77.0.")
    assert said in found


def _credentials(cluster: Cluster, name: str) -> Path:
    """Where the agent of a host has its credentials."""
    return Home.find({"DISTRCOMP_HOME": str(cluster.host(name).home)}).agent_credentials
