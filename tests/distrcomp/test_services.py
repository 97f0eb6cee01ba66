"""distrcomp.services: handlers that are called inside whatever call their node is in."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from distrcomp import limits, testing
from distrcomp.communicator import Communicator
from distrcomp.errors import NodeLost
from distrcomp.fast_path import patience
from distrcomp.groups import _Freed
from tests.distrcomp.kit import (
    KINDS,
    MEMORY,
    STREAM,
    TIMEOUT_S,
    Nodes,
    ctrl_c,
    handler,
    nodes,
    outcome,
)
from tests.leaks import wait_until


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


@pytest.mark.parametrize("waits", ["recv", "look"])
def test_ctrl_c_ends_no_handler(two: Nodes, waits: str) -> None:
    """A signal that comes while a handler runs ends the call around it, when that is done."""
    one, other = two.worlds
    answers: list[bytes] = []

    def answer(source: int, data: memoryview) -> None:
        if bytes(data) == b"first":
            signal.raise_signal(signal.SIGINT)
        other.post_service(source, bytes(data) + b"!")

    one.serve(lambda _, data: answers.append(bytes(data)))
    other.serve(answer)
    for data in (b"first", b"second"):
        one.post_service(1, data)
    with handler(signal.SIGINT, ctrl_c(two.engines[1])), pytest.raises(KeyboardInterrupt):
        other.recv(0) if waits == "recv" else other.await_service(lambda: False)
    other.iprobe()
    one.await_service(lambda: len(answers) == 2)
    assert [b"first!", b"second!"] == answers
    one.send(1, "still there")
    assert "still there" == other.recv(0)


def test_plain_messages_keep_the_short_way() -> None:
    """They do what they did before; some few receives look at everything."""
    with nodes(2, MEMORY) as two:
        two.warm_up()
        two.worlds[1].serve(lambda *_: None)
        calls = 0
        receive = two.engines[1].receive

        def count(*args: Any) -> Any:
            nonlocal calls
            calls += 1
            return receive(*args)

        two.engines[1].receive = count  # type: ignore[method-assign]
        for number in range(20_000):
            two.send(0, 1, (number, "x"))
            assert (number, "x") == two.worlds[1].recv(0)
        assert 20 < calls < 400


@pytest.mark.parametrize(("kind", "count"), [(MEMORY, 2_000), (STREAM, 200)])
def test_who_receives_the_short_way_serves(kind: str, count: int) -> None:
    """A node that finds all its messages there already does meanwhile what others ask for."""
    with nodes(3, kind) as three:
        got: list[int] = []
        three.worlds[2].serve(lambda source, _: got.append(source))
        for number in range(count):
            three.send(1, 2, (number, "x"))
        three.worlds[0].post_service(2, b"please")
        received = 0
        while not got:
            assert (received, "x") == three.worlds[2].recv(1)
            received += 1
        assert [0] == got
        assert received < 0.75 * count


def test_the_bound_holds_for_who_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood is read on only where something may stand behind it that is asked of a service."""
    monkeypatch.setattr(limits, "UNREAD_BYTES", 10_000)
    with nodes(3, MEMORY) as three, three.control_threads():
        part = three.communicators(4, (0, 2))
        part[0].serve(lambda *_: None)
        waiting = three.start_and_wait(0, three.receive, 0, 0)
        for node in (1, 2):
            for _ in range(100):
                three.send(node, 0, bytes(1_000))
        mailbox = three.engines[0].mailbox
        wait_until(lambda: mailbox.unmatched(0).get((2, 0)) == 100, TIMEOUT_S, "all of node 2")
        wait_until(lambda: three.sleeps(0), TIMEOUT_S, "the wait")
        assert mailbox.unmatched(0)[1, 0] < 100
        three.send(0, 0, "from itself")
        assert "from itself" == waiting.result(TIMEOUT_S)


def test_a_service_ends_with_its_communicator(two: Nodes) -> None:
    """What was served is no more, and nothing of it is left."""

    def act(world: Communicator) -> None:
        ended = []
        for _ in range(3):
            made = world.dup()
            made.serve(lambda *_: None)
            assert world._engine.is_serving
            assert len(world._yields) < len(patience(spins=False)[1])
            made.free()
            ended.append(made)  # that it still is somewhere stands in nobody's way

    outcome([two.start(act, world) for world in two.worlds])
    for engine in two.engines:
        assert {} == engine.mailbox.services
        assert not engine.is_serving
    assert patience(spins=False)[1] == two.worlds[0]._yields


def test_what_comes_to_a_freed_one(two: Nodes) -> None:
    """What a service has got and not handled when its communicator is freed ends no call."""
    made = outcome([two.start(world.dup) for world in two.worlds])
    got: list[int] = []
    made[1].serve(lambda _, data: got.append(len(data)))
    made[0].post_service(1, b"late")
    engine = two.engines[1]
    with engine.gate:
        while not engine._progress.due:
            engine._progress.wait(None)
    made[1]._engine = _Freed()
    two.send(0, 1, "aside")
    assert "aside" == two.receive(1)
    two.worlds[1].iprobe()
    assert [] == got


def test_a_node_that_ends(two: Nodes) -> None:
    """Who waits for its answer hears of its end."""
    two.worlds[0].serve(lambda *_: None)
    two.break_off(1, "it fell over")
    with pytest.raises(NodeLost, match="it fell over"):
        two.worlds[0].await_service(lambda: False, [1])
