"""distrcomp.progress: fair to every source, bounded by what lies unread, safe for threads."""

from __future__ import annotations

import random
import threading
import zlib
from collections import Counter
from itertools import count
from typing import Any

import numpy as np
import pytest

from distrcomp import limits
from distrcomp.limits import MIB
from tests.distrcomp.kit import MEMORY, MIXED, STREAM, TIMEOUT_S, Nodes, nodes, outcome
from tests.leaks import wait_until

# --- fairness ---


@pytest.mark.parametrize("value", [1, np.zeros(4_000)], ids=["small", "large"])
@pytest.mark.parametrize("kind", [STREAM, MEMORY, MIXED])
@pytest.mark.parametrize("flooder", [1, 2])
def test_flood_does_not_starve_the_others(kind: str, flooder: int, value: Any) -> None:
    """Who takes from anyone gets the message of a quiet node among those of one that floods.

    In the mixed case one of the two shares memory with the receiver and the other has a socket.
    """
    other = 3 - flooder
    with nodes(3, kind) as three, three.control_threads():
        stop = threading.Event()

        def flood() -> None:
            while not stop.is_set():
                three.send(flooder, 0, value, flooder)

        def take() -> int:
            """How many messages of the flood come before that of the quiet node."""
            return next(n for n in count() if three.worlds[0].mprobe().status.source == other)

        flooding = three.start(flood)
        before = []
        for _ in range(5):
            three.receive(0, flooder)
            three.send(other, 0, value, other)
            before.append(take())
        stop.set()
        while not flooding.done():
            three.worlds[0].improbe()
        flooding.result()
        # One look at a socket takes in some thousand small messages; the flood is endless.
        assert max(before) < 5_000


def test_turns_go_round() -> None:
    """Of several that have sent much, each is read in turn: none comes twice before all others."""
    with nodes(4, MEMORY) as four:
        for node in (1, 2, 3):
            for _ in range(300):
                four.send(node, 0, node)
        came = [four.receive(0) for _ in range(900)]
    rounds = [Counter(came[start : start + 90]) for start in range(0, 900, 90)]
    assert [sorted(each.values()) for each in rounds] == [[30, 30, 30]] * 10


# --- what lies unread ---


@pytest.mark.parametrize("nbytes", [100, 40_000, 3_000_000])
def test_flood_is_held_while_somebody_else_is_awaited(
    two: Nodes, monkeypatch: pytest.MonkeyPatch, nbytes: int
) -> None:
    """A sender that nobody asks waits, the receiver's memory bounded; and goes on when asked."""
    bound = MIB // 2
    monkeypatch.setattr(limits, "UNREAD_BYTES", bound)
    monkeypatch.setattr(limits, "SEND_BUFFER_BYTES", bound)
    n_message = max(6, 4 * MIB // (nbytes + limits.MESSAGE_OVERHEAD_BYTES))
    one = two.worlds[1]
    others = two.communicators(7, (0, 1))

    def flood() -> None:
        for number in range(n_message):
            one.send(0, (number, bytes(nbytes)))

    with two.control_threads():
        waiting = two.start_and_wait(0, two.receive, 0, 0)  # from itself
        flooding = two.start(flood)
        engine = two.engines[0]
        wait_until(lambda: engine.mailbox.is_full(1), TIMEOUT_S, "the bound")
        wait_until(lambda: two.sleeps(0) and two.sleeps(1), TIMEOUT_S, "both waiting")
        assert not flooding.done()
        one_look = max(17 * nbytes, limits.READ_BYTES_MAX * 10)  # the overhead counts, too
        assert engine.mailbox._unread_bytes[1] <= bound + one_look
        two.send(0, 0, "from itself")
        assert waiting.result(TIMEOUT_S) == "from itself"
        came = [two.receive(0, 1)[0] for _ in range(n_message)]
        flooding.result(TIMEOUT_S)
        assert came == list(range(n_message))
        others[1].send(0, "and after it")
        assert others[0].recv(1, timeout=TIMEOUT_S) == "and after it"


@pytest.mark.parametrize("call", ["recv", "probe", "iprobe", "mprobe", "improbe", "irecv"])
def test_what_is_asked_for_comes_through_a_full_mailbox(
    two: Nodes, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Whatever lies unread of a source, a call that asks for that source reads on."""
    monkeypatch.setattr(limits, "UNREAD_BYTES", 10_000)
    world = two.worlds[0]

    def ask() -> Any:
        if call == "recv":
            return two.receive(0, 1, 5)
        if call == "irecv":
            return world.irecv(1, 5).wait(TIMEOUT_S)
        if call in ("probe", "mprobe"):
            getattr(world, call)(1, 5, timeout=TIMEOUT_S)
        else:
            while getattr(world, call)(1, 5) is None:
                pass
        return "found"

    with two.control_threads():
        for _ in range(50):
            two.send(1, 0, bytes(1_000))
        two.send(1, 0, "found", 5)
        assert two.start(ask).result(TIMEOUT_S) == "found"


def test_acknowledgement_comes_through_a_full_mailbox(
    two: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for the match of a message hears of it behind a flood that he doesn't read."""
    monkeypatch.setattr(limits, "UNREAD_BYTES", 10_000)
    with two.control_threads():
        sending = two.start_and_wait(0, two.worlds[0].ssend, 1, "x")
        for _ in range(3_000):
            two.send(1, 0, bytes(1_000))
        assert two.receive(1, 0) == "x"
        sending.result(TIMEOUT_S)


# --- many threads ---


def checked(seed: int, number: int) -> tuple[int, int, Any]:
    """A value that tells whether it came whole, of any size and by any way."""
    chance = random.Random(seed * 1_000_003 + number)
    kind = chance.randrange(6)
    data = chance.randbytes(chance.choice([0, 5, 100, 2_000, 2_100, 20_000]))
    if kind == 0:
        return number, 0, number
    value: Any = {
        1: data,
        2: np.frombuffer(data, np.uint8),
        3: {"data": data},
        4: [np.frombuffer(data * 3, np.uint8)],
        5: data.hex(),
    }[kind]
    return number, zlib.crc32(repr(value).encode()), value


@pytest.mark.parametrize("spins", [False, True])
@pytest.mark.parametrize("kind", [STREAM, MEMORY, MIXED])
def test_threads_of_all_nodes_at_once(kind: str, spins: bool) -> None:
    """Every thread's messages come whole, once and in order, by every call there is."""
    n_node, n_thread, n_message = 3, 2, 120

    with nodes(n_node, kind, spins=spins) as made, made.control_threads():

        def send_all(node: int, tag: int) -> None:
            chance = random.Random(node * 100 + tag)
            world = made.worlds[node]
            begun = []
            for number in range(n_message):
                for dest in range(n_node):
                    value = checked(node * 100 + tag, number)
                    match chance.randrange(5):
                        case 0:
                            begun.append(world.isend(dest, value, tag))
                        case 1:
                            begun.append(world.issend(dest, value, tag))
                        case 2 if dest != node:
                            world.ssend(dest, value, tag)
                        case _:
                            world.send(dest, value, tag)
            for request in begun:
                request.wait(TIMEOUT_S)

        def receive_all(node: int, tag: int) -> int:
            chance = random.Random(node * 100 + tag)
            world = made.worlds[node]
            expected = [0] * n_node
            for _ in range(n_node * n_message):
                match chance.randrange(4):
                    case 0:
                        matched = world.mprobe(tag=tag, timeout=TIMEOUT_S)
                        source, (number, crc, value) = matched.status.source, matched.recv()
                    case 1:
                        request = world.irecv(tag=tag)
                        number, crc, value = request.wait(TIMEOUT_S)
                        assert request.status is not None
                        source = request.status.source
                    case _:
                        least = min(expected)
                        source = chance.choice([n for n in range(n_node) if expected[n] == least])
                        number, crc, value = world.recv(source, tag)
                assert (source, number) == (source, expected[source])
                assert repr(checked(source * 100 + tag, number)) == repr((number, crc, value))
                expected[source] += 1
            return sum(expected)

        receivers = [
            made.start(receive_all, node, tag) for node in range(n_node) for tag in range(n_thread)
        ]
        senders = [
            made.start(send_all, node, tag) for node in range(n_node) for tag in range(n_thread)
        ]
        outcome(senders)
        assert outcome(receivers) == [n_node * n_message] * n_node * n_thread
