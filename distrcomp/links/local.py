"""The other nodes of this machine, and the links to those that are used (see greetings)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from mmap import mmap

from ..segment import LINE_BYTES, greetings_begin, ring_begin, ring_bytes, segment_bytes
from .bells import Bells
from .greetings import GREETED, LEFT, Greetings
from .ring import RingReader, RingWriter
from .shm import ShmLink


class Neighbours:
    """Those nodes, by their ids in the world, as one of them sees them.

    Args:
        segment: the descriptor of the shared memory; it is closed here.
        nodes: the nodes of this machine, by local id.
        here: this node's local id.
        doorbells: their descriptors, by local id.
        helps: whether there is a core for each, so that both ends of a link may copy a message at
            the same time.

    Attributes:
        bells: how they wake each other.
        greetings: who has made a link, or has left; by local ids.
    """

    def __init__(
        self,
        segment: int,
        nodes: Sequence[int],
        here: int,
        doorbells: Sequence[int],
        helps: bool,
    ) -> None:
        n_local = len(nodes)
        self._memory = memory = memoryview(mmap(segment, segment_bytes(n_local)))
        os.close(segment)
        begin = greetings_begin(n_local)
        self.greetings = Greetings(memory[begin : begin + n_local**2], n_local, here)
        self.bells = Bells(memory[: n_local * LINE_BYTES], here, doorbells)
        self._nodes = list(nodes)
        self._places = {node: place for place, node in enumerate(nodes)}
        self._here = here
        self._helps = helps

    def __contains__(self, node: object) -> bool:
        return node in self._places

    def news(self) -> list[tuple[int, int]]:
        """Whose greeting has come since it was asked for, and what it is."""
        return [(self._nodes[place], said) for place, said in self.greetings.news()]

    def silent(self) -> list[int]:
        """The nodes of which nothing was heard so far."""
        return [self._nodes[place] for place in self.greetings.silent()]

    def link_to(self, node: int) -> ShmLink:
        """Makes this end of the link to a node; to be called once."""
        other = self._places[node]
        self.greetings.write(other, GREETED)
        return ShmLink(
            RingWriter(self._ring(self._here, other), other),
            RingReader(self._ring(other, self._here), node, other),
            self.bells,
            self._helps,
        )

    def leave(self) -> None:
        """Tells the nodes to which no link was made that none will be."""
        for other in range(len(self._nodes)):
            if other != self._here and self.greetings.write(other, LEFT):
                self.bells.wake(other)

    def _ring(self, writer: int, reader: int) -> memoryview:
        n_local = len(self._nodes)
        begin = ring_begin(n_local, writer, reader)
        return self._memory[begin : begin + ring_bytes(n_local)]
