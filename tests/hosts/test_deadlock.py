"""Nodes of several machines that wait for each other (F-31)."""

from __future__ import annotations

import pytest

from tests.case_report import Record, seconds_to_verdict
from tests.hosts.cluster import Cluster

PLACES = ("-H", "h1:2,h2:1,h3:1")


@pytest.mark.parametrize("options", [(), ("--data-plane", "plain")])
def test_a_deadlock_across_machines(
    cluster: Cluster, options: tuple[str, ...], record_property: Record
) -> None:
    """Who waits where is named, with what has come by TCP and nobody asks for."""
    source = """
import distrcomp as dc
if dc.node_id == 2:
    dc.send(0, "x" * 100_000, tag=8)
    dc.send(3, "x", tag=8)
if dc.node_id in (0, 3):
    dc.recv(2, tag=7)
dc.barrier()
"""
    result = cluster.operator.run("run", *PLACES, *options, cluster.program(source))
    assert 1 == result.code, result
    assert result.out.startswith("Deadlock: nodes 0 to 3 wait for each other"), result
    assert "node 0 waits in recv(source=2, tag=7) at prog.py:7 for" in result.out
    assert "node 2 waits in barrier #1 at prog.py:8" in result.out
    assert "missing there: nodes 0 and 3" in result.out
    assert "node 0 has an unread message from node 2 with tag 8 (it waits for tag 7)." in result.out
    assert "node 3 has an unread message from node 2 with tag 8 (it waits for tag 7)." in result.out
    waited = "a deadlock, three hosts: from the last one's wait to the verdict"
    verdict = result.out.partition("--------(Node")[0]
    record_property("seconds", (waited, seconds_to_verdict(verdict)))


def test_one_who_computes_on_another_machine(cluster: Cluster) -> None:
    """All others wait for it for seconds, and no verdict is given."""
    source = """
import time, distrcomp as dc
if dc.node_id == 3:
    time.sleep(4)
print(dc.allreduce(dc.node_id))
dc.barrier()
"""
    result = cluster.operator.run("run", *PLACES, cluster.program(source))
    assert 0 == result.code, result
    assert 4 == result.out.count("6\n")
