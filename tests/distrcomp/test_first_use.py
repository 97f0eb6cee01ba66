"""Links inside a machine: made by the first of two nodes that uses one, and found by the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from distrcomp import limits
from distrcomp.errors import NodeLost
from tests.distrcomp.kit import MEMORY, Nodes, loss, nodes


@pytest.fixture
def three() -> Iterator[Nodes]:
    """Three nodes of one machine that have sent nothing so far."""
    with nodes(3, MEMORY, linked=False) as made:
        yield made


def linked(made: Nodes) -> list[list[int]]:
    """To whom each node has a link."""
    return [sorted(engine._links) for engine in made.engines]


def test_only_links_that_are_used(three: Nodes) -> None:
    """A link is made by its first message, and at its other end when somebody looks."""
    assert [[], [], []] == linked(three)
    three.send(0, 2, "first")
    assert [[2], [], []] == linked(three)
    assert "first" == three.receive(2, 0)
    assert [[2], [], [0]] == linked(three)


def test_the_short_ways_learn_of_a_link(three: Nodes) -> None:
    """Those of communicators that were there before, and of those that are made later."""
    before = three.communicators(400, (0, 1))[0]
    three.send(0, 1, "x")
    later = three.communicators(404, (1, 0))[0]
    assert ([1], [0]) == (list(before._writers), list(later._writers))
    assert [1] == list(three.worlds[0]._readers)


def test_no_short_way_after_the_end(three: Nodes) -> None:
    """A link that comes when the run has failed opens none."""
    three.send(1, 0, "x")
    three.engines[0].abort(2, "boom")
    three.engines[0].node_ended(2, "boom")
    assert ([1], []) == (list(three.engines[0]._links), list(three.worlds[0]._readers))


def test_a_first_message_among_many(three: Nodes) -> None:
    """Who receives from any is soon told of one that was silent, however much another one sends."""
    three.send(1, 0, "first of 1")
    assert "first of 1" == three.receive(0)
    for _ in range(100):
        three.send(1, 0, "1")
    three.send(2, 0, "first of 2")
    assert "first of 2" in [three.receive(0) for _ in range(4)]


def test_sent_before_the_end_was_told(three: Nodes) -> None:
    """A first message arrives though the news of its sender's death is quicker."""
    three.send(1, 0, "last words")
    three.break_off(1, "killed")
    assert "last words" == three.receive(0, 1)
    assert "killed" in loss(lambda: three.receive(0, 1))


def test_one_who_never_sent_has_left(three: Nodes) -> None:
    """Who waits for it hears that it has finished, and who has heard of it can't send to it.

    Who has not looked so far can: what it sends is unread there, as on a link of some age.
    """
    waiting = three.start_and_wait(0, loss, lambda: three.receive(0, 1))
    three.engines[1].close(in_order=True)
    assert "it has finished" in waiting.result()
    assert "it has finished" in loss(lambda: three.send(0, 1, "too late"))
    three.send(2, 1, "too late, too")
    assert [[], [], [1]] == linked(three)
    assert "it has finished" in loss(lambda: three.receive(2, 1))
    assert [[], [], []] == linked(three)


def test_a_first_message_to_one_who_has_left_counts(
    three: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has left hears the others out, those included that were silent so far."""
    monkeypatch.setattr(limits, "HEAR_OUT_S", 1000.0)
    ending = three.start_and_wait(1, three.engines[1].close, True, True)
    three.send(0, 1, b"late", 3)
    three.engines[0].close(in_order=True)
    three.engines[2].close(in_order=True)
    assert ending.result()
    (left,) = three.engines[1].account(lambda _: False).unreceived
    assert (0, 3, 1, 4) == (left.source, left.tag, left.n_message, left.nbytes)


def test_a_scribbler_is_lost(three: Nodes) -> None:
    """A node that writes what is no greeting is lost, and says no more; the others go on."""
    three.engines[1]._progress.neighbours.greetings._memory[1] = 77  # type: ignore[union-attr]
    with pytest.raises(NodeLost, match="it greets by 77, which is no greeting"):
        three.receive(0, 1)
    three.send(2, 0, "fine")
    assert "fine" == three.receive(0, 2)
