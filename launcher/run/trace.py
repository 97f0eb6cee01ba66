"""A run as a trace in Chrome's trace event format, which Perfetto opens; no I/O.

One process a node, with its threads; a complete event ("X") for each call; an arrow (flow events
"s" and "f") for each message, from the send to the call that returned it, and in collectives from
the last node to those that waited for it; counters ("C") for memory and processors. Times are
microseconds since the programs began, by the launcher's clock.

Format: "Trace Event Format", Google, 2016; what Perfetto wants of it is in its documentation of
external formats. A flow event belongs to the event around its time, so it lies inside.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Any

from distrcomp.call_records import CALLS, OTHERS, RECEIVE_REQUESTS, UNKNOWN, WAITS

from .matching import Call, match, meetings, unpack
from .plain import plain
from .recording import Recorded
from .results import NodeRecord, NodeResult, RunResult

_EVENTS_A_PART = 2000
# Two clocks may have drifted so far apart between two comparisons.
_DRIFT_NS = 1_000_000
_HAVE_IDS = frozenset(map(CALLS.index, (*WAITS, *RECEIVE_REQUESTS)))
_CATEGORIES = [
    "wait" if name in WAITS else "collective" if name in OTHERS and name != "probe" else "message"
    for name in CALLS
]


def render_trace(result: RunResult, recorded: Recorded) -> Iterator[str]:
    """The trace as JSON, in parts; all in ASCII."""
    calls = [
        [_shifted(call, shift) for call in unpack(packed)]
        for packed, shift in zip(recorded.calls, map(_shift_of, recorded.clocks), strict=True)
    ]
    zero = min([round(recorded.started_at * 1e9), *(call.began for own in calls for call in own)])
    other = {
        "program": plain(result.program),
        "run": result.run_id,
        "nodes": result.n_node,
        "dropped_calls": sum(record.n_call_dropped for record in result.records),
        "clocks_uncertain_us": {
            plain(node.peer): None if half is None else round(half * 1e6, 1)
            for node, half in zip(result.nodes, recorded.uncertain_s, strict=True)
        },
    }
    head = json.dumps(other)
    yield f'{{"displayTimeUnit":"ns","otherData":{head},"traceEvents":[\n'
    part: list[str] = []
    separator = ""
    halves = [half or 0.0 for half in recorded.uncertain_s]
    is_apart = len({node.peer for node in result.nodes}) > 1
    slack = round(2e9 * max(halves)) + _DRIFT_NS if is_apart else 0
    for event in _events(result, calls, zero, slack):
        part.append(event)
        if len(part) >= _EVENTS_A_PART:
            yield separator + ",\n".join(part)
            separator, part = ",\n", []
    yield (separator + ",\n".join(part) if part else "") + "\n]}\n"


def _events(
    result: RunResult, calls: Sequence[Sequence[Call]], zero: int, slack: int
) -> Iterator[str]:
    arrows = match(calls, slack)
    sent = {arrow.receive: calls[arrow.send[0]][arrow.send[1]] for arrow in arrows}
    threads = [_threads(own) for own in calls]
    for node, own, numbers in zip(result.nodes, calls, threads, strict=True):
        yield from map(_packed, _names(node, numbers, result.records))
        for index, call in enumerate(own):
            if not call.is_part:
                place = f'"pid":{node.node},"tid":{numbers[call.thread]}'
                yield _complete(place, call, sent.get((node.node, index)), zero)
    awaited = ((arrow, "awaited", "collective") for arrow in meetings(calls))
    told = ((arrow, "message", "message") for arrow in arrows)
    for number, (arrow, name, kind) in enumerate(chain(told, awaited), 1):
        (source, index), (dest, other) = arrow.send, arrow.receive
        send, receive = calls[source][index], calls[dest][other]
        flow = f'"id":{number},"name":"{name}","cat":"{kind}"'
        place = f'"pid":{source},"tid":{threads[source][send.thread]}'
        yield f'{{"ph":"s",{flow},{place},"ts":{_us(send.began - zero)}}}'
        place = f'"pid":{dest},"tid":{threads[dest][receive.thread]}'
        last = max(receive.began, receive.ended - 1)
        yield f'{{"ph":"f","bp":"e",{flow},{place},"ts":{_us(last - zero)}}}'
    for node in result.nodes:
        if node.node < len(result.records):
            yield from map(_packed, _counters(node.node, result.records[node.node]))


def _packed(event: dict[str, Any]) -> str:
    return json.dumps(event, separators=(",", ":"))


def _us(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e3:.3f}"


def _threads(calls: Sequence[Call]) -> dict[int, int]:
    """Small numbers for the threads, the one with the first call first."""
    return {
        thread: number for number, thread in enumerate(dict.fromkeys(c.thread for c in calls), 1)
    }


def _names(
    node: NodeResult, threads: dict[int, int], records: Sequence[NodeRecord]
) -> Iterator[dict[str, Any]]:
    def told(kind: str, thread: int, **arguments: Any) -> dict[str, Any]:
        return {"ph": "M", "name": kind, "pid": node.node, "tid": thread, "args": arguments}

    yield told("process_name", 0, name=f"node {node.node} on {plain(node.peer)}")
    yield told("process_sort_index", 0, sort_index=node.node)
    labels = [node.outcome]
    dropped = records[node.node].n_call_dropped if node.node < len(records) else 0
    if dropped:
        labels.append(f"the last {dropped} calls are missing")
    yield told("process_labels", 0, labels=", ".join(map(plain, labels)))
    for number in threads.values():
        yield told("thread_name", number, name="program" if number == 1 else f"thread {number}")


def _complete(place: str, call: Call, sent: Call | None, zero: int) -> str:
    """One call; written out, for there may be a million.

    Args:
        sent: the call that has sent what it received.
    """
    name, tag, nbytes = CALLS[call.call], call.tag, call.what
    if call.call in _HAVE_IDS:
        nbytes = UNKNOWN
    if sent is not None:
        tag, nbytes = sent.tag, max(nbytes, sent.what)
    told = [
        f'"{what}":{value}'
        for what, value in (("node", call.peer), ("tag", tag), ("bytes", nbytes))
        if value != UNKNOWN
    ]
    if call.space:
        told.append(f'"space":{call.space}')
    if call.has_failed:
        told.append('"failed":true')
    times = f'"ts":{_us(call.began - zero)},"dur":{_us(call.ended - call.began)}'
    kind = f'"name":"{name}","cat":"{_CATEGORIES[call.call]}"'
    return f'{{"ph":"X",{kind},{place},{times},"args":{{{",".join(told)}}}}}'


def _counters(node: int, record: NodeRecord) -> Iterator[dict[str, Any]]:
    for one, other in pairwise(record.samples):
        span = other.at_s - one.at_s
        used = {
            "memory (MiB)": one.memory_bytes / 2**20,
            "processors": (other.cpu_s - one.cpu_s) / span if span > 0 else 0.0,
        }
        for name, value in used.items():
            yield {
                "ph": "C",
                "name": name,
                "pid": node,
                "tid": 0,
                "ts": max(0.0, one.at_s * 1e6),
                "args": {"value": round(value, 3)},
            }


def _shift_of(line: Sequence[tuple[float, float]]) -> Callable[[int], int]:
    """How far a clock is ahead of ours when it shows so many nanoseconds."""
    moments = [at * 1e9 for at, _ in line]
    offsets = [offset * 1e9 for _, offset in line]

    def shift(at: int) -> int:
        if not moments:
            return 0
        index = bisect_left(moments, at)
        if index == 0 or index == len(moments):
            return round(offsets[min(index, len(moments) - 1)])
        share = (at - moments[index - 1]) / (moments[index] - moments[index - 1])
        return round(offsets[index - 1] + share * (offsets[index] - offsets[index - 1]))

    return shift


def _shifted(call: Call, shift: Callable[[int], int]) -> Call:
    ahead = shift(call.began)
    return call._replace(began=call.began - ahead, ended=call.ended - ahead)
