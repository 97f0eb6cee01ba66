"""The link inside a process: when what was posted can be received, and who is woken."""

from __future__ import annotations

import pytest

from distrcomp.frames import Message
from distrcomp.links import LinkEnded
from distrcomp.links.memory import MemoryLink, memory_pair


class Clock:
    """A Delivery that is told what to say."""

    def __init__(self, *delays: int) -> None:
        self.step = 0
        self._delays = iter(delays)

    def now(self) -> int:
        return self.step

    def due(self) -> int:
        return self.step + next(self._delays)


def nobody() -> None:
    """Wakes nobody."""


def message(tag: int, size: int = 0) -> Message:
    """A message of node 0."""
    return Message(0, tag, 0, 5, b"meta", [bytes(size)])


def tags(link: MemoryLink) -> list[int]:
    """What can be received now."""
    return [each.tag for each in link.receive(100)]


def test_what_is_due_can_be_received() -> None:
    """A message can be received from the step on that was decided when it was posted."""
    clock = Clock(3)
    one, other = memory_pair((0, 1), (nobody, nobody), clock)
    one.post(message(7))
    assert (False, 3, []) == (other.can_receive(), other.next_due, tags(other))
    clock.step = 3
    assert (True, [7], None) == (other.can_receive(), tags(other), other.next_due)


def test_order_is_kept() -> None:
    """A message that was to arrive before an earlier one waits for it."""
    clock = Clock(5, 0, 6)
    one, other = memory_pair((0, 1), (nobody, nobody), clock)
    for tag in range(3):
        one.post(message(tag))
    found = []
    for clock.step in range(7):
        found.append(tags(other))
    assert [[], [], [], [], [], [0, 1], [2]] == found


def test_the_end_comes_after_what_was_sent() -> None:
    """What is on its way when an end closes arrives before the end, each in its time."""
    clock = Clock(2, 4)
    one, other = memory_pair((0, 1), (nobody, nobody), clock)
    one.post(message(1))
    one.finish()
    one.close()
    assert [] == tags(other)
    clock.step = 2
    assert ([1], False) == (tags(other), other.at_end)
    clock.step = 4
    assert other.can_receive()
    with pytest.raises(LinkEnded, match="finished") as caught:
        other.receive(1)
    assert (True, True) == (caught.value.clean, other.at_end)


def test_the_other_end_is_woken() -> None:
    """By a message, by room for what is queued, and by the end; each once."""
    woken: list[int] = []
    rings = (lambda: woken.append(0), lambda: woken.append(1))
    one, other = memory_pair((0, 1), rings, capacity_bytes=10_000)
    one.post(message(1, 1_000))
    assert [1] == woken
    other.receive(1)
    assert [1] == woken
    pending = one.post(message(2, 20_000))
    assert pending is not None
    assert [1, 1] == woken
    other.receive(1)
    assert [1, 1, 0] == woken
    assert (True, True, 0) == (one.flush(), pending.is_out, one.queued_bytes)
    one.close()
    one.close()
    assert [1, 1, 0, 1] == woken


def test_what_is_carried_is_copied_at_once() -> None:
    """What fits is out of the sender's hands when it was posted; what doesn't is after `own`."""
    one, other = memory_pair((0, 1), (nobody, nobody), capacity_bytes=10_000)
    small, large = bytearray(b"a" * 100), bytearray(b"a" * 20_000)
    assert one.post(Message(0, 1, 0, 5, b"", [small])) is None
    pending = one.post(Message(0, 2, 0, 5, b"", [large]))
    assert pending is not None
    one.own()
    assert pending.is_out
    small[:], large[:] = b"b" * 100, b"b" * 20_000
    assert [100, 20_000] == [bytes(each.buffers[0]).count(b"a") for each in other.receive(9)]
