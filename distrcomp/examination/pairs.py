"""Two nodes measure what is between them: time, rate, and how far their clocks are apart.

The lower node leads. Every wait has a bound: a pair that breaks says why, and the next round begins
for both at about the same time.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from statistics import median
from time import perf_counter, time
from typing import Any

import numpy as np

import distrcomp as dc

from ..errors import DistrcompError
from ..joining import join
from ..limits import MIB
from .clock import Exchange, best_offset

# The first message of a pair makes the link; a node may come late out of the round before.
_WAIT_S = 30.0
_EXCHANGES = 100
_BLOCK_BYTES = MIB
_BLOCKS_MAX = 2048
_IP_MTU, _IPV6_MTU = 14, 24  # linux/in.h, linux/in6.h
_QUESTION, _BLOCK, _END = 1, 2, 3


def measure_rounds(
    rounds: Sequence[Sequence[Sequence[int]]], seconds: float
) -> Iterator[dict[str, Any]]:
    """What this node has measured as the leader of a pair, round after round."""
    for pairs in rounds:
        for one, other in pairs:
            if dc.node_id == one:
                yield {"pair": _with_reason(one, other, seconds)}
            elif dc.node_id == other:
                _with_reason(one, other, seconds)


def _with_reason(one: int, other: int, seconds: float) -> dict[str, Any]:
    told: dict[str, Any] = {"nodes": [one, other], "why": ""}
    try:
        return {**told, **(_lead(other, seconds) if dc.node_id == one else _follow(one, seconds))}
    except DistrcompError as error:
        return {**told, "why": str(error)}


def _lead(other: int, seconds: float) -> dict[str, Any]:
    _ask(other)
    exchanges = [_ask(other) for _ in range(_EXCHANGES)]
    offset_s, half_s = best_offset(exchanges)
    there = _push(other, seconds / 2)
    back = _pull(other)
    address, mtu = _path(other)
    mtu_there = dc.recv(other, _END, timeout=_WAIT_S)
    times = sorted(each.back - each.sent for each in exchanges)
    return {
        "latency_s": median(times) / 2,
        "clock_offset_s": offset_s,
        "clock_uncertain_s": half_s,
        "bytes_per_s": there,
        "bytes_per_s_back": back,
        "address": address,
        "mtu": mtu,
        "mtu_back": mtu_there,
    }


def _follow(leader: int, seconds: float) -> dict[str, Any]:
    for _ in range(1 + _EXCHANGES):
        dc.recv(leader, _QUESTION, timeout=_WAIT_S)
        dc.send(leader, time(), _QUESTION)
    _pull(leader)
    _push(leader, seconds / 2)
    dc.send(leader, _path(leader)[1], _END)
    return {}


def _ask(other: int) -> Exchange:
    """What the other one's clock shows, between two looks at ours."""
    before, sent = time(), perf_counter()
    dc.send(other, None, _QUESTION)
    there = dc.recv(other, _QUESTION, timeout=_WAIT_S)
    return Exchange(before, sent, perf_counter(), there)


def _push(other: int, seconds: float) -> float:
    """Sends blocks for about so long; the bytes a second that arrived."""
    block = np.zeros(_BLOCK_BYTES, np.uint8)
    n_block, begun = 0, perf_counter()
    while n_block < _BLOCKS_MAX and perf_counter() - begun < seconds:
        dc.send(other, block, _BLOCK)
        n_block += 1
        if n_block % 4 == 0:  # else the first ones only fill buffers
            dc.recv(other, _BLOCK, timeout=_WAIT_S)
    dc.send(other, None, _BLOCK)
    dc.recv(other, _BLOCK, timeout=_WAIT_S)
    rate = n_block * _BLOCK_BYTES / (perf_counter() - begun)
    dc.send(other, rate, _END)
    return rate


def _pull(other: int) -> float:
    """The other end of `_push`: what it has found."""
    n_block = 0
    while True:
        block = dc.recv(other, _BLOCK, timeout=_WAIT_S)
        if block is None:
            break
        n_block += 1
        if n_block % 4 == 0:
            dc.send(other, n_block, _BLOCK)
    dc.send(other, n_block, _BLOCK)
    rate: float = dc.recv(other, _END, timeout=_WAIT_S)
    return rate


def _path(other: int) -> tuple[str, int | None]:
    """The address at the other end of the link, and the largest packet on the way there."""
    control = join().control
    link = None if control is None else control.link_to(other)
    connection = None if link is None else link.connection
    if connection is None or connection.family == socket.AF_UNIX:
        return "", None
    try:
        address = str(connection.getpeername()[0])
        is_new = connection.family == socket.AF_INET6 and "." not in address
        level, option = (41, _IPV6_MTU) if is_new else (0, _IP_MTU)
        return address, connection.getsockopt(level, option)
    except OSError:
        return "", None
