"""The links between the nodes of one machine, all there from the start."""

from __future__ import annotations

import os
from collections.abc import Sequence
from mmap import mmap

from ..cores import usable_cores
from ..segment import LINE_BYTES, ring_begin, ring_bytes, segment_bytes
from .bells import Bells
from .ring import RingReader, RingWriter
from .shm import ShmLink


def local_links(
    segment: int, nodes: Sequence[int], here: int, doorbells: Sequence[int]
) -> tuple[Bells, dict[int, ShmLink]]:
    """This node's bells and its links to the others, by their ids in the world.

    Args:
        segment: the descriptor of the shared memory; it is closed here.
        nodes: the nodes of this machine, by local id.
        here: this node's local id.
        doorbells: their descriptors, by local id.
    """
    n_local = len(nodes)
    memory = memoryview(mmap(segment, segment_bytes(n_local)))
    os.close(segment)
    bells = Bells(memory[: n_local * LINE_BYTES], here, doorbells)

    def area(writer: int, reader: int) -> memoryview:
        begin = ring_begin(n_local, writer, reader)
        return memory[begin : begin + ring_bytes(n_local)]

    helps = usable_cores() >= n_local  # else both would share one core
    links = {
        node: ShmLink(
            RingWriter(area(here, other), other),
            RingReader(area(other, here), node, other),
            bells,
            helps,
        )
        for other, node in enumerate(nodes)
        if other != here
    }
    return bells, links
