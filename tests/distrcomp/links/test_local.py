"""distrcomp.links.local: all links of a node to the others of its machine."""

from __future__ import annotations

import os

import pytest

from distrcomp.links.local import local_links
from distrcomp.segment import create_segment, segment_bytes
from tests.distrcomp.links.kit import End, message, move, send

IDS = [4, 7, 9, 11]  # of four nodes of one machine in a world of more


def test_every_pair() -> None:
    """Each node has a link to each other one, by its id in the world; no two share a ring."""
    segment = create_segment(segment_bytes(len(IDS)))
    doorbells = [os.eventfd(0, os.EFD_NONBLOCK) for _ in IDS]
    nodes = [
        local_links(os.dup(segment), IDS, here, [os.dup(bell) for bell in doorbells])
        for here in range(len(IDS))
    ]
    assert [set(IDS) - {node} for node in IDS] == [set(links) for _, links in nodes]
    ends = {
        (IDS[here], there): End(link)
        for here, (_, links) in enumerate(nodes)
        for there, link in links.items()
    }
    for source, dest in ends:
        send(ends[source, dest], *(message(100 * source + dest, size) for size in (0, 300_000)))
    move(list(ends.values()), lambda: all(len(end.received) == 2 for end in ends.values()))
    for (dest, source), end in ends.items():
        told = [(each.source, each.tag) for each in end.received]
        assert [(source, 100 * source + dest)] * 2 == told
    for bells, links in nodes:
        for link in links.values():
            link.close()
        bells.close()
    for descriptor in (segment, *doorbells):
        os.close(descriptor)


def test_the_segment_is_closed() -> None:
    """The descriptor that was handed over is closed: the mapping holds the memory."""
    segment = create_segment(segment_bytes(2))
    doorbells = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
    bells, _ = local_links(segment, [0, 1], 0, doorbells)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(segment)
    bells.close()


def test_alone() -> None:
    """One node on a machine has bells and no link."""
    bells, links = local_links(create_segment(segment_bytes(1)), [5], 0, [os.eventfd(0)])
    assert {} == links
    bells.close()
