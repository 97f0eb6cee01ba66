"""Leader and follower of each pattern fit together."""

from __future__ import annotations

import queue
import threading

import pytest

from distrcomp.benchmark.patterns import BOTH_WAYS, ONE_WAY, THERE_AND_BACK, Path, Pattern


class Side:
    """One end of a path over queues."""

    def __init__(self, out: queue.Queue[int], into: queue.Queue[int]) -> None:
        self.sent = self.received = 0
        self._out, self._in = out, into

    def send(self) -> None:
        self.sent += 1
        self._out.put(self.sent)

    def receive(self) -> None:
        self.received += 1
        self._in.get(timeout=10)

    def swap(self) -> None:
        self.send()
        self.receive()

    def path(self) -> Path:
        return Path(self.send, self.receive, self.swap)


@pytest.mark.parametrize(
    ("pattern", "there", "back"), [(THERE_AND_BACK, 6, 6), (ONE_WAY, 6, 2), (BOTH_WAYS, 6, 6)]
)
def test_both_sides_end_with_nothing_under_way(pattern: Pattern, there: int, back: int) -> None:
    """Five rounds and the first, untimed one: all that is sent is received, and both end."""
    ways: tuple[queue.Queue[int], queue.Queue[int]] = (queue.Queue(), queue.Queue())
    leader, follower = Side(*ways), Side(*reversed(ways))
    thread = threading.Thread(target=pattern.follow, args=(follower.path(), 5))
    thread.start()
    seconds = pattern.lead(leader.path(), 5)
    thread.join(10)
    assert seconds >= 0
    assert (there, there) == (leader.sent, follower.received)
    assert (back, back) == (follower.sent, leader.received)
    assert [0, 0] == [way.qsize() for way in ways]
