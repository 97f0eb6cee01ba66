"""distrcomp.communicator: what a call checks before it acts, and every call but send and recv."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from distrcomp.communicator import Communicator
from distrcomp.engine import Engine
from distrcomp.errors import (
    BadTag,
    BadTimeout,
    NoSuchNode,
    RecvTimeout,
    SendTimeout,
    Undecodable,
    Unpicklable,
)
from distrcomp.limits import MIB, TAG_MAX
from distrcomp.status import Status
from tests.distrcomp.kit import KINDS, TIMEOUT_S, Nodes, nodes, outcome


@pytest.fixture
def alone() -> Iterator[Communicator]:
    """The world of one."""
    engine = Engine((0, 1), str, lambda _: None, lambda: None)
    yield Communicator(engine)
    engine.close(in_order=True)


@pytest.fixture(params=KINDS)
def three(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    """Three linked nodes."""
    with nodes(3, request.param) as made:
        yield made


class Fragile:
    """Breaks at its arrival."""

    def __getstate__(self) -> int:
        return 1

    def __setstate__(self, state: Any) -> None:
        raise ValueError("broken on arrival")


def test_world_of_one(alone: Communicator) -> None:
    """It has one node, which can talk to itself."""
    assert (alone.node_id, alone.n_node) == (0, 1)
    alone.send(0, [1, 2], tag=TAG_MAX)
    assert alone.recv(0, TAG_MAX) == [1, 2]


@pytest.mark.parametrize("node", [1, -1, -2, 2**70, "0", None])
def test_no_such_node_to_send_to(alone: Communicator, node: Any) -> None:
    """A node that doesn't exist, -1 among them, is refused by its name."""
    with pytest.raises(NoSuchNode) as caught:
        alone.send(node, "x")
    assert f"there is no node {node!r} here" in str(caught.value)


@pytest.mark.parametrize("node", [1, -2, "0", None])
def test_no_such_node_to_receive_from(alone: Communicator, node: Any) -> None:
    """A source must exist too; only -1 is anyone."""
    with pytest.raises(NoSuchNode):
        alone.recv(node, timeout=0)


@pytest.mark.parametrize("tag", [-2, TAG_MAX + 1, "a", None, 1.5])
def test_bad_tag(alone: Communicator, tag: Any) -> None:
    """A tag outside its range is refused on both sides; -1 when sending, too."""
    for act in (lambda: alone.send(0, "x", tag), lambda: alone.recv(0, tag, timeout=0)):
        with pytest.raises(BadTag, match="is no tag: tags are integers from 0 to 2147483647"):
            act()
    with pytest.raises(BadTag):
        alone.send(0, "x", -1)


def test_any_integer_will_do(alone: Communicator) -> None:
    """numpy's integers are node ids and tags like any others."""
    alone.send(np.int64(0), "x", np.uint8(3))  # type: ignore[arg-type]
    assert alone.recv(np.int32(0), np.int16(3)) == "x"  # type: ignore[arg-type]


def test_undecodable_is_consumed(alone: Communicator) -> None:
    """A message that can't be rebuilt is an error once; the next one arrives (F-29)."""
    alone.send(0, Fragile())
    alone.send(0, "next")
    with pytest.raises(Undecodable, match="broken on arrival"):
        alone.recv()
    assert alone.recv() == "next"
    with pytest.raises(RecvTimeout):
        alone.recv(timeout=0)


CALLS: list[Callable[[Communicator, Any, Any], Any]] = [
    lambda world, node, tag: world.send(node, "x", tag),
    lambda world, node, tag: world.ssend(node, "x", tag),
    lambda world, node, tag: world.isend(node, "x", tag),
    lambda world, node, tag: world.issend(node, "x", tag),
    lambda world, node, tag: world.sendrecv(node, "x", 0, tag=tag),
    lambda world, node, tag: world.sendrecv(0, "x", node, recv_tag=tag),
    lambda world, node, tag: world.recv(node, tag),
    lambda world, node, tag: world.irecv(node, tag),
    lambda world, node, tag: world.probe(node, tag),
    lambda world, node, tag: world.iprobe(node, tag),
    lambda world, node, tag: world.mprobe(node, tag),
    lambda world, node, tag: world.improbe(node, tag),
]


@pytest.mark.parametrize("call", CALLS)
def test_every_call_checks(alone: Communicator, call: Callable[..., Any]) -> None:
    """Each call refuses a node and a tag that are none, and has done nothing then."""
    with pytest.raises(NoSuchNode):
        call(alone, 1, 0)
    with pytest.raises(BadTag):
        call(alone, 0, TAG_MAX + 1)
    assert alone.iprobe() is None


@pytest.mark.parametrize("timeout", [-1, -0.1, math.nan, "soon", [], True + 1j])
def test_bad_timeout(alone: Communicator, timeout: Any) -> None:
    """What is no number of seconds, 0 or more, is refused by every call that waits."""
    alone.send(0, "stays")
    acts: list[Callable[[], Any]] = [
        lambda: alone.recv(timeout=timeout),
        lambda: alone.ssend(0, "x", timeout=timeout),
        lambda: alone.probe(timeout=timeout),
        lambda: alone.mprobe(timeout=timeout),
        lambda: alone.sendrecv(0, "x", timeout=timeout),
        lambda: alone.isend(0, "x", 9).wait(timeout),
    ]
    for act in acts:
        with pytest.raises(BadTimeout, match="is no timeout: it is a number of seconds, 0 or more"):
            act()
    assert (alone.recv(), alone.recv()) == ("stays", "x")
    assert alone.iprobe() is None


def test_timeout_of_the_run(three: Nodes) -> None:
    """It holds for every wait for a message that has none of its own; math.inf lifts it."""
    three.settle(timeout=0.0)
    world = three.worlds[0]
    acts: list[Callable[[], Any]] = [
        world.recv,
        lambda: world.recv(1),
        world.probe,
        world.mprobe,
        lambda: world.irecv(1, 5).wait(),
        lambda: world.sendrecv(1, "x", 2),
    ]
    for act in acts:
        with pytest.raises(RecvTimeout, match="nothing came in 0 s"):
            act()
    waiting = three.start_and_wait(0, lambda: world.recv(1, 1, timeout=math.inf))
    three.send(1, 0, "late", 1)
    assert waiting.result(TIMEOUT_S) == "late"


def test_sends_have_no_timeout_of_the_run(three: Nodes) -> None:
    """The run's default is for messages that are awaited: ssend waits until it is received."""
    three.settle(timeout=0.0)
    sending = three.start_and_wait(0, three.worlds[0].ssend, 1, "x")
    assert not sending.done()
    assert three.worlds[1].recv(0, timeout=TIMEOUT_S) == "x"
    sending.result(TIMEOUT_S)


# --- synchronous sends ---


@pytest.mark.parametrize("value", ["small", bytes(3 * MIB)], ids=["small", "large"])
def test_ssend_returns_with_the_match(three: Nodes, value: Any) -> None:
    """A synchronous send waits until a receive is matched with it, not only until it is out."""
    sending = three.start_and_wait(0, three.worlds[0].ssend, 1, value, 5)
    assert three.worlds[1].probe(0, 5, timeout=TIMEOUT_S).payload_bytes == len(value)
    three.send(0, 1, "passes by", 6)
    assert three.receive(1, 0, 6) == "passes by"
    assert not sending.done()
    assert three.receive(1, 0, 5) == value
    sending.result(TIMEOUT_S)


def test_ssend_to_a_posted_receive(three: Nodes) -> None:
    """A receive that waits already is matched at the arrival."""
    request = three.worlds[1].irecv(0)
    sending = three.start(three.worlds[0].ssend, 1, "x")
    assert request.wait(TIMEOUT_S) == "x"
    sending.result(TIMEOUT_S)


def test_ssend_of_many_threads(three: Nodes) -> None:
    """Each of them returns with its own match."""
    sending = [three.start(three.worlds[0].ssend, 1, tag, tag) for tag in range(5)]
    for tag in reversed(range(5)):
        assert three.receive(1, 0, tag) == tag
        sending[tag].result(TIMEOUT_S)


def test_ssend_timeout(three: Nodes) -> None:
    """It says that the message goes on, which can be received later; the object is free."""
    data = bytearray(b"as it was")
    with pytest.raises(SendTimeout, match="send to node 1: not done in 0 s; it goes on") as caught:
        three.worlds[0].ssend(1, data, timeout=0)
    data[:] = b"something"
    assert (caught.value.dest, caught.value.timeout_s) == (1, 0.0)
    assert three.receive(1, 0) == b"as it was"


def test_ssend_of_a_large_object_that_times_out(three: Nodes) -> None:
    """The object may be changed after it, although nothing of it was taken yet."""
    array = np.zeros(MIB)
    with pytest.raises(SendTimeout):
        three.worlds[0].ssend(1, array, timeout=0.0)
    array[:] = 1.0
    receiving = three.start(three.receive, 1, 0)
    three.flush_leftovers(receiving.done)
    assert not receiving.result(TIMEOUT_S).any()


def test_unpicklable_by_every_send(alone: Communicator) -> None:
    """An object that can't travel is the sender's error, and nothing is sent (F-28)."""
    lock = threading.Lock()
    acts: list[Callable[[], Any]] = [
        lambda: alone.ssend(0, lock),
        lambda: alone.isend(0, lock),
        lambda: alone.issend(0, [lock]),
        lambda: alone.sendrecv(0, lock),
    ]
    for act in acts:
        with pytest.raises(Unpicklable):
            act()
    assert alone.iprobe() is None


# --- sending and receiving at once ---


@pytest.mark.parametrize("value", ["small", np.arange(MIB)], ids=["small", "large"])
def test_ring_of_sendrecv(three: Nodes, value: Any) -> None:
    """A ring in which all send and receive at once goes round, whatever the size."""

    def turn(node: int) -> bool:
        came = three.worlds[node].sendrecv(
            (node + 1) % 3, [node, value], (node - 1) % 3, tag=node, recv_tag=(node - 1) % 3
        )
        return came[0] == (node - 1) % 3 and bool(np.all(came[1] == value))

    turns = [three.start(turn, node) for node in range(3)]
    three.flush_leftovers(lambda: all(each.done() for each in turns))
    assert outcome(turns) == [True, True, True]


def test_sendrecv_timeout(three: Nodes) -> None:
    """What was sent arrives although nothing came in return; the object is free."""
    array = np.zeros(MIB)
    with pytest.raises(RecvTimeout):
        three.worlds[0].sendrecv(1, array, 1, timeout=0)
    array[:] = 1.0
    receiving = three.start(three.receive, 1, 0)
    three.flush_leftovers(receiving.done)
    assert not receiving.result(TIMEOUT_S).any()


# --- status and probes ---


def test_status(three: Nodes) -> None:
    """`recv` fills it in: who, which tag, how many bytes; on every path."""
    values: list[Any] = [b"123", "1234", np.zeros(100), bytes(100_000)]
    for tag, value in enumerate(values):
        three.send(2, 0, value, tag)
        status = Status()
        three.worlds[0].recv(status=status, timeout=TIMEOUT_S)
        assert (status.source, status.tag) == (2, tag)
        assert status.payload_bytes >= getattr(value, "nbytes", len(value))


def test_probe(three: Nodes) -> None:
    """It tells of the message that a receive would get, which stays to be received."""
    three.send(1, 0, b"first", 7)
    three.send(1, 0, b"second one", 7)
    world = three.worlds[0]
    assert repr(world.probe(1, 7)) == "Status(source=1, tag=7, payload_bytes=5)"
    assert repr(world.iprobe(1)) == "Status(source=1, tag=7, payload_bytes=5)"
    assert world.iprobe(1, 8) is None
    assert world.iprobe(2) is None
    assert [three.receive(0, 1), three.receive(0, 1)] == [b"first", b"second one"]
    with pytest.raises(RecvTimeout, match="recv from node 1 with tag 7: nothing came in 0 s"):
        world.probe(1, 7, timeout=0)


def test_probe_waits(three: Nodes) -> None:
    """A probe sleeps until the message is there."""
    probing = three.start_and_wait(0, three.worlds[0].probe, -1, 3)
    three.send(1, 0, "other", 2)
    three.send(2, 0, "awaited", 3)
    assert probing.result(TIMEOUT_S).source == 2
    assert three.receive(0, -1, 3) == "awaited"


def test_iprobe_comes_true(three: Nodes) -> None:
    """Looking again and again finds what is sent meanwhile, small or large."""

    def look() -> tuple[int, bool]:
        while (status := three.worlds[0].iprobe(1)) is None:
            pass
        return status.tag, status.payload_bytes >= MIB

    three.send(1, 0, bytes(MIB), 4)
    looking = three.start(look)
    three.flush_leftovers(looking.done)
    assert looking.result() == (4, True)
    assert len(three.receive(0, 1)) == MIB


def test_mprobe_takes_the_message(three: Nodes) -> None:
    """After it nobody else can receive the message; a synchronous sender is matched by it."""
    sending = three.start_and_wait(1, three.worlds[1].ssend, 0, "mine", 1)
    matched = three.worlds[0].mprobe(1)
    sending.result(TIMEOUT_S)
    assert three.worlds[0].iprobe(1) is None
    three.send(1, 0, "next", 1)
    assert three.receive(0, 1) == "next"
    assert (matched.status.source, matched.status.tag, matched.recv()) == (1, 1, "mine")


def test_improbe(three: Nodes) -> None:
    """It takes what is there, and nothing otherwise."""
    assert three.worlds[0].improbe() is None
    three.send(1, 0, "x")
    three.receive(0, three.worlds[0].probe(timeout=TIMEOUT_S).source)
    three.send(1, 0, "y")
    three.worlds[0].probe()
    matched = three.worlds[0].improbe(1)
    assert matched is not None
    assert matched.recv() == "y"


def test_mprobe_of_several_threads(three: Nodes) -> None:
    """Threads that probe and receive by size each get whole messages, each message once."""
    world, n_message = three.worlds[0], 60

    def receive_some() -> list[int]:
        came = []
        for _ in range(n_message):
            matched = world.mprobe(timeout=TIMEOUT_S)
            value = matched.recv()
            came.append(len(value))
            assert matched.status.payload_bytes >= len(value)
        return came

    receivers = [three.start(receive_some) for _ in range(4)]
    for number in range(2 * n_message):
        for node in (1, 2):
            three.send(node, 0, bytes(number * 300 + node))
    three.flush_leftovers(lambda: all(each.done() for each in receivers))
    came = sorted(size for each in outcome(receivers) for size in each)
    assert came == sorted(n * 300 + node for n in range(2 * n_message) for node in (1, 2))


# --- groups of nodes ---


def test_communicators_are_apart(three: Nodes) -> None:
    """Each has its own ids and its own messages, also those of one source and tag."""
    pair = three.communicators(9, (2, 0))
    assert [(pair[node].node_id, pair[node].n_node) for node in (2, 0)] == [(0, 2), (1, 2)]
    three.send(2, 0, "in the world", 1)
    pair[2].send(1, "in the pair", 1)
    status = Status()
    assert pair[0].recv(0, 1, status=status) == "in the pair"
    assert status.source == 0
    assert pair[0].iprobe() is None
    assert three.receive(0, 2, 1) == "in the world"
    with pytest.raises(NoSuchNode, match="there is no node 2 here"):
        pair[0].send(2, "x")
