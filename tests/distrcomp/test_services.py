"""distrcomp.services: handlers that are called inside whatever call their node is in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from distrcomp import testing
from distrcomp.communicator import Communicator
from distrcomp.errors import NodeLost
from tests.distrcomp.kit import KINDS, Nodes, nodes


@pytest.fixture(params=KINDS)
def two(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    """Two linked nodes."""
    with nodes(2, request.param) as made:
        yield made


def test_all_serve_all() -> None:
    """Each message reaches the handler once, those of one sender in order, whoever sends them."""

    def act(world: Communicator) -> list[tuple[int, bytes]]:
        got: list[tuple[int, bytes]] = []
        mine = world.dup()
        mine.serve(lambda source, data: got.append((source, bytes(data))))
        for number in range(3):
            for node in range(world.n_node):
                mine.post_service(node, bytes([number]) * 3000)
        mine.await_service(lambda: len(got) == 3 * world.n_node)
        mine.free()
        return got

    for seed in range(10):
        for got in testing.run(act, n=3, seed=seed):
            for source in range(3):
                assert [bytes([number]) * 3000 for number in range(3)] == [
                    data for node, data in got if node == source
                ]


def test_what_came_before(two: Nodes) -> None:
    """What was sent before the handler was there is handed to it then."""
    got: list[int] = []
    two.worlds[0].post_service(1, b"early")
    two.worlds[1].serve(lambda _, data: got.append(len(data)))
    two.worlds[1].await_service(lambda: bool(got))
    assert [5] == got


def test_served_while_it_waits_for_something_else(two: Nodes) -> None:
    """A node in `recv` serves, and its handler may send."""
    one, other = two.worlds
    answered: list[bytes] = []
    one.serve(lambda _, data: answered.append(bytes(data)))
    other.serve(lambda source, data: other.post_service(source, bytes(data) + b"!"))
    waiting = two.start_and_wait(1, other.recv, 0, 3)
    one.post_service(1, b"there")
    one.await_service(lambda: bool(answered))
    assert [b"there!"] == answered
    one.send(1, "done", tag=3)
    assert waiting.result() == "done"


def test_a_node_that_ends(two: Nodes) -> None:
    """Who waits for its answer hears of its end."""
    two.worlds[0].serve(lambda *_: None)
    two.break_off(1, "it fell over")
    with pytest.raises(NodeLost, match="it fell over"):
        two.worlds[0].await_service(lambda: False, [1])
