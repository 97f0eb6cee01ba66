"""Traces, by the rules of Chrome's trace event format."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from launcher.run.recording import Recorded
from launcher.run.results import NodeRecord, Sample
from launcher.run.trace import render_trace
from tests.launcher.run.record_kit import CANARIES, call, packed, result

SECOND = 1_000_000_000
FIELDS = {
    "X": {"name", "cat", "ph", "ts", "dur", "pid", "tid", "args"},
    "s": {"name", "cat", "ph", "ts", "pid", "tid", "id"},
    "f": {"name", "cat", "ph", "ts", "pid", "tid", "id", "bp"},
    "M": {"name", "ph", "pid", "tid", "args"},
    "C": {"name", "ph", "ts", "pid", "tid", "args"},
}


def trace(made: Any, *calls: bytes, clocks: Any = None) -> dict[str, Any]:
    """The trace of a run that began at 1 s, checked against the format."""
    lines = clocks or (((1.0, 0.0),),) * len(calls)
    recorded = Recorded(calls, lines, (0.0001,) * len(calls), 1.0)
    text = "".join(render_trace(made, recorded))
    assert text.isascii()
    told: dict[str, Any] = json.loads(text)
    check(told["traceEvents"])
    return told


def check(events: list[dict[str, Any]]) -> None:
    """The fields of each kind; times; each arrow begins in one call and ends in another."""
    for event in events:
        assert FIELDS[event["ph"]] == set(event), event
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        assert event.get("ts", 0) >= 0
        assert event.get("dur", 0) >= 0
    calls = [event for event in events if event["ph"] == "X"]
    flows = [event for event in events if event["ph"] in "sf"]
    for flow in flows:
        around = [
            each
            for each in calls
            if (each["pid"], each["tid"]) == (flow["pid"], flow["tid"])
            and each["ts"] <= flow["ts"] <= each["ts"] + each["dur"]
        ]
        assert around, flow
    ends = Counter((flow["id"], flow["ph"]) for flow in flows)
    assert {(each["id"], phase) for each in flows for phase in "sf"} == set(ends)
    assert set(ends.values()) <= {1}


def test_calls_and_arrows() -> None:
    """A call an event, in microseconds since the programs began; a message an arrow."""
    send = packed(call("send", 2 * SECOND, 1, 7, what=24))
    receive = packed(call("recv", 2 * SECOND + 5, 0), call("barrier", 3 * SECOND))
    events = trace(result({}, {}), send, receive)["traceEvents"]
    assert [
        ("send", 0, 1e6, 0.01, {"node": 1, "tag": 7, "bytes": 24}),
        ("recv", 1, 1e6 + 0.005, 0.01, {"node": 0, "tag": 7, "bytes": 24}),
        ("barrier", 1, 2e6, 0.01, {}),
    ] == [
        (each["name"], each["pid"], each["ts"], each["dur"], each["args"])
        for each in events
        if each["ph"] == "X"
    ]
    assert ["s", "f"] == [each["ph"] for each in events if each["ph"] in "sf"]


def test_who_was_waited_for() -> None:
    """From the node that came last to a barrier an arrow leads to the other one's."""
    late, early = packed(call("barrier", 2 * SECOND + 5)), packed(call("barrier", 2 * SECOND))
    events = trace(result({}, {}), early, late)["traceEvents"]
    assert [("s", "awaited", 1, 1e6 + 0.005), ("f", "awaited", 0, 1e6 + 0.009)] == [
        (each["ph"], each["name"], each["pid"], each["ts"]) for each in events if each["ph"] in "sf"
    ]


def test_clocks_are_corrected() -> None:
    """Each machine's clock by its own offset, which may drift."""
    lines = (((1.0, 0.0),), ((101.0, 100.0), (111.0, 100.0 + 10e-6)))
    one = packed(call("barrier", 2 * SECOND))
    other = packed(call("barrier", 102 * SECOND + 1000), call("barrier", 200 * SECOND))
    events = trace(result({}, {}), one, other, clocks=lines)["traceEvents"]
    times = [each["ts"] for each in events if each["ph"] == "X"]
    assert [1e6, 1e6] == times[:2]
    assert 99e6 - 10 == times[2]


def test_before_the_beginning_is_the_beginning() -> None:
    """A clock that is off a little makes no negative time."""
    events = trace(result({}), packed(call("barrier", SECOND - 500)))["traceEvents"]
    assert [0.0] == [each["ts"] for each in events if each["ph"] == "X"]


def test_threads_failures_and_what_was_dropped() -> None:
    """Threads have rows of their own; a call that raised says so, and so do missing calls."""
    calls = packed(call("recv", 2 * SECOND, 1, flags=1), call("send", 2 * SECOND, 0, 0, thread=9))
    record = NodeRecord(n_call=2, n_call_dropped=3)
    told = trace(result({"outcome": "failed"}, records=(record,)), calls)
    events = told["traceEvents"]
    assert {"node": 1, "failed": True} == next(e["args"] for e in events if e["name"] == "recv")
    named = {(e["name"], e["tid"]): e["args"] for e in events if e["ph"] == "M"}
    assert {"name": "program"} == named["thread_name", 1]
    assert {"name": "thread 2"} == named["thread_name", 2]
    labels = {"labels": "failed, the last 3 calls are missing"}
    assert labels == named["process_labels", 0]
    assert 3 == told["otherData"]["dropped_calls"]


def test_counters_run_along() -> None:
    """Memory and processors, from the agents' samples."""
    record = NodeRecord(samples=(Sample(0.0, 0.0, 2**20), Sample(2.0, 1.0, 2**21)))
    events = trace(result({}, records=(record,)), b"")["traceEvents"]
    counters = {e["name"]: e["args"]["value"] for e in events if e["ph"] == "C"}
    assert {"memory (MiB)": 1.0, "processors": 0.5} == counters


def test_hostile_names() -> None:
    """S-37: names of peers and programs are plain."""
    for canary in CANARIES:
        told = trace(result({"peer": canary}, program=canary), b"")
        assert told["otherData"]["program"].isprintable()


def test_a_run_without_calls() -> None:
    """Nodes that were killed have told nothing: the trace names them all the same."""
    assert 6 == len(trace(result({}, {}), b"", b"")["traceEvents"])
