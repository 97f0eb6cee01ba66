"""A trace and a report of a run on several machines."""

from __future__ import annotations

import json
from typing import Any

from tests.hosts.cluster import NAMES, Cluster

PROGRAM = """
import time
import distrcomp as dc
right, left = (dc.node_id + 1) % dc.n_node, (dc.node_id - 1) % dc.n_node
for round in range(50):
    if dc.node_id == 0:
        dc.send(right, round)
        dc.recv(left)
    else:
        dc.send(right, dc.recv(left))
time.sleep(0.3)
"""


def test_three_machines_on_one_clock(cluster: Cluster) -> None:
    """F-32: arrows between machines go forward in time, up to what the trace says of its clocks;
    phases and links are told of each machine."""
    program = cluster.program(PROGRAM)
    files = ("--report", "run.json", "--trace", "trace.json")
    result = cluster.operator.run("run", "-H", "h1:1,h2:1,h3:1", *files, program)
    assert 0 == result.code, result
    trace = json.loads((cluster.operator.work_dir / "trace.json").read_text())
    uncertain = trace["otherData"]["clocks_uncertain_us"]
    assert list(NAMES) == list(uncertain)
    ends: dict[int, dict[str, dict[str, Any]]] = {}
    for event in trace["traceEvents"]:
        if event["ph"] in "sf":
            ends.setdefault(event["id"], {})[event["ph"]] = event
    assert 150 == len(ends)
    slack_us = 2 * max(uncertain.values()) + 1000 * 0.1  # what a clock drifts in a second
    assert [] == [e for e in ends.values() if e["f"]["ts"] < e["s"]["ts"] - slack_us]
    report = json.loads((cluster.operator.work_dir / "run.json").read_text())
    by_name = {phase["name"]: dict(phase["peers"]) for phase in report["phases"]}
    for name in ("connect", "ship", "start", "run", "close"):
        assert set(NAMES) == set(by_name[name]), name
    for node, record in enumerate(report["records"]):
        told = {each["node"]: each for each in record["exchanges"]}
        right = (node + 1) % 3
        assert 50 == told[right]["messages_out"]
        assert told[right]["bytes_out"] > 50
        assert record["samples"]
