"""distrcomp.engine: links that come late or never, ends of nodes, Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from distrcomp import limits
from distrcomp.engine import Engine
from distrcomp.errors import LinkFailed, NodeLost
from distrcomp.frames import WireMessage, goodbye, message_parts
from distrcomp.limits import MIB
from distrcomp.links import StreamLink
from tests.distrcomp.kit import TIMEOUT_S, Nodes, nodes
from tests.leaks import wait_until


@pytest.fixture
def two() -> Iterator[Nodes]:
    """Two linked nodes."""
    with nodes(2) as made:
        yield made


@pytest.fixture
def apart() -> Iterator[Nodes]:
    """Three nodes without links."""
    with nodes(3, linked=False) as made:
        yield made


@pytest.fixture
def quick_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the launcher's word."""
    monkeypatch.setattr(limits, "VERDICT_WAIT_S", 0.0)


def loss(act: Callable[[], Any] | Future[Any]) -> str:
    """How the act says that a node is lost."""
    with pytest.raises(NodeLost) as caught:
        act.result(TIMEOUT_S) if isinstance(act, Future) else act()
    return str(caught.value)


# --- links that come late ---


def test_link_is_asked_for_once(apart: Nodes) -> None:
    """The first call that needs a link asks for it; calls of other threads wait with it."""
    sending = [apart.start_and_wait(0, apart.send, 0, 1, number, number) for number in range(3)]
    wait_until(lambda: apart.wanted, TIMEOUT_S, "the wish")
    apart.link(0, 1)
    for each in sending:
        each.result(TIMEOUT_S)
    assert [apart.receive(1, 0, number) for number in range(3)] == [0, 1, 2]
    assert apart.wanted == [(0, 1)]


def test_link_that_is_expected(apart: Nodes) -> None:
    """While a handshake goes on nobody asks for another link."""
    assert apart.engines[0].expect(1) is True
    assert apart.engines[0].expect(1) is False
    sending = apart.start_and_wait(0, apart.send, 0, 1, "x")
    apart.link(0, 1)
    sending.result(TIMEOUT_S)
    assert apart.engines[0].expect(1) is False
    assert apart.wanted == []


def test_second_link_never_displaces_the_first(two: Nodes) -> None:
    """A second connection to a linked node is closed, and the first one goes on (S-27)."""
    ours, theirs = socket.socketpair()
    assert two.engines[0].attach(1, StreamLink(theirs)) is False
    with ours:
        assert ours.recv(1) == b""
    two.send(1, 0, "by the first")
    assert two.receive(0, 1) == "by the first"


@pytest.mark.parametrize("ending", ["lost", "closed"])
def test_link_to_what_is_over(apart: Nodes, ending: str) -> None:
    """A link that comes after the end of either node is closed (F-12)."""
    engine = apart.engines[0]
    if ending == "lost":
        engine.node_ended(1, "it was killed")
    else:
        engine.close(in_order=True)
        assert engine.expect(1) is False
    ours, theirs = socket.socketpair()
    assert engine.attach(1, StreamLink(theirs)) is False
    with ours:
        assert ours.recv(1) == b""


def test_link_failed(apart: Nodes) -> None:
    """The call that wants the link raises LinkFailed with the reason; the next one asks anew."""
    for count in (1, 2):
        sending = apart.start_and_wait(0, apart.send, 0, 1, "x")
        apart.engines[0].link_failed(1, "no route")
        with pytest.raises(LinkFailed, match="no route"):
            sending.result(TIMEOUT_S)
        assert apart.wanted == [(0, 1)] * count


def test_link_failed_that_nobody_wants(apart: Nodes) -> None:
    """A failure that concerns no call is no later call's failure."""
    assert apart.engines[0].expect(1)
    apart.engines[0].link_failed(1, "no route")
    sending = apart.start_and_wait(0, apart.send, 0, 1, "x")
    apart.link(0, 1)
    sending.result(TIMEOUT_S)
    assert apart.receive(1, 0) == "x"


def test_link_failed_of_a_dead_node(apart: Nodes) -> None:
    """Where the launcher has told the node's end, that is the reason and not the handshake's."""
    assert apart.engines[0].expect(1)
    sending = apart.start_and_wait(0, apart.send, 0, 1, "x")
    apart.engines[0].node_ended(1, "it was killed")
    apart.engines[0].link_failed(1, "connection reset")
    assert loss(sending) == "node 1 on h1 is gone: it was killed"


# --- ends ---


@pytest.mark.parametrize("source", [1, -1])
def test_finished_node(two: Nodes, source: int) -> None:
    """All that a node sent before it finished is received, then waiting for it raises (F-09)."""
    two.send(1, 0, "last words")
    two.engines[1].close(in_order=True)
    assert two.receive(0, source) == "last words"
    text = "node 1 on h1 is gone: it has finished and sends no more"
    assert loss(lambda: two.receive(0, source)) == text
    assert loss(lambda: two.send(0, 1, "x")) == text


def test_unread_message_of_a_finished_node(two: Nodes) -> None:
    """What lies unread can be received after its sender's end."""
    two.send(1, 0, "first", 1)
    two.send(1, 0, "second", 2)
    two.engines[1].close(in_order=True)
    assert loss(lambda: two.receive(0, 1, 3)).endswith("it has finished and sends no more")
    assert (two.receive(0, 1, 2), two.receive(0, 1, 1)) == ("second", "first")


def test_any_source_waits_while_one_lives() -> None:
    """Waiting for anyone ends with the last of the others."""
    with nodes(3) as three:
        three.engines[1].close(in_order=True)
        three.send(2, 0, "still here")
        assert three.receive(0) == "still here"
        three.engines[2].close(in_order=True)
        assert "it has finished" in loss(lambda: three.receive(0))


@pytest.mark.usefixtures("quick_verdict")
def test_broken_link(two: Nodes) -> None:
    """A link that ends without goodbye loses its node (F-01)."""
    waiting = two.start_and_wait(0, two.receive, 0, 1)
    two.engines[1].close(in_order=False)
    assert loss(waiting) == "node 1 on h1 is gone: its connection closed"
    assert loss(lambda: two.send(0, 1, "x")) == "node 1 on h1 is gone: its connection closed"


def test_broken_link_before_its_verdict(two: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call waits for the launcher's word, which is the reason (F-07)."""
    monkeypatch.setattr(limits, "VERDICT_WAIT_S", TIMEOUT_S)
    waiting = two.start_and_wait(0, two.receive, 0, 1)
    two.engines[1].close(in_order=False)
    broken = two.engines[0]._fates.is_broken
    wait_until(lambda: broken(1) and two.sleeps(0), TIMEOUT_S, "the break")
    two.engines[0].node_ended(1, "it was killed by signal 9")
    assert loss(waiting) == "node 1 on h1 is gone: it was killed by signal 9"


def test_broken_link_after_its_verdict(two: Nodes) -> None:
    """The launcher's word may come first: what the link holds is still delivered."""
    two.send(1, 0, "last words")
    two.engines[0].node_ended(1, "exit code 3")
    two.engines[1].close(in_order=False)
    assert two.receive(0, 1) == "last words"
    assert loss(lambda: two.receive(0, 1)) == "node 1 on h1 is gone: exit code 3"


@pytest.mark.usefixtures("quick_verdict")
def test_end_inside_a_message(apart: Nodes) -> None:
    """A message that is cut is not delivered (F-13)."""
    parts = message_parts(WireMessage(0, 0, 1, b"x" * 100, []))
    with apart.link_to_test(0, 1) as other:
        other.sendall(parts[0][:-1])
    assert loss(lambda: apart.receive(0, 1)).endswith("its connection ended inside a message")


def test_garbage(apart: Nodes) -> None:
    """A node that sends no messages is lost, at once and for that reason."""
    with apart.link_to_test(0, 1) as other:
        other.sendall(b"GET / HTTP/1.1\r\nHost: there\r\n\r\n")
        assert "it sent what is no message" in loss(lambda: apart.receive(0, 1))


@pytest.mark.usefixtures("quick_verdict")
def test_who_only_sends_learns_it(two: Nodes) -> None:
    """A node that only sends meets the end of its receiver, after a bounded number of calls."""

    def send_on() -> None:
        for _ in range(1_000):
            two.send(0, 1, bytes(1000))

    two.engines[1].close(in_order=False)
    assert "node 1 on h1 is gone: its connection" in loss(send_on)


@pytest.mark.usefixtures("quick_verdict")
def test_who_has_left_bytes_queued_learns_the_end(two: Nodes) -> None:
    """The same where earlier sends have left bytes for a receiver that was busy."""

    def send_on() -> None:
        for _ in range(1_000):
            two.send(0, 1, bytes(1000))

    two.send(0, 1, bytes(5_000_000))
    two.engines[1].close(in_order=False)
    assert "node 1 on h1 is gone: its connection" in loss(send_on)


def test_who_only_sends_learns_a_clean_end(apart: Nodes) -> None:
    """The same after a goodbye."""

    def send_on() -> None:
        for _ in range(1_000):
            apart.send(0, 1, bytes(1000))

    with apart.link_to_test(0, 1) as other:
        other.sendall(goodbye())
    assert loss(send_on) == "node 1 on h1 is gone: it has finished and sends no more"


@pytest.mark.usefixtures("quick_verdict")
def test_receiver_dies_in_a_large_send(two: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A send that waits for room ends with its receiver."""
    monkeypatch.setattr(limits, "SEND_BUFFER_BYTES", 1_000)
    sending = two.start_and_wait(0, two.send, 0, 1, bytes(8 * MIB))
    two.engines[1].close(in_order=False)
    assert "node 1 on h1 is gone: its connection" in loss(sending)


def test_node_that_was_never_linked(apart: Nodes) -> None:
    """The launcher's word alone ends the waits for a node without a link."""
    receiving = apart.start_and_wait(0, apart.receive, 0, 1)
    sending = apart.start_and_wait(2, apart.send, 2, 1, "x")
    for node in (0, 2):
        apart.engines[node].node_ended(1, "exit code 3")
    assert [loss(receiving), loss(sending)] == ["node 1 on h1 is gone: exit code 3"] * 2


def test_abort(two: Nodes) -> None:
    """When the run fails every call raises, those that wait and those that come (F-08)."""
    waiting = [two.start_and_wait(0, two.receive, 0, 1, tag) for tag in range(3)]
    two.engines[0].abort(1, "it raised ValueError")
    two.engines[0].abort(0, "another one")
    text = "node 1 on h1 is gone: it raised ValueError"
    assert [loss(each) for each in waiting] == [text] * 3
    assert loss(lambda: two.send(0, 1, "x")) == text
    assert loss(lambda: two.send(0, 0, "x")) == text
    assert loss(lambda: two.receive(0, timeout=0)) == text


def test_abort_ends_an_orderly_close(two: Nodes) -> None:
    """A close that waits for its receiver ends when the run fails."""
    two.send(0, 1, bytes(8 * MIB))
    closing = two.start_and_wait(0, two.engines[0].close, True)
    two.engines[0].abort(1, "it raised ValueError")
    closing.result(TIMEOUT_S)


# --- Ctrl-C ---


@pytest.fixture
def interrupt() -> Iterator[Callable[[Nodes, int], None]]:
    """Types Ctrl-C once the node's main thread waits; the engine has the handler."""
    before = signal.getsignal(signal.SIGINT)

    def type_it(made: Nodes, node: int) -> None:
        signal.signal(signal.SIGINT, made.engines[node].on_interrupt)

        def later() -> None:
            wait_until(lambda: made.engines[node]._critical, TIMEOUT_S, "the call")
            wait_until(lambda: made.sleeps(node), TIMEOUT_S, "the wait")
            os.kill(os.getpid(), signal.SIGINT)

        made.start(later)

    try:
        yield type_it
    finally:
        signal.signal(signal.SIGINT, before)


Interrupt = Callable[[Nodes, int], None]


def test_interrupted_receive(two: Nodes, interrupt: Interrupt) -> None:
    """Ctrl-C ends a waiting receive, which then takes no message from the next one (F-06)."""
    interrupt(two, 0)
    with pytest.raises(KeyboardInterrupt):
        two.receive(0, 1)
    two.send(1, 0, "after")
    assert two.receive(0, 1) == "after"


def test_interrupted_receive_beside_another_thread(two: Nodes, interrupt: Interrupt) -> None:
    """Ctrl-C reaches the main thread also where another thread polls."""
    waiting = two.start_and_wait(0, two.receive, 0, 1, 1)
    interrupt(two, 0)
    with pytest.raises(KeyboardInterrupt):
        two.receive(0, 1, 2)
    two.send(1, 0, "for the thread", 1)
    assert waiting.result(TIMEOUT_S) == "for the thread"


def test_interrupted_send_leaves_the_stream_whole(
    two: Nodes, interrupt: Interrupt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A send that Ctrl-C ends is sent whole nevertheless, and what follows arrives after it."""
    monkeypatch.setattr(limits, "SEND_BUFFER_BYTES", 1_000)
    array = np.zeros(MIB)
    interrupt(two, 0)
    with pytest.raises(KeyboardInterrupt):
        two.send(0, 1, array)
    array[:] = 1.0
    two.start(two.send, 0, 1, "after")
    receiving = two.start(lambda: [two.receive(1, 0) for _ in range(2)])
    two.flush_leftovers(receiving.done)
    first, second = receiving.result()
    assert (first.any(), second) == (False, "after")


def test_interrupted_close(two: Nodes, interrupt: Interrupt) -> None:
    """Ctrl-C ends an orderly close that waits for its receiver."""
    two.send(0, 1, bytes(8 * MIB))
    interrupt(two, 0)
    with pytest.raises(KeyboardInterrupt):
        two.engines[0].close(in_order=True)


def test_interrupt_outside_a_call(two: Nodes, interrupt: Interrupt) -> None:
    """Outside of a call the handler is Python's own."""
    with pytest.raises(KeyboardInterrupt):
        two.engines[0].on_interrupt(signal.SIGINT, None)


class AtTheLastMoment(Engine):
    """Ctrl-C comes when the receive has been matched."""

    armed = True

    def _wait_message(self, *args: Any) -> Any:
        message = super()._wait_message(*args)
        if self.armed:
            self.armed = False
            os.kill(os.getpid(), signal.SIGINT)
        return message


def test_interrupted_receive_loses_no_message() -> None:
    """A message that was already matched when Ctrl-C came is unread again, as the oldest."""
    engine = AtTheLastMoment(0, 1, str, lambda _: None, lambda: None)
    before = signal.signal(signal.SIGINT, engine.on_interrupt)
    try:
        for tag in (1, 2):
            engine.send(0, 0, tag, "x")
        with pytest.raises(KeyboardInterrupt):
            engine.receive(0, -1, -1, None)
        assert [engine.receive(0, -1, -1, None).tag for _ in range(2)] == [1, 2]
    finally:
        signal.signal(signal.SIGINT, before)
        engine.close(in_order=False)


def test_other_threads_are_not_interrupted(two: Nodes) -> None:
    """A pending Ctrl-C is the main thread's: a call of another thread doesn't raise it."""
    two.engines[0]._interrupted = True
    two.send(1, 0, "x")
    assert two.start(two.receive, 0, 1).result(TIMEOUT_S) == "x"
    two.engines[0]._interrupted = False
    assert threading.current_thread() is threading.main_thread()
