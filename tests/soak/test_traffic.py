"""The soak's messages: all follow from the seed, and what is wrong with them is seen."""

from __future__ import annotations

from typing import Any

import pytest

from distrcomp.testing import run
from tests.soak.traffic import Ledger, Post, Traffic, Wrong, expected, posts, rounds, strays

POST = Post(1, 200, False, "send")


def test_the_seed_decides() -> None:
    """The same seed gives the same messages, and others differ."""
    assert [rounds(3), strays(3, 5)] == [rounds(3), strays(3, 5)]
    assert 1 < len({str(rounds(seed)) for seed in range(20)})
    assert posts(3, 1, "mail", (0, 1), 4) == posts(3, 1, "mail", (0, 1), 4)
    assert 1 < len({str(posts(seed, 1, "mail", (0, 1), 4)) for seed in range(20)})


def test_each_style_has_its_messages() -> None:
    """A ring has one for each node, to the next one; a large one goes to somebody else."""
    pairs = [(source, dest) for source in range(3) for dest in range(3) if source != dest]
    ring = {pair for pair in pairs if posts(1, 1, "ring", pair, 3)}
    assert {(0, 1), (1, 2), (2, 0)} == ring
    assert 3 == sum(len(posts(1, 1, "large", pair, 3)) for pair in pairs)
    assert 0 == sum(len(posts(1, 1, "collectives", pair, 3)) for pair in pairs)


@pytest.mark.parametrize("is_array", [False, True])
def test_what_came_right_is_counted(is_array: bool) -> None:
    """Numbers count for each node and tag."""
    sender, receiver = Ledger(), Ledger()
    for post in (POST, POST._replace(tag=2), POST):
        receiver.check(0, post.tag, sender.wrap(1, post._replace(is_array=is_array)))
    assert (3, 3, 600) == (sender.begun[1], receiver.received[0], receiver.nbytes)


def test_what_came_wrong_is_seen() -> None:
    """The canary: a message lost, one that comes twice, a changed byte."""
    sender, receiver = Ledger(), Ledger()
    first, second, third = (sender.wrap(1, POST) for _ in range(3))
    receiver.check(0, 1, first)
    for value, why in (
        (third, "message 2 from 0, tag 1, instead of 1"),
        (first, "message 0 from 0, tag 1, instead of 1"),
        ((second[0], second[1], b"x" + second[2][1:]), "has changed on its way"),
    ):
        with pytest.raises(Wrong, match=why):
            receiver.check(0, 1, value)
    receiver.check(0, 1, second)


@pytest.mark.parametrize("seed", range(6))
def test_all_is_received(seed: int) -> None:
    """Simulated nodes end all rounds, and have received what was expected."""

    def program(world: Any) -> Traffic:
        traffic = Traffic(world, seed)
        traffic.run()
        return traffic

    results = run(program, n=3, seed=seed)
    received = {
        (source, node): count
        for node, traffic in enumerate(results)
        for source, count in traffic.ledger.received.items()
    }
    assert expected(seed, 3) == received
