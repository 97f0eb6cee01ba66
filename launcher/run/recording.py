"""Gathers what agents and nodes record of a run, within bounds; no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from distrcomp.call_records import CALLS, FAILED, PART, RECORD, SEND_REQUESTS, SENDS
from distrcomp.notices import LinkBytes

from .. import limits
from ..control import recordings
from ..control.programs import Program, Setting
from ..records import record
from .clocks import Clocks
from .results import Exchange, NodeRecord, Sample


def record_order(record: str, n_node: int) -> str:
    """What to tell the nodes of a run, so that all of them together stay within bounds.

    Args:
        record: "tally", "calls", or "" for nothing.

    Example:
        >>> record_order("tally", 4), record_order("calls", 4)
        ('tally', 'calls:125000')
    """
    if record != "calls":
        return record
    return f"calls:{max(limits.CALLS_OF_NODE_MIN, limits.CALLS_RECORDED_MAX // n_node)}"


def recording(programs: Sequence[Program], order: str) -> tuple[Program, ...]:
    """The programs, each with what its nodes are to record, as `record_order` says it."""
    if not order:
        return tuple(programs)
    setting = Setting(recordings.RECORD_VARIABLE, order)
    return tuple(replace(each, environment=(*each.environment, setting)) for each in programs)


class Series:
    """Samples of one node, with a bound: when it is full every other one goes.

    Example:
        >>> series = Series(4)
        >>> for number in range(9):
        ...     series.add((float(number), 0.0, 0))
        >>> [at for at, _, _ in series.samples]
        [0.0, 4.0, 8.0]
    """

    def __init__(self, samples_max: int = limits.SAMPLES_MAX) -> None:
        self.samples: list[tuple[float, float, int]] = []
        self._samples_max = samples_max
        self._stride = 1
        self._n_seen = 0

    def add(self, sample: tuple[float, float, int]) -> None:
        """Takes one; it is kept if it is one of those that would have been kept so far."""
        if self._n_seen % self._stride == 0:
            self.samples.append(sample)
        self._n_seen += 1
        if len(self.samples) >= self._samples_max:
            del self.samples[1::2]
            self._stride *= 2


@record
class Recorded:
    """What a trace is made of.

    Attributes:
        calls: of each node, as `distrcomp.call_records` packs them.
        clocks: of each node's machine; see Clocks.line.
        uncertain_s: how far off these may be.
        started_at: when the programs began, by our clock.
    """

    calls: tuple[bytes, ...]
    clocks: tuple[tuple[tuple[float, float], ...], ...]
    uncertain_s: tuple[float | None, ...]
    started_at: float


@dataclass
class _Node:
    series: Series = field(default_factory=Series)
    used: recordings.NodeUsed | None = None
    tally: recordings.NodeTally | None = None
    calls: list[bytes] = field(default_factory=list)
    n_call_byte: int = 0
    n_dropped: int = 0


class Recording:
    """What has come so far.

    Args:
        placement: the index of each node's peer.
        order: what each node was told to record; see `record_order`.
    """

    def __init__(self, placement: Sequence[int], order: str) -> None:
        n_call = int(order.partition(":")[2] or 0)
        self.is_on = bool(order)
        self._placement = placement
        self._nodes = [_Node() for _ in placement]
        self._n_call_byte_max = n_call * RECORD.size

    def take(self, peer: int, message: Any) -> str | None:
        """Takes a message of an agent; what speaks against it, if anything does."""
        number = message.node
        if not (0 <= number < len(self._nodes) and self._placement[number] == peer):
            return f"it sent {type(message).__name__} for a node it does not have"
        node = self._nodes[number]
        match message:
            case recordings.NodeSample(_, at, cpu_s, memory_bytes):
                if isfinite(at) and _is_amount(cpu_s) and _is_amount(memory_bytes):
                    node.series.add((at, cpu_s, memory_bytes))
            case recordings.NodeUsed(_, cpu_s, peak_bytes):
                if _is_amount(cpu_s) and _is_amount(peak_bytes):
                    node.used = message
            case recordings.NodeTally(_, tally):
                is_sound = len(tally.links) <= len(self._nodes) and _is_amount(tally.waited_s)
                if is_sound and all(0 <= each.node < len(self._nodes) for each in tally.links):
                    node.tally = message
            case recordings.NodeCalls(_, calls):
                n_byte = node.n_call_byte + len(calls.records)
                if n_byte > self._n_call_byte_max or n_byte % RECORD.size:
                    return "it sent other recorded calls than were asked for"
                node.n_call_byte = n_byte
                node.calls.append(calls.records)
                node.n_dropped = max(0, calls.n_dropped)
        return None

    def calls(self, clocks: Clocks, started_at: float | None) -> Recorded:
        """The recorded calls of all nodes."""
        return Recorded(
            tuple(b"".join(node.calls) for node in self._nodes),
            tuple(clocks.line(peer) for peer in self._placement),
            tuple(clocks.uncertain_s(peer) for peer in self._placement),
            started_at or 0.0,
        )

    def records(self, clocks: Clocks, started_at: float | None) -> tuple[NodeRecord, ...]:
        """What is known of each node; nothing where nothing was to be recorded.

        Args:
            clocks: those of the agents.
            started_at: when the programs began, by ours.
        """
        if not self.is_on:
            return ()
        return tuple(
            self._record(node, peer, clocks, started_at)
            for node, peer in zip(self._nodes, self._placement, strict=True)
        )

    def _record(
        self, node: _Node, peer: int, clocks: Clocks, started_at: float | None
    ) -> NodeRecord:
        samples = []
        for at, cpu_s, memory_bytes in node.series.samples:
            ours = clocks.ours(peer, at)
            if ours is not None and started_at is not None:
                samples.append(Sample(round(ours[0] - started_at, 3), cpu_s, memory_bytes))
        tally = None if node.tally is None else node.tally.tally
        return NodeRecord(
            cpu_s=None if node.used is None else node.used.cpu_s,
            peak_bytes=None if node.used is None else node.used.peak_bytes,
            waited_s=None if tally is None else round(tally.waited_s, 6),
            samples=tuple(samples),
            exchanges=_exchanges(() if tally is None else tally.links, _counts(node.calls)),
            n_call=node.n_call_byte // RECORD.size,
            n_call_dropped=node.n_dropped,
        )


def _is_amount(number: float) -> bool:
    return isfinite(number) and 0 <= number < 2**63


_ARE_SENDS = frozenset(CALLS.index(name) for name in (*SENDS, *SEND_REQUESTS, "sendrecv"))


def _counts(calls: Sequence[bytes]) -> Counter[int] | None:
    """How many messages a program has sent to each node; None where that was not recorded."""
    if not calls:
        return None
    return Counter(
        peer
        for part in calls
        for _, _, _, _, peer, _, call, flags, _ in RECORD.iter_unpack(part)
        if call in _ARE_SENDS and not flags & (FAILED | PART)
    )


def _exchanges(links: Sequence[LinkBytes], counts: Counter[int] | None) -> tuple[Exchange, ...]:
    carried = {each.node: (max(0, each.bytes_in), max(0, each.bytes_out)) for each in links}
    return tuple(
        Exchange(node, *carried.get(node, (0, 0)), None if counts is None else counts[node])
        for node in sorted({*carried, *(counts or ())})
    )
