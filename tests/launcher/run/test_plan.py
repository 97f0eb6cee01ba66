"""Which node runs where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher import limits
from launcher.errors import BadUsage
from launcher.run.plan import PlannedPeer, make_plan, parse_n


def here(slots: int) -> list[PlannedPeer]:
    """This machine alone."""
    return [PlannedPeer("localhost", slots, True)]


def remote(*slots: int) -> list[PlannedPeer]:
    """Remote peers h1, h2 and so on."""
    return [PlannedPeer(f"h{i}", count, False) for i, count in enumerate(slots, start=1)]


@pytest.mark.parametrize(
    ("text", "expected"), [("4", 4), ("007", 7), ("4096", 4096), ("auto", None), (None, None)]
)
def test_n_is_a_number_or_auto(text: str | None, expected: int | None) -> None:
    """A number stands for itself; auto and nothing leave it to the slots."""
    assert expected == parse_n(text)


@pytest.mark.parametrize("text", ["0", "000", "-1", "x", "", "1.5", "+4", " 4", "1_0", "٤", "²"])
def test_n_refuses_what_is_no_number_of_nodes(text: str) -> None:
    """Zero, negative and anything but plain digits is one sentence that shows what was given."""
    with pytest.raises(BadUsage, match="takes the number of nodes, from 1 on, or auto") as caught:
        parse_n(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["4097", "100000", "9" * 5000])
def test_n_refuses_more_nodes_than_a_run_may_have(text: str) -> None:
    """A slip of the finger is named, however many digits it has."""
    with pytest.raises(BadUsage, match="more than one run may have: 4,096 at most"):
        parse_n(text)


def test_a_peer_is_filled_before_the_next() -> None:
    """Node ids follow the order of the peers."""
    plan, notes = make_plan(remote(2, 1, 3), 5, False)
    assert (0, 0, 1, 2, 2) == plan.placement
    assert () == notes


@pytest.mark.parametrize(
    ("slots", "n", "placement"),
    [
        ((2, 1, 3), 5, (0, 1, 2, 0, 2)),
        ((2, 2), 2, (0, 1)),
        ((1, 0, 2), 6, (0, 2, 2, 0, 2, 0)),
        ((1, 3), None, (0, 1, 1, 1)),
    ],
)
def test_by_node_the_peers_have_their_turns(
    slots: tuple[int, ...], n: int | None, placement: tuple[int, ...]
) -> None:
    """A full peer is left out until all are full; one without slots gets nothing."""
    plan, _ = make_plan(remote(*slots), n, True, by_node=True)
    assert placement == plan.placement


def test_without_n_each_slot_gets_a_node_and_the_choice_is_told() -> None:
    """The number of nodes that was chosen is printed."""
    plan, notes = make_plan(remote(4, 2, 2), None, False)
    assert (8, (0, 0, 0, 0, 1, 1, 2, 2)) == (plan.n_node, plan.placement)
    assert ("running 8 nodes, one for each slot of 3 peers",) == notes


def test_without_peers_the_choice_names_this_machine() -> None:
    """One machine is called this machine, one remote peer by its label."""
    assert ("running 2 nodes, one for each slot of this machine",) == make_plan(
        here(2), None, False
    )[1]
    assert ("running 1 node, one for each slot of h1",) == make_plan(remote(1), None, False)[1]


def test_this_machine_may_be_oversubscribed_with_one_warning() -> None:
    """More nodes than cores is a normal case here, and said once."""
    plan, notes = make_plan(here(2), 8, False)
    assert (0,) * 8 == plan.placement
    assert ("8 nodes on 2 cores: each will get a share of a core",) == notes


def test_more_nodes_than_remote_slots_is_refused() -> None:
    """The sentence names n, the slots in all, each peer's, and the option."""
    with pytest.raises(BadUsage) as caught:
        make_plan([*here(1), *remote(2, 3)], 9, False)
    assert (
        "-n 9 is more than the 6 slots of the peers (localhost: 1, h1: 2, h2: 3): ask for 6 nodes "
        "at most, raise slots= in the peers file, or add --oversubscribe"
    ) == str(caught.value)


def test_oversubscribed_nodes_go_round_and_stay_in_peer_order() -> None:
    """The surplus is dealt in turn; nodes of one peer stay consecutive."""
    plan, notes = make_plan(remote(2, 1, 1), 9, True)
    assert (0, 0, 0, 0, 1, 1, 1, 2, 2) == plan.placement
    assert () == notes


def test_no_slot_at_all_is_refused() -> None:
    """Peers that offer nothing, or no peers, cannot run a node."""
    for peers in ([], remote(0, 0)):
        with pytest.raises(BadUsage, match="no slot to run a node on"):
            make_plan(peers, None, True)


def test_more_slots_than_a_run_may_have_are_not_all_used() -> None:
    """A peer that claims a huge number of slots costs a sentence, not memory."""
    with pytest.raises(BadUsage, match="more than one run may have"):
        make_plan(remote(2**60), None, False)
    assert 3 == make_plan(remote(2**60), 3, False)[0].n_node


def test_less_than_one_node_is_refused() -> None:
    """A plan for no node is a mistake of the caller, not an empty run."""
    with pytest.raises(BadUsage, match="at least one node"):
        make_plan(here(2), 0, False)


@given(
    slots=st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any),
    n=st.integers(1, limits.NODES_MAX // 16),
)
def test_every_node_has_one_place_in_peer_order(slots: list[int], n: int) -> None:
    """Placement rises, uses only peers with slots, keeps within slots while it can, and is fair."""
    plan, _ = make_plan(remote(*slots), n, True)
    counts = [plan.placement.count(peer) for peer in range(len(slots))]
    assert n == len(plan.placement) == sum(counts)
    assert sorted(plan.placement) == list(plan.placement)
    surplus = [count - room for count, room in zip(counts, slots, strict=True) if room]
    if n <= sum(slots):
        assert max(surplus) <= 0
    else:
        assert min(surplus) >= 0
        assert max(surplus) - min(surplus) <= 1
    assert all(room or not count for count, room in zip(counts, slots, strict=True))
