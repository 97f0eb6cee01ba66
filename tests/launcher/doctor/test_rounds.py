"""Rounds of pairs."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from launcher.doctor.rounds import rounds_of

PAIRS = st.integers(0, 20).flatmap(
    lambda n: st.lists(st.sampled_from(list(combinations(range(n + 2), 2))), unique=True)
)


@given(PAIRS)
def test_every_pair_once_and_nobody_twice_at_once(pairs: list[tuple[int, int]]) -> None:
    """Each pair measures once, and nobody is in two pairs at the same time."""
    rounds = rounds_of(pairs)
    assert sorted(pairs) == sorted(pair for each in rounds for pair in each)
    for each in rounds:
        assert len({node for pair in each for node in pair}) == 2 * len(each)


def test_fewest_rounds() -> None:
    """All pairs of n machines take n - 1 rounds, or n where n is odd."""
    lengths = [len(rounds_of(combinations(range(n), 2))) for n in range(1, 9)]
    assert [0, 1, 3, 3, 5, 5, 7, 7] == lengths
