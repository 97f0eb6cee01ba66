"""Trees over nodes, and what is known of machines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from distrcomp.collectives.port import RADIX, family, is_in_order, rotated


@given(st.integers(1, 2000))
def test_trees(size: int) -> None:
    """Each node but 0 is a child of its parent; the subtrees of a node follow it in order."""
    ends: dict[int, int] = {}
    for node in reversed(range(size)):
        parent, children = family(size, node)
        assert list(children) == sorted(children)
        end = node + 1
        for child in children:
            assert child == end
            assert family(size, child)[0] == node
            end = ends[child]
        ends[node] = end
        assert (parent is None) == (node == 0)
    assert ends[0] == size


def test_few_nodes_are_a_flat_tree() -> None:
    """Up to RADIX nodes all are children of node 0."""
    assert family(RADIX, 0) == (None, tuple(range(1, RADIX)))
    assert family(RADIX + 1, 0) != (None, tuple(range(1, RADIX + 1)))


def test_rotated() -> None:
    """The order goes round."""
    assert rotated([4, 5, 6], 5) == (5, 6, 4)


def test_is_in_order() -> None:
    """Only machines whose nodes follow one another keep the order when each combines its own."""
    assert is_in_order([[0, 1], [2]])
    assert not is_in_order([[0, 2], [1]])
