"""A run as a trace in Chrome's trace event format, which Perfetto opens; no I/O.

One process a node, with its threads; a complete event ("X") for each call; an arrow (flow events
"s" and "f") for each message, from the send to the call that returned it; counters ("C") for memory
and processors. Times are microseconds since the programs began, by the launcher's clock.

Format: "Trace Event Format", Google, 2016; what Perfetto wants of it is in its documentation of
external formats. A flow event belongs to the event around its time, so it lies inside.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from distrcomp.call_records import OTHERS, UNKNOWN, WAITS

from .matching import Call, match, unpack
from .plain import plain
from .recording import Recorded
from .results import NodeRecord, NodeResult, RunResult

_EVENTS_A_PART = 2000
# Two clocks may have drifted so far apart between two comparisons.
_DRIFT_NS = 1_000_000
_COLLECTIVES = frozenset(OTHERS) - {"probe"}


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
        part.append(json.dumps(event, separators=(",", ":")))
        if len(part) >= _EVENTS_A_PART:
            yield separator + ",\n".join(part)
            separator, part = ",\n", []
    yield (separator + ",\n".join(part) if part else "") + "\n]}\n"


def _events(
    result: RunResult, calls: Sequence[Sequence[Call]], zero: int, slack: int
) -> Iterator[dict[str, Any]]:
    arrows = match(calls, slack)
    sizes = {arrow.receive: calls[arrow.send[0]][arrow.send[1]] for arrow in arrows}
    threads = [_threads(own) for own in calls]
    for node, own, numbers in zip(result.nodes, calls, threads, strict=True):
        yield from _names(node, numbers, result.records)
        for index, call in enumerate(own):
            if not call.is_part:
                yield _complete(node.node, numbers, call, sizes.get((node.node, index)), zero)
    for number, arrow in enumerate(arrows, 1):
        (source, index), (dest, other) = arrow.send, arrow.receive
        send, receive = calls[source][index], calls[dest][other]
        flow = {"id": number, "name": "message", "cat": "message"}
        place = {"pid": source, "tid": threads[source][send.thread]}
        yield {"ph": "s", **flow, **place, "ts": (send.began - zero) / 1e3}
        place = {"pid": dest, "tid": threads[dest][receive.thread]}
        last = max(receive.began, receive.ended - 1)
        yield {"ph": "f", "bp": "e", **flow, **place, "ts": (last - zero) / 1e3}
    for node in result.nodes:
        if node.node < len(result.records):
            yield from _counters(node.node, result.records[node.node])


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


def _complete(
    node: int, threads: dict[int, int], call: Call, sent: Call | None, zero: int
) -> dict[str, Any]:
    """One call; `sent` is the call that sent what it has received."""
    arguments: dict[str, Any] = {}
    peer, tag, nbytes = call.peer, call.tag, call.what if call.name not in WAITS else UNKNOWN
    if call.name in ("irecv", "irecv_raw"):
        nbytes = UNKNOWN
    if sent is not None:
        tag = sent.tag
        nbytes = max(nbytes, sent.what)
    for name, value in (("node", peer), ("tag", tag), ("bytes", nbytes)):
        if value != UNKNOWN:
            arguments[name] = value
    if call.space:
        arguments["space"] = call.space
    if call.has_failed:
        arguments["failed"] = True
    return {
        "ph": "X",
        "name": call.name,
        "cat": _category(call),
        "pid": node,
        "tid": threads[call.thread],
        "ts": (call.began - zero) / 1e3,
        "dur": max(0, call.ended - call.began) / 1e3,
        "args": arguments,
    }


def _category(call: Call) -> str:
    if call.name in _COLLECTIVES:
        return "collective"
    return "wait" if call.name in WAITS else "message"


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
