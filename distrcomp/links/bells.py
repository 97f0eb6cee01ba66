"""Sleeping and being woken among the nodes of one machine.

Each node has a word in shared memory, which it alone writes, and a doorbell, a descriptor that all
nodes of the machine hold. The word is 0 while the node is awake. Before it sleeps it writes the
number of this sleep there, sets a fence, looks at all its rings once more, and only then waits for
its doorbell. Who writes to a ring looks at the reader's word afterwards and rings if it is not 0.
With a fence on both sides either the writer would see that the reader sleeps, or the reader's last
look would see what was written (Dekker's argument). But a fence in each send would cost as much as
all the rest of it. So the writer has none: its processor may look at the word while what it wrote
still stands in its store buffer, where the reader can't see it. What stands there gets out in
finite time whatever the processor does next: tens of nanoseconds, and at the latest with the next
interrupt. So the sleeper looks again after SECOND_LOOK_S, ten thousand times as long, and only then
waits for as long as it takes. Nobody sleeps on a message, and an idle node wakes up once.

Each sleep has its own number, so a writer rings once for each sleep, however much it writes, and
never has to write to a word that is not its own.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

from .ring import LINE_WORDS, WORD_BYTES, fence

SECOND_LOOK_S = 0.001
_ASLEEP, _PROCESS, _ARRIVED = 0, 1, 2  # words of a node's line


class Bells:
    """The doorbells of one machine's nodes, as one of them sees them.

    Args:
        lines: the nodes' lines in shared memory.
        here: this node's number among them.
        descriptors: the doorbells, by number.

    Attributes:
        asleep: by node number times LINE_WORDS, which sleep that node is in; 0 when it is awake.
        arrived: by the same, how far that node has come in the world's barriers; see meeting.
        rung: by node number, the last sleep for which this node has rung.
    """

    def __init__(self, lines: memoryview, here: int, descriptors: Sequence[int]) -> None:
        words = lines.cast("Q")
        self.asleep = words[_ASLEEP:]
        self.rung = [0] * len(descriptors)
        self._processes = words[_PROCESS:]
        self.arrived = words[_ARRIVED:]
        self._here = here
        self._descriptors = list(descriptors)
        self._sleeps = 0
        self._processes[here * LINE_WORDS] = os.getpid()

    def fileno(self) -> int:
        """This node's own doorbell, readable when it was rung."""
        return self._descriptors[self._here]

    def process(self, node: int) -> int:
        """The process id of a node, 0 before it has joined."""
        return self._processes[node * LINE_WORDS]

    @property
    def is_lying(self) -> bool:
        """Whether writers ring now."""
        return bool(self.asleep[self._here * LINE_WORDS])

    def lie_down(self) -> None:
        """From now on writers ring. The rings must be looked at once more after it."""
        self._sleeps += 1
        self.asleep[self._here * LINE_WORDS] = self._sleeps
        fence()

    def get_up(self) -> None:
        """Nobody needs to ring any more."""
        self.asleep[self._here * LINE_WORDS] = 0

    def wake(self, node: int) -> None:
        """Rings if `node` sleeps; to be called after what it shall see was written."""
        sleep = self.asleep[node * LINE_WORDS]
        if sleep and sleep != self.rung[node]:
            self.rung[node] = sleep
            # Full: so it is ringing. Or the node has ended, or another thread has closed these.
            with contextlib.suppress(OSError, IndexError):
                os.write(self._descriptors[node], b"\1\0\0\0\0\0\0\0")

    def silence(self) -> bool:
        """Takes back what rang; whether anything did."""
        try:
            return bool(os.read(self.fileno(), WORD_BYTES))
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Frees the descriptors."""
        descriptors, self._descriptors = self._descriptors, []
        for descriptor in descriptors:
            os.close(descriptor)
