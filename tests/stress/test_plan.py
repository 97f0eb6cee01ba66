"""What the stress test sends: the same for the same seed, of bounded size, and of every sort."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.stress import plan
from tests.stress.values import KINDS

LANE = plan.Lane(7, 0, 4, (90, 91, 0, 1, 2), 2**18)


def rounds(n_node: int, count: int) -> list[list[list[plan.Post]]]:
    """By round and receiver, all that is sent."""
    lane = LANE._replace(n_node=n_node)
    return [
        [
            [post for source in range(n_node) for post in plan.posts(lane, number, source, dest)]
            for dest in range(n_node)
        ]
        for number in range(count)
    ]


def test_seed_repeats_it() -> None:
    """The same seed gives the same messages, another seed, lane or round gives others."""
    posts = plan.posts(LANE, 3, 0, 1)
    assert posts == plan.posts(LANE, 3, 0, 1)
    others = [(LANE._replace(seed=8), 3), (LANE._replace(number=1), 3), (LANE, 4)]
    assert posts not in [plan.posts(lane, number, 0, 1) for lane, number in others]


@pytest.mark.parametrize("n_node", [2, 4, 16])
def test_memory_of_a_round_is_bounded(n_node: int) -> None:
    """No node is sent more than the bound, however many there are, and no object is larger."""
    for each in rounds(n_node, 40):
        for posts in each:
            assert plan.ROUND_BYTES >= sum(post.spec.nbytes for post in posts)
            assert plan.OBJECT_BYTES_MAX >= max(post.spec.nbytes for post in posts)


def test_everything_is_sent() -> None:
    """Every kind, way, tag and style, and sizes on both sides of each boundary."""
    posts = [post for each in rounds(4, 120) for of_node in each for post in of_node]
    assert set(KINDS) == {post.spec.kind for post in posts}
    assert set(plan.WAYS[:4]) == {post.way for post in posts}
    assert {90, 0, 1, 2} == {post.tag for post in posts}
    assert set(plan.STYLES) == {plan.style_of(LANE, number) for number in range(120)}
    sizes = Counter(post.spec.nbytes for post in posts if post.spec.kind != "int")
    for edge in (2048, 2**15, 2**16, LANE.edge):
        assert any(edge - 48 <= size < edge for size in sizes), edge
        assert any(edge <= size <= edge + 48 for size in sizes), edge
    assert {0} <= set(sizes)
    assert max(sizes) > 2**21


def test_exchange_is_a_permutation() -> None:
    """In `sendrecv` every node gets one message, and each pair meets some time."""
    pairs = set()
    for number in range(60):
        dests = [plan.exchange(LANE, number, source)[0] for source in range(4)]
        assert [0, 1, 2, 3] == sorted(dests)
        pairs |= set(enumerate(dests))
    assert 16 == len(pairs)
