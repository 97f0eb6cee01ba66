"""A byte for each pair of a machine's nodes: who has made its end of a link, or left without one.

Theory. The memory of all rings is there from the start, so a link costs nothing to come about but
the objects around its two rings; but a machine with n nodes has n² rings, and most programs use
few. So a node makes its end of a link when it is the first to use it, and tells the other one: each
node has a row of bytes in the shared memory, one for each other node, which that one alone writes.
GREETED when it makes its end, before it posts anything; LEFT when it has finished and never made
one. Whoever waits looks at its row, and makes its own end of the links that it finds there; that is
one comparison, and none any more once every node has written its byte.

What always holds: a byte is written once. A node that has greeted says its goodbye on the link, one
that has not says it by its byte. So what stands in a ring is found by who waits, however its writer
ended, and who ended in order is told from who vanished.

What a node did before it wrote its byte is seen by who has seen the byte. Nothing orders the byte
and the first record behind it: a reader that sees the byte alone has a link on which nothing has
come yet, and looks there each time from then on. A link may also come to a node that has left,
while it hears the others out: it reads there and writes nothing. That a byte may be seen late is
what the sleeper's second look is for (see bells).
"""

from __future__ import annotations

from collections.abc import Iterator

from .ring import STORES_ARE_ORDERED, fence

GREETED, LEFT = 1, 2


class Greetings:
    """The bytes, as one node sees them.

    Args:
        memory: all rows, by the local id of the node that reads it.
        n_local: how many nodes there are.
        here: this node's local id.

    Attributes:
        n_silent: of how many nothing was heard so far; at 0 there never will be news.
    """

    def __init__(self, memory: memoryview, n_local: int, here: int) -> None:
        self._memory = memory
        self._row = memory[here * n_local : (here + 1) * n_local]
        self._seen = bytes(n_local)
        self.n_silent = n_local - 1
        self._n_local = n_local
        self._here = here

    @property
    def has_news(self) -> bool:
        """Whether `news` would tell any."""
        return bool(self.n_silent) and bytes(self._row) != self._seen

    def news(self) -> list[tuple[int, int]]:
        """What nodes have written here since it was asked for: their numbers, and the bytes."""
        seen, self._seen = self._seen, bytes(self._row)
        if not STORES_ARE_ORDERED:
            fence()
        self.n_silent = sum(1 for _ in self.silent())
        both = enumerate(zip(seen, self._seen, strict=True))
        return [
            (node, now)
            for node, (before, now) in both
            if now != before and node != self._here  # nobody has a reason to write that one
        ]

    def silent(self) -> Iterator[int]:
        """The nodes of which nothing was heard so far."""
        return (node for node, said in enumerate(self._seen) if not said and node != self._here)

    def write(self, node: int, word: int) -> bool:
        """Tells a node, unless it was told before; whether it was told now."""
        at = node * self._n_local + self._here
        if self._memory[at]:
            return False
        if not STORES_ARE_ORDERED:
            fence()
        self._memory[at] = word
        return True
