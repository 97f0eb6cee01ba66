"""The algebra of groups, against Python's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.mpi import MPI

members = st.lists(st.integers(0, 9), unique=True)


def ids(group: MPI.Group) -> list[int]:
    """The members of a group, by rank."""
    return list(group._members)


@given(members, members)
def test_union_intersection_difference(first: list[int], second: list[int]) -> None:
    """The order is that of the first group, then that of the second."""
    one, other = MPI.Group._of(first), MPI.Group._of(second)
    more = [member for member in second if member not in first]
    assert ids(MPI.Group.Union(one, other)) == first + more
    both = [member for member in first if member in second]
    assert ids(MPI.Group.Intersection(one, other)) == both
    assert ids(MPI.Group.Intersect(one, other)) == both
    rest = [member for member in first if member not in second]
    assert ids(MPI.Group.Difference(one, other)) == rest


@given(members, st.data())
def test_incl_and_excl_share_a_group_out(ids_: list[int], data: st.DataObject) -> None:
    """Ranks are taken in the order given; the others stay in theirs."""
    group = MPI.Group._of(ids_)
    some = data.draw(st.lists(st.sampled_from(range(len(ids_))), unique=True)) if ids_ else []
    assert ids(group.Incl(some)) == [ids_[rank] for rank in some]
    assert ids(group.Excl(some)) == [m for rank, m in enumerate(ids_) if rank not in some]


@pytest.mark.parametrize(
    ("ranges", "ranks"),
    [
        ([], []),
        ([(0, 4, 1)], [0, 1, 2, 3, 4]),
        ([(0, 4, 2)], [0, 2, 4]),
        ([(4, 0, -2)], [4, 2, 0]),
        ([(1, 2, 3), (4, 4, 1)], [1, 4]),
    ],
)
def test_ranges_include_their_last(ranges: list[tuple[int, int, int]], ranks: list[int]) -> None:
    """A range of ranks is first, last and stride, which may be negative."""
    group = MPI.Group._of(range(10, 15))
    assert ids(group.Range_incl(ranges)) == [10 + rank for rank in ranks]
    assert ids(group.Range_excl(ranges)) == [10 + r for r in range(5) if r not in ranks]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda group: group.Incl([5]), MPI.ERR_RANK),
        (lambda group: group.Incl([-1]), MPI.ERR_RANK),
        (lambda group: group.Excl([0, 0]), MPI.ERR_RANK),
        (lambda group: group.Range_incl([(0, 9, 1)]), MPI.ERR_RANK),
        (lambda group: group.Range_incl([(0, 1, 0)]), MPI.ERR_ARG),
        (lambda group: group.Translate_ranks([7], group), MPI.ERR_RANK),
    ],
)
def test_wrong_ranks_are_errors(call: object, error: int) -> None:
    """A rank outside the group or named twice, and a range that goes nowhere."""
    with pytest.raises(MPI.Exception) as raised:
        call(MPI.Group._of([3, 4, 5]))  # type: ignore[operator]
    assert raised.value.Get_error_class() == error


def test_comparison_knows_order() -> None:
    """The same members in another order are similar."""
    group = MPI.Group._of([1, 2])
    assert group.Compare(MPI.Group._of([1, 2])) == MPI.IDENT
    assert group.Compare(MPI.Group._of([2, 1])) == MPI.SIMILAR
    assert group.Compare(MPI.Group._of([1])) == MPI.UNEQUAL


def test_translation() -> None:
    """Ranks are translated to another group's; PROC_NULL stays, who is missing is UNDEFINED."""
    group, other = MPI.Group._of([4, 5, 6]), MPI.Group._of([6, 4])
    assert group.Translate_ranks([0, MPI.PROC_NULL, 1, 2], other) == [
        1,
        MPI.PROC_NULL,
        MPI.UNDEFINED,
        0,
    ]
    assert group.Translate_ranks(group=other) == [1, MPI.UNDEFINED, 0]
    assert MPI.Group._of([0]).Translate_ranks() == [0]


def test_the_empty_group_is_the_constant() -> None:
    """A group that comes out empty equals GROUP_EMPTY, which outlives its freeing."""
    group = MPI.Group._of([1]).Excl([0])
    assert group == MPI.GROUP_EMPTY
    group.Free()
    assert group == MPI.GROUP_NULL
    assert MPI.GROUP_EMPTY.Get_size() == 0


def test_rank_is_undefined_outside() -> None:
    """This node's rank is its place in the group."""
    assert MPI.Group._of([7, 0]).rank == 1
    assert MPI.Group._of([7]).Get_rank() == MPI.UNDEFINED


def test_the_null_group_has_nothing() -> None:
    """Each call on the null group is an error of class ERR_GROUP."""
    for call in (MPI.GROUP_NULL.Get_size, MPI.GROUP_NULL.Get_rank, MPI.GROUP_NULL.Free):
        with pytest.raises(MPI.Exception) as raised:
            call()
        assert raised.value == MPI.ERR_GROUP
