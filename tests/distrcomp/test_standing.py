"""How a node stands when it is asked: it waits, or may act, and what is on its way to it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from distrcomp import limits
from distrcomp import notices as n
from distrcomp.mailbox import Receive
from distrcomp.requests import Request
from distrcomp.standing import _joins
from tests.distrcomp.kit import KINDS, TIMEOUT_S, Nodes, nodes
from tests.leaks import wait_until


class Heard:
    """Nodes that tell of their waits at once, and what they tell.

    Attributes:
        told: by node.
    """

    def __init__(self, made: Nodes) -> None:
        self.made = made
        self.told: list[list[Any]] = [[] for _ in made.engines]
        for engine, told in zip(made.engines, self.told, strict=True):
            engine.listen(told.append, "/folder")

    def wait_told(self, node: int, act: Any, *args: Any) -> tuple[Future[Any], int]:
        """Starts an act that waits, and returns once it is told of and sleeps; with its thread."""
        count = len(self.waits(node))
        threads: list[int] = []

        def run() -> Any:
            threads.append(threading.get_ident())
            return act(*args)

        future = self.made.start(run)
        wait_until(lambda: len(self.waits(node)) > count, TIMEOUT_S, "the wait being told of")
        wait_until(lambda: self.stands(node, threads[0]).is_waiting, TIMEOUT_S, "the wait")
        return future, threads[0]

    def waits(self, node: int) -> list[n.Waiting]:
        return [notice for notice in self.told[node] if isinstance(notice, n.Waiting)]

    def stands(self, node: int, *program: int) -> n.Standing:
        """How a node stands whose program has these threads."""
        ours = sys._current_frames().keys() - set(program)
        return self.made.engines[node].standing(7, ours)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Waits are told of at once; pytest's own timer, which would count, is stopped meanwhile."""
    monkeypatch.setattr(limits, "WAIT_TOLD_AFTER_S", 0.0)
    monkeypatch.setattr(limits, "COLLECTIVE_TOLD_AFTER_S", 0.0)
    timer = signal.setitimer(signal.ITIMER_REAL, 0)
    yield
    signal.setitimer(signal.ITIMER_REAL, *timer)


@pytest.fixture(params=KINDS)
def two(request: pytest.FixtureRequest) -> Iterator[Heard]:
    """Two nodes, over each kind of link."""
    with nodes(2, request.param) as made:
        yield Heard(made)


def test_a_receive(two: Heard) -> None:
    """It is told of, the node waits for its source, and goes on when the message comes."""
    receiving, thread = two.wait_told(0, two.made.receive, 0, 1, 5, None)
    (waiting,) = two.waits(0)
    assert ("recv(source=1, tag=5)", (1,), False) == (
        waiting.operation,
        waiting.sources,
        waiting.has_deadline,
    )
    standing = two.stands(0, thread)
    assert (7, True, (waiting.serial,), (1,), False) == standing[:5]
    assert ((), (), (), False, ()) == standing[6:]
    two.made.send(1, 0, "x", 5)
    assert "x" == receiving.result(TIMEOUT_S)
    assert n.Resumed(waiting.serial) == two.told[0][-1]
    assert n.Standing(7, False) == two.stands(0, thread)


def test_unread_messages_are_told(two: Heard) -> None:
    """What came from where, with which tag, how often and how long."""
    receiving, thread = two.wait_told(0, two.made.receive, 0, 1, 5, None)
    arrivals = two.stands(0, thread).arrivals
    for _ in range(2):
        two.made.send(1, 0, b"four", 6)
    wait_until(lambda: two.stands(0, thread).arrivals == arrivals + 2, TIMEOUT_S, "both")
    assert (n.Unread(0, 1, 6, 2, 8),) == two.stands(0, thread).unread
    two.made.send(1, 0, "x", 5)
    receiving.result(TIMEOUT_S)


def test_any_source(two: Heard) -> None:
    """Every node can wake it."""
    receiving, thread = two.wait_told(0, two.made.receive, 0, -1, 5, None)
    standing = two.stands(0, thread)
    assert (True, ()) == (standing.wakes_all, standing.wakers)
    two.made.send(1, 0, "x", 5)
    receiving.result(TIMEOUT_S)


def test_a_time_limit(two: Heard) -> None:
    """A node that will go on by itself doesn't wait."""
    receiving = two.made.start_and_wait(0, two.made.receive, 0, 1, 5, TIMEOUT_S)
    wait_until(lambda: two.waits(0), TIMEOUT_S, "the wait being told of")
    (waiting,) = two.waits(0)
    assert waiting.has_deadline
    assert n.Standing(7, False) == two.stands(0)
    two.made.send(1, 0, "x", 5)
    receiving.result(TIMEOUT_S)


def test_a_thread_that_does_something_else(two: Heard) -> None:
    """Every thread of the program has to wait."""
    receiving, thread = two.wait_told(0, two.made.receive, 0, 1, 5, None)
    assert not two.stands(0, thread, threading.get_ident()).is_waiting
    two.made.send(1, 0, "x", 5)
    receiving.result(TIMEOUT_S)


def test_a_timer(two: Heard) -> None:
    """What will ring may have the program act."""
    receiving, thread = two.wait_told(0, two.made.receive, 0, 1, 5, None)
    signal.setitimer(signal.ITIMER_REAL, 1000)
    try:
        assert not two.stands(0, thread).is_waiting
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert two.stands(0, thread).is_waiting
    two.made.send(1, 0, "x", 5)
    receiving.result(TIMEOUT_S)


def test_somebody_is_inside(two: Heard) -> None:
    """Who can't look in a short time takes the node for one that runs."""
    receiving, thread = two.wait_told(0, two.made.receive, 0, 1, 5, None)
    with two.made.engines[0].gate:
        assert n.Standing(7, False) == two.stands(0, thread)
    two.made.send(1, 0, "x", 5)
    receiving.result(TIMEOUT_S)


def test_ssend_and_its_match(two: Heard) -> None:
    """Out of the sender's hands but not received: it waits for the receiver."""
    sending, thread = two.wait_told(0, two.made.worlds[0].ssend, 1, "x")
    assert ("ssend(dest=1, tag=0)", (1,)) == two.waits(0)[0][1:2] + two.waits(0)[0][5:6]
    standing = two.stands(0, thread)
    assert (True, (1,)) == (standing.is_waiting, standing.wakers)
    two.made.receive(1, 0)
    sending.result(TIMEOUT_S)


def test_requests(two: Heard) -> None:
    """The first of several can be ended by each of their sources."""
    world = two.made.worlds[0]
    requests = [world.irecv(1), world.irecv(0)]
    waiting, thread = two.wait_told(0, Request.wait_any, requests)
    assert (0, 1) == two.stands(0, thread).wakers
    two.made.send(1, 0, "x")
    assert (0, "x") == waiting.result(TIMEOUT_S)


def test_a_collective_that_was_begun_makes_its_node_act(two: Heard) -> None:
    """Who waits for itself but has begun a barrier can be made to act by the others."""
    barrier = two.made.worlds[0].ibarrier()
    receiving, thread = two.wait_told(0, two.made.receive, 0, 0, 5, None)
    assert (0, 1) == two.stands(0, thread).wakers
    two.made.worlds[1].ibarrier().wait(TIMEOUT_S)
    two.made.send(0, 0, "x", 5)
    receiving.result(TIMEOUT_S)
    barrier.wait(TIMEOUT_S)


def test_bytes_on_their_way() -> None:
    """A sender on a socket knows what its receiver has not read; and that side sees it come."""
    with nodes(2) as made:
        heard = Heard(made)
        receiving, _ = heard.wait_told(0, made.receive, 0, 0, 5, None)
        with made.engines[0].gate:  # so nobody reads
            made.send(1, 0, "x")
            assert made.engines[0]._links[1].can_receive()
            sending, sender = heard.wait_told(1, made.receive, 1, 1, 5, None)
            assert (0,) == heard.stands(1, sender).unsent_to
        wait_until(lambda: heard.stands(1, sender).unsent_to == (), TIMEOUT_S, "its arrival")
        for node, act in ((0, receiving), (1, sending)):
            made.send(node, node, "x", 5)
            act.result(TIMEOUT_S)


def test_a_flood_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """From where too much lies unread nothing is read, so what stands there is on no way."""
    monkeypatch.setattr(limits, "UNREAD_BYTES", 1000)
    with nodes(3) as made:
        heard = Heard(made)
        receiving, thread = heard.wait_told(0, made.receive, 0, 2, 5, None)
        for _ in range(3):
            made.send(1, 0, bytes(5000))
        wait_until(lambda: (1,) == heard.stands(0, thread).held, TIMEOUT_S, "the flood")
        assert () == heard.stands(0, thread).unread_from
        made.send(2, 0, "x", 5)
        receiving.result(TIMEOUT_S)


def test_a_service_may_have_the_node_act() -> None:
    """Whoever may ask a service can have its node go on, whatever that waits for."""
    with nodes(3) as made:
        heard = Heard(made)
        made.communicators(4, (0, 2))[0].serve(lambda *_: None)
        made.engines[0].add_communicator(4, (0, 2))
        receiving, thread = heard.wait_told(0, made.receive, 0, 0, 5, None)
        stands = heard.stands(0, thread)
        assert ((0, 2), False) == (stands.wakers, stands.wakes_all)
        made.send(0, 0, "x", 5)
        receiving.result(TIMEOUT_S)


def test_a_link_being_made() -> None:
    """Who waits for a link will go on, whatever becomes of it."""
    with nodes(3, linked=False) as made:
        heard = Heard(made)
        receiving, thread = heard.wait_told(0, made.receive, 0, 0, 5, None)
        assert made.engines[0].expect(1)
        assert heard.stands(0, thread).is_linking
        made.engines[0].link_failed(1, "no")
        assert not heard.stands(0, thread).is_linking
        made.send(0, 0, "x", 5)
        receiving.result(TIMEOUT_S)


def test_an_end_that_is_not_settled() -> None:
    """Who has been told of an end and has not seen it on the link may still get a message."""
    with nodes(3) as made:
        heard = Heard(made)
        receiving, thread = heard.wait_told(0, made.receive, 0, 2, 5, None)
        made.engines[0].node_ended(1, "killed")
        assert heard.stands(0, thread).is_linking
        made.engines[1].close(in_order=False)
        wait_until(lambda: not heard.stands(0, thread).is_linking, TIMEOUT_S, "the end")
        made.send(2, 0, "x", 5)
        receiving.result(TIMEOUT_S)


def test_who_joins_a_waiting_thread() -> None:
    """A thread that waits for another one's end, without a time limit, is no reason to act."""
    end = threading.Event()
    target = threading.Thread(target=end.wait)
    target.start()
    joiners = [
        threading.Thread(target=target.join),
        threading.Thread(target=target.join, args=(1000,)),
        threading.Thread(target=end.wait),
    ]
    for joiner in joiners:
        joiner.start()

    def joined() -> list[bool]:
        frames = sys._current_frames()
        return [_joins(frames[joiner.ident]) for joiner in joiners]

    wait_until(lambda: joined() == [True, False, False], TIMEOUT_S, "the join")
    end.set()
    for joiner in (*joiners, target):
        joiner.join()


def test_when_waits_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a second; a collective's later, when mismatches are known; and else never."""
    monkeypatch.undo()
    with nodes(2) as made:
        engine = made.engines[0]
        assert engine.begin_wait(None).tell_at is None
        engine.listen(print, "/folder")
        for space, after_s in ((0, limits.WAIT_TOLD_AFTER_S), (1, limits.COLLECTIVE_TOLD_AFTER_S)):
            wait = engine.begin_wait(None, Receive(space, 1, 0))
            assert wait.tell_at == wait.since + after_s
    assert limits.COLLECTIVE_TOLD_AFTER_S > limits.COLLECTIVE_TELL_AFTER_S


def test_nobody_listens() -> None:
    """Without an agent nothing is told, and nothing registered."""
    with nodes(2) as made:
        receiving = made.start_and_wait(0, made.receive, 0, 1)
        assert {} == made.engines[0].waits.told
        made.send(1, 0, "x")
        receiving.result(TIMEOUT_S)
