"""Who sends a bundle to whom."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher import limits
from launcher.run.distribution import Distribution
from launcher.run.events import Action, PassOn, Ship

BIG, SMALL = b"b" * 32, b"s" * 32
SIZES = {BIG: 100 * limits.MIB, SMALL: 100}
ALL = (BIG, SMALL)


def among(n_peer: int, here: Sequence[int] = ()) -> Distribution:
    """The way of a large and a small content to so many peers."""
    return Distribution(SIZES, [peer not in here for peer in range(n_peer)])


def lacks_all(made: Distribution, *peers: int) -> list[Action]:
    """These peers lack everything."""
    return [action for peer in peers for action in made.lacks(peer, ALL, (0, 0), again=False)]


def sent(*peers: int) -> list[Ship]:
    """All is sent to these peers."""
    return [Ship(peer, ALL, (0, 0)) for peer in peers]


def test_few_peers() -> None:
    """Up to four peers get all from the launcher, and never anything from each other."""
    made = among(4)
    assert sent(0, 1, 2, 3) == lacks_all(made, 0, 1, 2, 3)
    assert [] == [action for peer in range(4) for action in made.complete(peer)]


def test_many_peers() -> None:
    """The others wait for those, and then each that has all gives to two at a time."""
    made = among(16)
    assert sent(0, 1, 2, 3) == lacks_all(made, *range(16))
    assert [PassOn(2, 4), PassOn(2, 5)] == made.complete(2)
    assert [PassOn(0, 6), PassOn(0, 7)] == made.complete(0)
    assert [PassOn(4, 8), PassOn(2, 9), PassOn(4, 10)] == made.complete(4)


def test_who_has_all_gives() -> None:
    """A peer that lacks nothing gives from the beginning."""
    made = among(3)
    assert [] == made.lacks(0, (), (), again=False)
    assert [] == made.complete(0)
    assert [PassOn(0, 1), PassOn(0, 2)] == lacks_all(made, 1, 2)


def test_what_is_not_worth_it() -> None:
    """Little, the rest of what was begun, and what was damaged comes from the launcher at once."""
    made = among(8)
    made.complete(0)
    assert [Ship(1, (SMALL,), (0,))] == made.lacks(1, (SMALL,), (0,), again=False)
    rest = SIZES[BIG] - 1000
    assert [Ship(2, (BIG,), (rest,))] == made.lacks(2, (BIG,), (rest,), again=False)
    assert [Ship(3, (BIG,), (0,))] == made.lacks(3, (BIG,), (0,), again=True)


def test_this_machine() -> None:
    """Our own machine gives to nobody, for none can reach it, and gets all from memory."""
    made = among(8, here=(0,))
    assert sent(0, 1, 2, 3, 4) == lacks_all(made, *range(8))
    assert [] == made.complete(0)


def test_not_fetched() -> None:
    """What a peer could not get from another one the launcher sends, from where it was cut off."""
    made = among(6)
    lacks_all(made, *range(6))
    made.complete(0)
    assert made.is_fetching(4)
    assert [Ship(4, (BIG,), (7,))] == made.not_fetched(4, (BIG,), (7,))
    assert not made.is_fetching(4)
    assert [] == made.not_fetched(4, (BIG,), (7,))


def test_all_givers_are_lost() -> None:
    """When nobody is left to wait for, the launcher sends."""
    made = among(6)
    lacks_all(made, *range(6))
    assert [[], [], []] == [made.lost(peer) for peer in (0, 1, 2)]
    assert sent(4) == made.lost(3)
    assert [PassOn(4, 5)] == made.complete(4)


@given(
    n_peer=st.integers(1, 20),
    here=st.sets(st.integers(0, 19), max_size=2),
    script=st.lists(
        st.tuples(st.sampled_from(["complete", "complete", "fail", "lose"]), st.integers(0, 19)),
        max_size=80,
    ),
)
def test_everybody_gets_it(n_peer: int, here: set[int], script: list[tuple[str, int]]) -> None:
    """Whatever fails, each peer that is not lost is sent all, or told to fetch; none waits."""
    made = among(n_peer, sorted(here))
    busy: dict[int, int | None] = {}
    done: set[int] = set()
    lost: set[int] = set()

    def take(actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Ship):
                assert busy.get(action.peer) is None
                busy[action.peer] = None
            elif isinstance(action, PassOn):
                assert action.giver in done - lost
                assert action.taker not in busy
                busy[action.taker] = action.giver
                takers = [peer for peer, giver in busy.items() if giver == action.giver]
                assert len(takers) <= limits.PASSED_AT_ONCE_MAX

    take(lacks_all(made, *range(n_peer)))
    script += [("complete", peer) for _ in range(n_peer) for peer in range(n_peer)]
    for what, peer in script:
        if peer in busy and what == "complete":
            del busy[peer]
            done.add(peer)
            take(made.complete(peer))
        elif busy.get(peer) is not None and what == "fail":
            busy.pop(peer)
            take(made.not_fetched(peer, ALL, (0, 0)))
        elif what == "lose" and peer < n_peer and peer not in lost:
            lost.add(peer)
            busy.pop(peer, None)
            take(made.lost(peer))
    assert set(range(n_peer)) <= done | lost


@pytest.mark.parametrize(("n_peer", "n_sent"), [(8, 4), (64, 4)])
def test_bytes_of_the_launcher(n_peer: int, n_sent: int) -> None:
    """However many peers there are, the launcher sends to four; the rounds grow slowly."""
    made = among(n_peer)
    actions = lacks_all(made, *range(n_peer))
    n_direct, rounds = 0, 0
    while actions:
        rounds += 1
        n_direct += len([action for action in actions if isinstance(action, Ship)])
        takers = [each.peer if isinstance(each, Ship) else each.taker for each in actions]  # type: ignore[union-attr]
        actions = [action for taker in takers for action in made.complete(taker)]
    assert n_sent == n_direct
    assert rounds <= 5
