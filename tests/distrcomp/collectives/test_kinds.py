"""The tags of collectives' messages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from distrcomp import limits
from distrcomp.collectives.kinds import (
    TURN_MASK,
    Kind,
    described,
    earlier,
    split_tag,
    tag_of,
    turn_of,
)

TURNS = st.integers(0, TURN_MASK)


@given(st.sampled_from(Kind), st.integers(0, 1023), TURNS)
def test_tags(kind: Kind, root: int, turn: int) -> None:
    """A tag holds kind, root and number, and is one that messages may bear."""
    tag = tag_of(kind, root, turn)
    assert 0 <= tag <= limits.TAG_MAX
    assert (kind, root, turn) == split_tag(tag)
    assert turn == turn_of(tag)


@given(TURNS, st.integers(0, TURN_MASK >> 1))
def test_earlier_counts_round(turn: int, distance: int) -> None:
    """Of two numbers the one from which the other is near is the earlier."""
    later = turn + distance & TURN_MASK
    assert turn == earlier(turn, later) == earlier(later, turn)


def test_described() -> None:
    """People read kind, number and, where there is one, the root."""
    assert described(tag_of(Kind.BCAST, 3, 17)) == "bcast #17 with root 3"
    assert described(tag_of(Kind.BARRIER, 0, 17)) == "barrier #17"
    assert described(tag_of(Kind.LARGE_ALLREDUCE, 0, 2)) == "allreduce of a large array #2"
