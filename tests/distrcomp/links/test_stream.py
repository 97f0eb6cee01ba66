"""distrcomp.links.stream: what is not every link's."""

from __future__ import annotations

from itertools import pairwise

from distrcomp import limits
from distrcomp.frames import Message
from distrcomp.limits import KIB, MIB
from distrcomp.links import StreamLink
from tests.distrcomp.links.kit import unix_pair


class Willing(StreamLink):
    """A link whose kernel takes whatever it is given."""

    def _write(self) -> int:
        return min(self._outgoing[0].nbytes, MIB)


def test_a_willing_kernel_keeps_nobody_waiting() -> None:
    """One flush moves a piece of a long message, and then others have their turn."""
    ours, theirs = unix_pair()
    link = Willing(ours, 1)
    n_pieces = 5
    size = n_pieces * limits.PIECE_BYTES_MAX - MIB
    assert link.post(Message(0, 0, 0, 5, b"", [memoryview(bytes(size))])) is not None
    left = [link.queued_bytes]
    while link.flush():
        left.append(link.queued_bytes)
    assert 0 == left.pop()
    assert n_pieces - 1 == len(left)
    moved = [size - left[0], *(one - other for one, other in pairwise(left))]
    assert all(abs(each - limits.PIECE_BYTES_MAX) <= 64 * KIB + MIB for each in moved)
    link.close()
    theirs.close()
