"""distrcomp.engine: messages between engines of one process, a thread acting for each."""

from __future__ import annotations

import math
import os
import random
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from distrcomp import limits
from distrcomp.errors import RecvTimeout, Unpicklable, WorldClosed
from distrcomp.limits import MIB
from tests.distrcomp.kit import KINDS, TIMEOUT_S, Nodes, nodes, outcome


@pytest.fixture(params=KINDS)
def three(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    """Three linked nodes."""
    with nodes(3, request.param) as made:
        yield made


# --- sending and receiving ---


def test_object(two: Nodes) -> None:
    """What one sends the other receives."""
    two.send(0, 1, {"any": ["object", np.arange(3)]})
    assert repr(two.receive(1, 0)) == repr({"any": ["object", np.arange(3)]})


def test_any_source_and_tag(three: Nodes) -> None:
    """A receive takes from whom and with which tag it says; ANY takes all."""
    three.send(1, 0, "from 1", 7)
    three.send(2, 0, "from 2", 8)
    assert three.receive(0, 2) == "from 2"
    assert three.receive(0, -1, 7) == "from 1"


def test_order_across_sizes(two: Nodes) -> None:
    """Small and large messages of one tag arrive in the order in which they were sent."""
    chance = random.Random(3)
    sizes = [chance.choice([0, 1, 10_000, 300_000, 2 * MIB]) for _ in range(60)]

    def send_all() -> None:
        for number, size in enumerate(sizes):
            two.send(0, 1, (number, bytes(size)))

    sending = two.start(send_all)
    receiving = two.start(lambda: [two.receive(1, 0) for _ in sizes])
    two.flush_leftovers(receiving.done)
    sending.result(TIMEOUT_S)
    came = receiving.result()
    assert [(number, len(data)) for number, data in came] == list(enumerate(sizes))


@pytest.mark.parametrize("budget", [1_000, 64 * MIB])
def test_both_send_at_once(two: Nodes, monkeypatch: pytest.MonkeyPatch, budget: int) -> None:
    """Two nodes that send each other much more than any buffer both finish (F-25)."""
    monkeypatch.setattr(limits, "SEND_BUFFER_BYTES", budget)
    data = np.arange(10 * MIB)  # 80 MiB

    def exchange(node: int) -> bool:
        two.send(node, 1 - node, data + node)
        came = two.receive(node, 1 - node)
        return bool((came == data + 1 - node).all())

    acts = [two.start(exchange, node) for node in (0, 1)]
    two.flush_leftovers(lambda: all(act.done() for act in acts))
    assert outcome(acts) == [True, True]


def test_many_both_ways_before_any_is_received(
    three: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ring of nodes that all send more than every bound, before they receive, finishes (F-25)."""
    monkeypatch.setattr(limits, "SEND_BUFFER_BYTES", MIB)
    monkeypatch.setattr(limits, "UNREAD_BYTES", MIB)
    array = np.arange(MIB)  # 8 MiB

    def go_round(node: int) -> int:
        for number in range(6):
            three.send(node, (node + 1) % 3, array + number)
        came = [three.receive(node, (node - 1) % 3) for _ in range(6)]
        return sum((each == array + number).all() for number, each in enumerate(came))

    acts = [three.start(go_round, node) for node in range(3)]
    three.flush_leftovers(lambda: all(act.done() for act in acts))
    assert outcome(acts) == [6, 6, 6]


def test_send_returns_before_it_is_received(two: Nodes) -> None:
    """Within the budget `send` keeps the rest, and the object may be changed; others write it."""
    array = np.zeros(2 * MIB)
    two.send(0, 1, array)
    assert set(two.woken) == {0}
    assert len(two.engines[0].leftovers()) == 1
    array[:] = 1.0
    receiving = two.start(two.receive, 1, 0)
    two.flush_leftovers(lambda: not two.engines[0].leftovers())
    assert not receiving.result(TIMEOUT_S).any()


def test_leftovers_go_by_any_call(two: Nodes) -> None:
    """A waiting call of the program writes what an earlier one left."""
    two.send(0, 1, np.zeros(2 * MIB))
    waiting = two.start(two.receive, 0, 1)
    assert two.receive(1, 0).nbytes == 16 * MIB
    two.send(1, 0, "thanks")
    assert waiting.result(TIMEOUT_S) == "thanks"
    assert two.engines[0].leftovers() == []


def test_send_beyond_the_budget_waits(two: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the budget `send` waits until the receiver has taken enough (F-25)."""
    monkeypatch.setattr(limits, "SEND_BUFFER_BYTES", 1_000)
    sending = two.start_and_wait(0, two.send, 0, 1, np.zeros(2 * MIB))
    assert not sending.done()
    receiving = two.start(two.receive, 1, 0)
    two.flush_leftovers(receiving.done)
    assert receiving.result().nbytes == 16 * MIB
    sending.result(TIMEOUT_S)


def test_to_oneself() -> None:
    """Sending to oneself works, in order, and what arrives is another object."""
    with nodes(1) as one:
        array = np.arange(3)
        one.send(0, 0, array)
        one.send(0, 0, [array])
        array[:] = 9
        assert one.receive(0, 0).tolist() == [0, 1, 2]
        arrived = one.receive(0, -1)[0]
        arrived[0] = 5
        assert (arrived.tolist(), array.tolist()) == ([5, 1, 2], [9, 9, 9])


def test_to_oneself_wakes_the_other_thread() -> None:
    """A thread that sleeps in a receive gets what another thread of its node sends."""
    with nodes(1) as one:
        receiving = one.start_and_wait(0, one.receive, 0, 0)
        one.send(0, 0, "wake up")
        assert receiving.result(TIMEOUT_S) == "wake up"


def test_unpicklable_sends_nothing(two: Nodes) -> None:
    """An object that can't travel is the sender's error, and the next message arrives (F-28)."""
    with pytest.raises(Unpicklable):
        two.send(0, 1, threading.Lock())
    two.send(0, 1, "next")
    assert two.receive(1, 0) == "next"


# --- time limits ---


@pytest.mark.parametrize("timeout", [0, 0.0, 0.01])
def test_timeout(two: Nodes, timeout: float) -> None:
    """Nothing in time: the error tells what was awaited and what lies unread."""
    two.send(0, 1, "other", 8)
    text = (
        f"recv from node 0 with tag 7: nothing came in {timeout:g} s; "
        "unread: 1 from node 0 with tag 8"
    )
    with pytest.raises(RecvTimeout, match=f"^{re.escape(text)}$"):
        two.receive(1, 0, 7, timeout)
    with pytest.raises(RecvTimeout, match=r"^recv from any node .*; no other message"):
        two.receive(0, timeout=timeout)
    assert two.receive(1, 0) == "other"


def test_timeout_of_zero_takes_what_is_there(two: Nodes) -> None:
    """A time limit of 0 still looks at what the links hold, behind whatever it lies."""
    two.send(0, 1, "there")
    assert two.receive(1, 0, timeout=0) == "there"
    for tag in range(100):
        two.send(0, 1, bytes(300), tag)
    assert two.worlds[1].iprobe(0, 99) is not None
    for tag in range(100, 200):
        two.send(0, 1, bytes(300), tag)
    assert len(two.receive(1, 0, 199, timeout=0)) == 300


@pytest.mark.parametrize("timeout", [1e300, math.inf, 1e9])
def test_huge_timeout(two: Nodes, timeout: float) -> None:
    """Any time limit is legal, also one that no system call takes."""
    waiting = two.start_and_wait(1, lambda: two.receive(1, 0, timeout=timeout))
    two.send(0, 1, "late")
    assert waiting.result(TIMEOUT_S) == "late"


def test_timed_out_receive_takes_nothing_later(two: Nodes) -> None:
    """A receive that gave up doesn't swallow the message that comes after."""
    with pytest.raises(RecvTimeout):
        two.receive(1, 0, timeout=0)
    two.send(0, 1, "late")
    assert two.receive(1, 0) == "late"


# --- several threads ---


def test_threads_of_one_node(two: Nodes) -> None:
    """Many threads of both nodes send and receive at once: each message once, in order (F-09)."""
    n_thread, n_message = 4, 150

    def send_all(node: int, tag: int) -> None:
        chance = random.Random(tag)
        for number in range(n_message):
            two.send(node, 1 - node, (number, bytes(chance.choice([0, 100, 50_000]))), tag)

    def receive_all(node: int, tag: int) -> list[int]:
        return [two.receive(node, 1 - node, tag)[0] for _ in range(n_message)]

    acts = [
        two.start(act, node, tag)
        for tag in range(n_thread)
        for node in (0, 1)
        for act in (send_all, receive_all)
    ]
    two.flush_leftovers(lambda: all(act.done() for act in acts))
    results = [act.result() for act in acts]
    assert [result for result in results if result] == [list(range(n_message))] * n_thread * 2


def test_threads_with_any_source(three: Nodes) -> None:
    """Threads that take from anyone share the messages: none is lost, none comes twice."""

    def receive_some() -> list[tuple[int, int]]:
        return [three.receive(0) for _ in range(100)]

    receivers = [three.start(receive_some) for _ in range(4)]
    for number in range(200):
        for node in (1, 2):
            three.send(node, 0, (node, number))
    three.flush_leftovers(lambda: all(receiver.done() for receiver in receivers))
    came = sorted(item for receiver in receivers for item in receiver.result(TIMEOUT_S))
    assert came == sorted((node, number) for node in (1, 2) for number in range(200))


def test_timeouts_beside_a_waiting_thread(two: Nodes) -> None:
    """A time limit holds also for a thread that lets another one poll."""
    waiting = two.start_and_wait(1, two.receive, 1, 0, 1)
    with pytest.raises(RecvTimeout):
        two.receive(1, 0, 2, 0.01)
    two.send(0, 1, "for the first", 1)
    assert waiting.result(TIMEOUT_S) == "for the first"


def test_probe_wakes_by_what_another_thread_takes_in(two: Nodes) -> None:
    """A thread that probes hears of a message that another thread's call has read from the link."""
    world = two.worlds[1]
    probing = two.start_and_wait(1, world.probe, 0, 7)
    two.send(0, 1, "for the probe", 7)
    two.send(0, 1, "for the thread", 8)
    assert two.receive(1, 0, 8) == "for the thread"
    assert probing.result(TIMEOUT_S).tag == 7
    assert two.receive(1, 0, 7) == "for the probe"


def test_probe_wakes_by_what_is_sent_to_oneself() -> None:
    """A thread that probes hears of what another thread of its node sends to it."""
    with nodes(1) as one:
        probing = one.start_and_wait(0, one.worlds[0].probe)
        one.send(0, 0, "x", 3)
        assert probing.result(TIMEOUT_S).tag == 3


def test_ssend_to_oneself_wakes_by_the_other_thread() -> None:
    """A thread that waits for the match of what it sent to its own node hears of it."""
    with nodes(1) as one:
        sending = one.start_and_wait(0, one.worlds[0].ssend, 0, "x")
        assert one.receive(0, 0) == "x"
        assert sending.result(TIMEOUT_S) is None


# --- closing ---


def test_close_delivers_everything(two: Nodes) -> None:
    """What was sent before an orderly close arrives, however long the receiver takes (F-09)."""
    for number in range(10):
        two.send(0, 1, (number, bytes(MIB)))
    closing = two.start_and_wait(0, two.engines[0].close, True)
    came = [two.receive(1, 0) for _ in range(10)]
    closing.result(TIMEOUT_S)
    assert [number for number, _ in came] == list(range(10))


def test_close_waits_for_a_slow_receiver(two: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound on acknowledgements doesn't cut off what the receiver has yet to read."""
    monkeypatch.setattr(limits, "DRAIN_TIMEOUT_S", 0.0)
    two.send(0, 1, np.zeros(MIB))
    closing = two.start_and_wait(0, two.engines[0].close, True)
    assert not closing.done()
    assert two.receive(1, 0).nbytes == 8 * MIB
    closing.result(TIMEOUT_S)


def test_both_close_with_much_to_say(two: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two nodes that close at once, each with queued bytes for the other, both finish."""
    monkeypatch.setattr(limits, "UNREAD_BYTES", 1_000)
    for node in (0, 1):
        two.send(node, 1 - node, bytes(4 * MIB))
        two.send(node, 1 - node, bytes(4 * MIB))
    outcome([two.start(engine.close, True) for engine in two.engines])


@pytest.mark.parametrize("in_order", [True, False])
def test_calls_after_close(two: Nodes, in_order: bool) -> None:
    """After the close every call says so; closing again does nothing (F-09)."""
    two.engines[0].close(in_order)
    two.engines[0].close(in_order)
    world = two.worlds[0]
    acts: list[Callable[[], Any]] = [
        lambda: world.send(1, "x"),
        lambda: world.send(0, "x"),
        lambda: world.ssend(1, "x"),
        lambda: world.isend(1, "x"),
        lambda: world.recv(),
        lambda: world.recv(1),
        lambda: world.irecv(1),
        lambda: world.sendrecv(1, "x"),
        lambda: world.probe(),
        lambda: world.iprobe(),
        lambda: world.mprobe(),
        lambda: world.improbe(),
    ]
    for act in acts:
        with pytest.raises(WorldClosed, match="this node has closed its connection"):
            act()
    assert two.engines[0].leftovers() == []
    two.engines[0].flush_leftovers()
    two.engines[0].abort(1, "late news")
    two.engines[0].node_ended(1, "late news")


def test_close_ends_the_waits_of_other_threads(two: Nodes) -> None:
    """Threads that wait when another one closes meet WorldClosed."""
    waiting = [two.start_and_wait(0, two.receive, 0, 1) for _ in range(3)]
    two.engines[0].close(in_order=True)
    assert [type(each.exception(TIMEOUT_S)) for each in waiting] == [WorldClosed] * 3


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_disowned_after_fork(two: Nodes) -> None:
    """A forked child is outside, whatever threads of the parent did; the parent goes on."""
    engine = two.engines[0]
    waiting = two.start_and_wait(0, two.receive, 0, 1)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            engine.disown(WorldClosed("outside"))
            two.send(0, 1, "from the child")
        except WorldClosed as error:
            os.write(writer, str(error).encode())
            engine.close(in_order=True)
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with open(reader, "rb") as told:  # noqa: PTH123  a descriptor
        assert told.read() == b"outside"
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    two.send(1, 0, "still here")
    assert waiting.result(TIMEOUT_S) == "still here"
    two.send(0, 1, "me too")
    assert two.receive(1, 0) == "me too"
