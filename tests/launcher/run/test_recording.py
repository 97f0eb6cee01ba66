"""What agents and nodes record, gathered within bounds."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.call_records import RECORD
from distrcomp.notices import Calls, LinkBytes, Tally
from launcher.control import recordings as r
from launcher.run.clocks import Clocks
from launcher.run.recording import Recording, Series, record_order
from launcher.run.results import Exchange, NodeRecord, Sample
from tests.launcher.run.record_kit import call, packed


def clocks() -> Clocks:
    """The clock of peer 0 is 100 s ahead."""
    made = Clocks()
    made.answer(0, made.ask(0, 10.0), 110.0, 10.0)
    return made


def test_a_node_is_told_of() -> None:
    """Samples by our clock, its account at the end, its links, and its sends counted."""
    recording = Recording((0, 0, 1), "calls:1000")
    calls = packed(call("send", 5, 1, 0), call("isend", 6, 1, 0), call("recv", 7, 1, 0))
    failed, both = call("send", 8, 1, 0, flags=1), call("sendrecv", 9, 2, 0)
    part = call("sendrecv", 9, 1, 0, flags=2)
    messages = [
        r.NodeSample(0, 111.0, 0.5, 2**20),
        r.NodeUsed(0, 1.5, 2**21),
        r.NodeTally(0, Tally(0.25, (LinkBytes(1, 10, 20),))),
        r.NodeCalls(0, Calls(7, calls)),
        r.NodeCalls(0, Calls(7, packed(failed, both, part))),
    ]
    assert [None] * 5 == [recording.take(0, each) for each in messages]
    first, second, _ = recording.records(clocks(), 10.5)
    assert (
        NodeRecord(
            cpu_s=1.5,
            peak_bytes=2**21,
            waited_s=0.25,
            samples=(Sample(0.5, 0.5, 2**20),),
            exchanges=(Exchange(1, 10, 20, 2), Exchange(2, 0, 0, 1)),
            n_call=6,
            n_call_dropped=7,
        )
        == first
    )
    assert NodeRecord() == second
    recorded = recording.calls(clocks(), 10.5)
    assert (calls + packed(failed, both, part), b"", b"") == recorded.calls
    assert (((110.0, 100.0),), ((110.0, 100.0),), ()) == recorded.clocks


@pytest.mark.parametrize(
    "message",
    [
        r.NodeSample(1, 1.0, 1.0, 1),
        r.NodeSample(-1, 1.0, 1.0, 1),
        r.NodeSample(9, 1.0, 1.0, 1),
        r.NodeCalls(0, Calls(0, b"x")),
        r.NodeCalls(0, Calls(0, bytes(2 * RECORD.size))),
    ],
)
def test_an_agent_tells_of_its_own_nodes_what_was_asked(message: Any) -> None:
    """S-29: a node of another peer, half a record or more than was asked for is its end."""
    recording = Recording((0, 1), "calls:1")
    assert recording.take(0, message)
    assert (NodeRecord(), NodeRecord()) == recording.records(clocks(), 0.0)


@pytest.mark.parametrize(
    "message",
    [
        r.NodeSample(0, nan, 1.0, 1),
        r.NodeSample(0, 1.0, inf, 1),
        r.NodeSample(0, 1.0, 1.0, -5),
        r.NodeUsed(0, -1.0, 5),
        r.NodeTally(0, Tally(nan, ())),
        r.NodeTally(0, Tally(1.0, (LinkBytes(2, 0, 0),))),
        r.NodeTally(0, Tally(1.0, (LinkBytes(0, 0, 0),) * 3)),
    ],
)
def test_impossible_numbers_are_left_out(message: Any) -> None:
    """S-29: they would spoil a page; the run goes on."""
    recording = Recording((0, 1), "tally")
    assert recording.take(0, message) is None
    assert (NodeRecord(), NodeRecord()) == recording.records(clocks(), 0.0)


def test_nothing_wanted_is_nothing_told() -> None:
    """Without a report there are no records, and calls that nobody asked for are refused."""
    recording = Recording((0,), "")
    assert recording.take(0, r.NodeCalls(0, Calls(0, bytes(RECORD.size))))
    assert () == recording.records(clocks(), 0.0)


@given(n_sample=st.integers(0, 1000), samples_max=st.integers(2, 50))
def test_a_series_has_a_bound(n_sample: int, samples_max: int) -> None:
    """However many come, it keeps evenly spaced ones, the first among them."""
    series = Series(samples_max)
    for number in range(n_sample):
        series.add((float(number), 0.0, 0))
    moments = [at for at, _, _ in series.samples]
    assert len(moments) < samples_max or n_sample < samples_max
    assert moments == [0.0][: len(moments)] + [
        moments[1] * index for index in range(1, len(moments))
    ]
    assert len(moments) * 2 + 2 >= min(n_sample, samples_max)


def test_all_nodes_share_a_bound() -> None:
    """A large run has fewer calls of each node, and some of each in any case."""
    assert ["", "tally", "calls:500000", "calls:1000"] == [
        record_order("", 4),
        record_order("tally", 4),
        record_order("calls", 1),
        record_order("calls", 4096),
    ]
