"""distrcomp.engine: the ends of other nodes, as links and launcher tell them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from distrcomp import limits
from distrcomp.frames import Message, goodbye, message_parts
from distrcomp.limits import MIB
from distrcomp.requests import Request
from tests.distrcomp.kit import KINDS, MEMORY, MIXED, STREAM, TIMEOUT_S, Nodes, loss, nodes
from tests.leaks import wait_until


@pytest.fixture
def sockets() -> Iterator[Nodes]:
    """Two nodes linked by a socket pair, whose end the kernel tells."""
    with nodes(2, STREAM) as made:
        yield made


@pytest.fixture
def memory() -> Iterator[Nodes]:
    """Two nodes that share memory, where only the launcher tells of an end."""
    with nodes(2, MEMORY) as made:
        yield made


@pytest.fixture
def three_mixed() -> Iterator[Nodes]:
    """Three nodes, two of which share memory."""
    with nodes(3, MIXED) as made:
        yield made


@pytest.fixture
def quick_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the launcher's word."""
    monkeypatch.setattr(limits, "VERDICT_WAIT_S", 0.0)


# --- ends ---


@pytest.mark.parametrize("source", [1, -1])
def test_finished_node(two: Nodes, source: int) -> None:
    """All that a node sent before it finished is received, then waiting for it raises (F-09)."""
    two.send(1, 0, "last words")
    two.engines[1].close(in_order=True)
    assert two.receive(0, source) == "last words"
    text = "node 1 on h1 is gone: it has finished: it sends and receives no more"
    assert loss(lambda: two.receive(0, source)) == text
    assert loss(lambda: two.send(0, 1, "x")) == text


def test_unread_message_of_a_finished_node(two: Nodes) -> None:
    """What lies unread can be received after its sender's end."""
    two.send(1, 0, "first", 1)
    two.send(1, 0, "second", 2)
    two.engines[1].close(in_order=True)
    assert loss(lambda: two.receive(0, 1, 3)).endswith(
        "it has finished: it sends and receives no more"
    )
    assert (two.receive(0, 1, 2), two.receive(0, 1, 1)) == ("second", "first")


@pytest.mark.parametrize("kind", KINDS)
def test_any_source_waits_while_one_lives(kind: str) -> None:
    """Waiting for anyone ends with the last of the others."""
    with nodes(3, kind) as three:
        three.engines[1].close(in_order=True)
        three.send(2, 0, "still here")
        assert three.receive(0) == "still here"
        three.engines[2].close(in_order=True)
        assert "it has finished" in loss(lambda: three.receive(0))


@pytest.mark.usefixtures("quick_verdict")
def test_broken_link(sockets: Nodes) -> None:
    """A link that ends without goodbye loses its node (F-01)."""
    waiting = sockets.start_and_wait(0, sockets.receive, 0, 1)
    sockets.engines[1].close(in_order=False)
    assert loss(waiting) == "node 1 on h1 is gone: its connection closed"
    assert loss(lambda: sockets.send(0, 1, "x")) == "node 1 on h1 is gone: its connection closed"


def test_broken_link_before_its_verdict(sockets: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call waits for the launcher's word, which is the reason (F-07)."""
    monkeypatch.setattr(limits, "VERDICT_WAIT_S", TIMEOUT_S)
    waiting = sockets.start_and_wait(0, sockets.receive, 0, 1)
    sockets.engines[1].close(in_order=False)
    broken = sockets.engines[0]._fates.is_broken
    wait_until(lambda: broken(1) and sockets.sleeps(0), TIMEOUT_S, "the break")
    sockets.engines[0].node_ended(1, "it was killed by signal 9")
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
    parts = message_parts(Message(1, 0, 0, 1, b"x" * 100, []))
    with apart.link_to_test(0, 1) as other:
        other.sendall(parts[0][:-1])
    assert loss(lambda: apart.receive(0, 1)).endswith("its connection ended inside a message")


def test_garbage(apart: Nodes) -> None:
    """A node that sends no messages is lost, at once and for that reason."""
    with apart.link_to_test(0, 1) as other:
        other.sendall(b"GET / HTTP/1.1\r\nHost: there\r\n\r\n")
        assert "it sent what is no message" in loss(lambda: apart.receive(0, 1))


@pytest.mark.usefixtures("quick_verdict")
def test_who_only_sends_learns_it(sockets: Nodes) -> None:
    """A node that only sends meets the end of its receiver, after a bounded number of calls."""

    def send_on() -> None:
        for _ in range(1_000):
            sockets.send(0, 1, bytes(1000))

    sockets.engines[1].close(in_order=False)
    assert "node 1 on h1 is gone: its connection" in loss(send_on)


@pytest.mark.usefixtures("quick_verdict")
def test_who_has_left_bytes_queued_learns_the_end(sockets: Nodes) -> None:
    """The same where earlier sends have left bytes, which the control thread writes."""

    def send_on() -> None:
        for _ in range(1_000):
            sockets.engines[0].flush_leftovers()
            sockets.send(0, 1, bytes(1000))

    sockets.send(0, 1, bytes(5_000_000))
    sockets.engines[1].close(in_order=False)
    assert "node 1 on h1 is gone: its connection" in loss(send_on)


def test_who_only_sends_learns_a_clean_end(apart: Nodes) -> None:
    """The same after a goodbye."""

    def send_on() -> None:
        for _ in range(1_000):
            apart.send(0, 1, bytes(1000))

    with apart.link_to_test(0, 1) as other:
        other.sendall(goodbye())
    assert loss(send_on) == "node 1 on h1 is gone: it has finished: it sends and receives no more"


@pytest.mark.usefixtures("quick_verdict")
def test_receiver_dies_in_a_large_send(sockets: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A send that waits for room ends with its receiver."""
    monkeypatch.setattr(limits, "SEND_BUFFER_BYTES", 1_000)
    sending = sockets.start_and_wait(0, sockets.send, 0, 1, bytes(8 * MIB))
    sockets.engines[1].close(in_order=False)
    assert "node 1 on h1 is gone: its connection" in loss(sending)


KILLED = "node 1 on h1 is gone: it was killed by signal 9"


def test_end_that_only_the_launcher_tells(memory: Nodes) -> None:
    """Who waits for a node of its machine learns of its end, having received all of it (F-01)."""
    waiting = memory.start_and_wait(0, memory.receive, 0, 1, 2)
    memory.send(1, 0, "last words", 1)
    memory.break_off(1, "it was killed by signal 9")
    assert loss(waiting) == KILLED
    assert memory.receive(0, 1, 1) == "last words"
    assert loss(lambda: memory.receive(0, 1, 1)) == KILLED
    assert loss(lambda: memory.send(0, 1, "x")) == KILLED


def test_last_words_in_the_ring(memory: Nodes) -> None:
    """What a node wrote before it was killed is received by calls that begin after it."""
    for number in range(5):
        memory.send(1, 0, number)
    memory.break_off(1, "it was killed by signal 9")
    assert [memory.receive(0, 1) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert loss(lambda: memory.receive(0, 1)) == KILLED


@pytest.mark.parametrize("sync", ["send", "ssend", "isend"])
def test_receiver_in_memory_dies(memory: Nodes, monkeypatch: pytest.MonkeyPatch, sync: str) -> None:
    """A send that waits for room, or for its match, ends with its receiver."""
    monkeypatch.setattr(limits, "SEND_BUFFER_BYTES", 1_000)
    world = memory.worlds[0]
    acts: dict[str, Callable[[], Any]] = {
        "send": lambda: world.send(1, bytes(8 * MIB)),
        "ssend": lambda: world.ssend(1, "small"),
        "isend": lambda: world.isend(1, bytes(8 * MIB)).wait(),
    }
    sending = memory.start_and_wait(0, acts[sync])
    memory.break_off(1, "it was killed by signal 9")
    assert loss(sending) == KILLED


def test_who_only_sends_into_memory_learns_a_clean_end(memory: Nodes) -> None:
    """The ring takes what fits; then the goodbye is met, after a bounded number of calls."""

    def send_on() -> None:
        for _ in range(10_000):
            memory.send(0, 1, bytes(1000))

    memory.engines[1].close(in_order=True)
    assert loss(send_on) == "node 1 on h1 is gone: it has finished: it sends and receives no more"


def test_killed_receiver_is_met_at_once(memory: Nodes) -> None:
    """Once the launcher has told of the end not one more send succeeds."""
    memory.send(0, 1, "x")
    memory.break_off(1, "it was killed by signal 9")
    assert loss(lambda: memory.send(0, 1, "x")) == KILLED


@pytest.mark.parametrize("wait", [Request.wait_any, Request.wait_some])
@pytest.mark.parametrize("kind", KINDS)
def test_one_of_several_requests_is_lost(kind: str, wait: Callable[..., Any]) -> None:
    """What has arrived comes first, however much lies before it; then the loss is told, once."""
    with nodes(3, kind) as three:
        world = three.worlds[0]
        requests = [world.irecv(1), world.irecv(2, 7), world.irecv(2, 8)]
        three.engines[1].close(in_order=True)
        assert "node 1" in loss(lambda: requests[0].wait(TIMEOUT_S))
        for _ in range(100):  # more than one look takes
            three.send(2, 0, "not asked for")
        three.send(2, 0, "asked for", 7)
        assert wait(requests) in [(1, "asked for"), [(1, "asked for")]]
        assert "node 1" in loss(lambda: wait(requests))
        three.send(2, 0, "later", 8)
        assert wait(requests) in [(2, "later"), [(2, "later")]]
        assert "node 1" in loss(lambda: requests[0].wait(TIMEOUT_S))
        assert three.engines[0].mailbox.receives == []


def test_a_lost_send_among_several_requests(three_mixed: Nodes) -> None:
    """A send that can't be done is told once and then passed over, too."""
    world = three_mixed.worlds[0]
    requests = [world.issend(1, "never received"), world.irecv(2)]
    three_mixed.break_off(1, "it broke")
    assert loss(lambda: Request.wait_any(requests)) == "node 1 on h1 is gone: it broke"
    three_mixed.send(2, 0, "later")
    assert Request.wait_any(requests) == (1, "later")


@pytest.mark.parametrize("call", ["probe", "mprobe", "irecv", "sendrecv", "wait_any"])
def test_every_wait_learns_the_end(two: Nodes, call: str) -> None:
    """Each waiting call ends with the node it waits for."""
    world = two.worlds[0]
    acts: dict[str, Callable[[], Any]] = {
        "probe": lambda: world.probe(1),
        "mprobe": lambda: world.mprobe(1),
        "irecv": lambda: world.irecv(1).wait(),
        "sendrecv": lambda: world.sendrecv(0, "x", 1),
        "wait_any": lambda: Request.wait_any([world.irecv(1, 1), world.irecv(1, 2)]),
    }
    waiting = two.start_and_wait(0, acts[call])
    two.engines[1].close(in_order=True)
    assert loss(waiting) == "node 1 on h1 is gone: it has finished: it sends and receives no more"


def test_request_that_can_not_be_done(two: Nodes) -> None:
    """`test` raises what `wait` would; what is done stays done."""
    world = two.worlds[0]
    requests = [world.irecv(1, 1), world.irecv(1, 2), world.issend(1, "x", 3)]
    two.send(1, 0, "first", 1)
    two.engines[1].close(in_order=True)
    assert requests[0].wait() == "first"
    for request in requests[1:]:
        loss(request.wait)
        loss(request.test)
    assert requests[0].wait() == "first"


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
    assert loss(lambda: two.receive(0, 1, timeout=0)) == text
    assert loss(two.worlds[0].iprobe) == text


def test_abort_by_what_was_sent_before(two: Nodes) -> None:
    """A run that has failed gives nothing any more, also what lies in the ring."""
    two.send(1, 0, 5)
    two.engines[0].abort(1, "it raised ValueError")
    assert loss(lambda: two.receive(0, 1)) == "node 1 on h1 is gone: it raised ValueError"


def test_abort_ends_an_orderly_close(two: Nodes) -> None:
    """A close that waits for its receiver ends when the run fails."""
    two.send(0, 1, bytes(8 * MIB))
    closing = two.start_and_wait(0, two.engines[0].close, True)
    two.engines[0].abort(1, "it raised ValueError")
    closing.result(TIMEOUT_S)


@pytest.mark.parametrize("kind", KINDS)
def test_a_closing_node_keeps_nothing(kind: str) -> None:
    """What comes while a node says goodbye, which nobody will ask for, is dropped."""
    with nodes(2, kind) as two:
        request = two.worlds[0].isend(1, bytes(10 * MIB))  # unread, so the goodbye takes its time
        closing = two.start(two.engines[0].close, True)
        wait_until(lambda: two.engines[0]._progress.unheard, TIMEOUT_S, "the goodbye")
        for _ in range(20):
            two.send(1, 0, bytes(1000))
        assert two.receive(1, 0) == bytes(10 * MIB)
        closing.result(TIMEOUT_S)
        assert two.engines[0].mailbox.unread == {}
        assert request is not None
