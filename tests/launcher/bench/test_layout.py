"""Who measures with whom."""

from __future__ import annotations

import json

import pytest

from launcher.bench.layout import make_layout, program_argument
from launcher.cluster.peers_file import Peer
from launcher.errors import BadUsage


def directions(*peers: Peer) -> list[list[list[object]]]:
    """Of each pair, who may dial whom."""
    told = json.loads(program_argument(make_layout(peers), 1024, 0.5))
    assert (1024, 0.5) == (told["bytes_max"], told["seconds"])
    return [pair["directions"] for pair in told["pairs"]]


@pytest.mark.parametrize(
    ("slots", "placement", "pairs"),
    [
        ([None], (0, 0), ((0, 1),)),
        ([8], (0, 0), ((0, 1),)),
        ([None, None], (0, 0, 1), ((0, 1), (0, 2))),
        ([2, 1], (0, 0, 1), ((0, 1), (0, 2))),
        ([1, 2], (0, 1, 1), ((1, 2), (0, 1))),
        ([1, 1], (0, 1), ((0, 1),)),
        ([1, 1, 4], (0, 1), ((0, 1),)),
    ],
)
def test_pairs(
    slots: list[int | None],
    placement: tuple[int, ...],
    pairs: tuple[tuple[int, int], ...],
) -> None:
    """One pair inside the first machine with room, one across the first two machines."""
    peers = [Peer(f"h{number}", slots=each) for number, each in enumerate(slots)]
    layout = make_layout(peers)
    assert (placement, pairs) == (layout.placement, layout.pairs)


def test_peers_get_as_many_slots_as_nodes() -> None:
    """So that a run places the nodes as the layout has them, whatever the agents offer."""
    layout = make_layout([Peer("h1", slots=1), Peer("h2", slots=9), Peer("h3")])
    assert (Peer("h1", slots=1), Peer("h2", slots=2)) == layout.peers


def test_this_machine_takes_two_nodes_anyway() -> None:
    """Another one with one slot is a mistake."""
    assert (0, 0) == make_layout([Peer("localhost", slots=1)]).placement
    with pytest.raises(BadUsage, match="h1 has one slot, and two nodes are needed"):
        make_layout([Peer("h1", slots=1)])


def test_either_machine_may_be_dialled() -> None:
    """First the leader dials; inside a machine nobody does."""
    assert [[], [[0, 2, "h2"], [2, 0, "h1"]]] == directions(Peer("h1"), Peer("h2"))


def test_the_launchers_machine_is_never_dialled() -> None:
    """Its nodes dial, whether they lead or not."""
    assert [[[0, 1, "h2"]]] == directions(Peer("localhost", slots=1), Peer("h2", slots=1))
    assert [[[1, 0, "h1"]]] == directions(Peer("h1", slots=1), Peer("localhost", slots=1))
