"""distrcomp.links.local: the other nodes of a machine, and links to those that are used."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from distrcomp.links.greetings import GREETED, LEFT
from distrcomp.links.local import Neighbours
from distrcomp.segment import create_segment, segment_bytes
from tests.distrcomp.links.kit import End, message, move, send

IDS = [4, 7, 9, 11]  # of four nodes of one machine in a world of more


@contextlib.contextmanager
def machine(ids: list[int]) -> Iterator[list[Neighbours]]:
    """The nodes of one machine, each as it sees the others."""
    segment = create_segment(segment_bytes(len(ids)))
    doorbells = [os.eventfd(0, os.EFD_NONBLOCK) for _ in ids]
    nodes = [
        Neighbours(os.dup(segment), ids, here, [os.dup(bell) for bell in doorbells], False)
        for here in range(len(ids))
    ]
    try:
        yield nodes
    finally:
        for node in nodes:
            node.bells.close()
        for descriptor in (segment, *doorbells):
            os.close(descriptor)


def test_every_pair() -> None:
    """Each node can have a link to each other one, by its id; no two share a ring."""
    with machine(IDS) as nodes:
        ends = {
            (IDS[here], there): End(node.link_to(there))
            for here, node in enumerate(nodes)
            for there in IDS
            if there != IDS[here]
        }
        for source, dest in ends:
            sizes = (0, 300_000)
            send(ends[source, dest], *(message(100 * source + dest, size) for size in sizes))
        move(list(ends.values()), lambda: all(len(end.received) == 2 for end in ends.values()))
        for (dest, source), end in ends.items():
            told = [(each.source, each.tag) for each in end.received]
            assert [(source, 100 * source + dest)] * 2 == told
            end.link.close()


def test_one_end_is_made() -> None:
    """The other node hears of it once, and what was sent before stands on its end."""
    with machine(IDS) as (one, *_, other):
        end = End(one.link_to(IDS[3]))
        send(end, message(1, 10))
        assert other.greetings.has_news
        assert [(IDS[0], GREETED)] == other.news()
        assert not other.greetings.has_news
        late = End(other.link_to(IDS[0]))
        move([late], lambda: late.received)
        assert [IDS[0]] == [each.source for each in late.received]


def test_leaving() -> None:
    """Who leaves tells all to whom it has no link, wakes those that sleep, and says it once."""
    with machine(IDS) as nodes:
        one, linked, sleeping, other = nodes
        one.link_to(IDS[1])
        sleeping.bells.lie_down()
        one.leave()
        one.leave()
        assert [[(IDS[0], GREETED)], [(IDS[0], LEFT)], [(IDS[0], LEFT)]] == [
            node.news() for node in (linked, sleeping, other)
        ]
        assert [False, True, False] == [node.bells.silence() for node in (linked, sleeping, other)]
        assert [IDS[1], IDS[2]] == other.silent()


def test_who_is_there() -> None:
    """The nodes of the machine are known by their ids in the world."""
    with machine(IDS) as (one, *_):
        assert [5 in one, 4 in one, 11 in one] == [False, True, True]


def test_the_segment_is_closed() -> None:
    """The descriptor that was handed over is closed: the mapping holds the memory."""
    segment = create_segment(segment_bytes(2))
    doorbells = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
    neighbours = Neighbours(segment, [0, 1], 0, doorbells, helps=False)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(segment)
    neighbours.bells.close()


def test_alone() -> None:
    """One node on a machine has nobody to hear of."""
    with machine([5]) as (one,):
        one.leave()
        assert (False, []) == (one.greetings.has_news, one.silent())
