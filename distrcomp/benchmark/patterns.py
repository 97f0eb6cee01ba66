"""How messages go between the two nodes of a pair: one function for each side.

Each begins with a round that is not timed, so that the clock starts when both are at it.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple


class Path(NamedTuple):
    """One way to move some bytes to the other node and back.

    Attributes:
        send: hands one message over.
        receive: waits for one message.
        swap: both at once; the other node calls it too.
    """

    send: Callable[[], object]
    receive: Callable[[], object]
    swap: Callable[[], object]


class Pattern(NamedTuple):
    """What the leading node does, and times, and what the other one does.

    Attributes:
        messages: how many follow each other in one round.
    """

    lead: Callable[[Path, int], float]
    follow: Callable[[Path, int], None]
    messages: int


def _lead_there_and_back(path: Path, rounds: int) -> float:
    send, receive, _ = path
    send()
    receive()
    begun = perf_counter()
    for _ in range(rounds):
        send()
        receive()
    return perf_counter() - begun


def _follow_there_and_back(path: Path, rounds: int) -> None:
    send, receive, _ = path
    for _ in range(rounds + 1):
        receive()
        send()


def _lead_one_way(path: Path, rounds: int) -> float:
    send, receive, _ = path
    send()
    receive()
    begun = perf_counter()
    for _ in range(rounds):
        send()
    receive()  # all have arrived
    return perf_counter() - begun


def _follow_one_way(path: Path, rounds: int) -> None:
    send, receive, _ = path
    receive()
    send()
    for _ in range(rounds):
        receive()
    send()


def _lead_both_ways(path: Path, rounds: int) -> float:
    swap = path.swap
    swap()
    begun = perf_counter()
    for _ in range(rounds):
        swap()
    return perf_counter() - begun


def _follow_both_ways(path: Path, rounds: int) -> None:
    for _ in range(rounds + 1):
        path.swap()


THERE_AND_BACK = Pattern(_lead_there_and_back, _follow_there_and_back, 2)
ONE_WAY = Pattern(_lead_one_way, _follow_one_way, 1)
BOTH_WAYS = Pattern(_lead_both_ways, _follow_both_ways, 1)
