"""distrcomp.interrupts: Ctrl-C at any moment, while messages flow by every path."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from distrcomp.communicator import Communicator
from distrcomp.engine import Engine
from distrcomp.requests import Request
from tests.distrcomp.kit import (
    TIMEOUT_S,
    Interrupter,
    Nodes,
    handler,
)

SIGNALS = 200


class Storm:
    """SIGINT at random moments while the main thread makes calls for one node.

    A call that is interrupted is made again; the handler ignores what comes outside of our calls.
    """

    def __init__(self, engine: Engine, seed: int) -> None:
        self.typed = Interrupter(engine)
        self.caught = 0
        self._chance = random.Random(seed)

    def arm(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, self._chance.uniform(1e-5, 1e-3))

    def on_alarm(self, _: int, stack: Any) -> None:
        self.arm()
        self.typed(signal.SIGINT, stack)

    def insist(self, act: Callable[..., Any], *args: Any) -> Any:
        """What the act returns in the end."""
        while True:
            try:
                return act(*args)
            except KeyboardInterrupt:
                self.caught += 1

    @property
    def goes_on(self) -> bool:
        return self.typed.count < SIGNALS


@pytest.fixture
def storm(two: Nodes) -> Iterator[Storm]:
    """It blows at node 0."""
    made = Storm(two.engines[0], 7)
    with handler(signal.SIGALRM, made.on_alarm):
        made.arm()
        yield made
        signal.setitimer(signal.ITIMER_REAL, 0)


VALUES: list[Callable[[int], Any]] = [
    lambda number: number,
    lambda number: f"text {number}",
    lambda number: {"number": number, "payload": bytes(number % 700)},
    lambda number: np.full(number % 50 + 1, number),
    lambda number: [np.full(3000, number)],
    lambda number: bytes([number % 256]) * 20_000 + str(number).encode(),
]


def value_of(number: int) -> Any:
    """Small and large in turn, by each of the ways that a message can take."""
    return VALUES[number % len(VALUES)](number)


def by_request(storm: Storm, world: Communicator) -> Any:
    return storm.insist(storm.insist(world.irecv, 1, 0).wait)


def by_probe(storm: Storm, world: Communicator) -> Any:
    return storm.insist(storm.insist(world.mprobe, 1, 0).recv)


def by_several(storm: Storm, world: Communicator) -> Any:
    requests = [storm.insist(world.irecv, 1, 0)]
    (result,) = storm.insist(Request.wait_some, requests)
    return result[1]


RECEIVES: list[Callable[[Storm, Communicator], Any]] = [
    lambda storm, world: storm.insist(world.recv, 1),
    lambda storm, world: storm.insist(world.recv, 1, 0),
    lambda storm, world: storm.insist(world.recv),
    by_request,
    by_probe,
    by_several,
    lambda storm, world: storm.insist(lambda: world.recv(1, timeout=TIMEOUT_S)),
]


@pytest.mark.timeout(100, method="thread")  # the other method needs the storm's own timer
def test_no_message_is_lost_at_any_moment(two: Nodes, storm: Storm) -> None:
    """Every message is received exactly once and in order, whenever Ctrl-C comes (F-06).

    A send that is interrupted may have been done, so it is repeated: all arrive, in order, and no
    more of them twice than were interrupted.
    """

    def answer() -> tuple[int, int]:
        """Sends one value for each that comes, three being under way; how many, how many twice."""
        n_sent = n_twice = 0
        last: Any = None
        while True:
            if n_sent >= 3:
                came = two.receive(1, 0)
                while repr(came) == last:
                    n_twice += 1
                    came = two.receive(1, 0)
                if came is None:
                    return n_sent, n_twice
                last = repr(value_of(n_sent - 3))
                assert last == repr(came)
            two.send(1, 0, value_of(n_sent))
            n_sent += 1

    answering = two.start(answer)
    number = 0
    while storm.goes_on:
        came = RECEIVES[number % len(RECEIVES)](storm, two.worlds[0])
        assert repr(value_of(number)) == repr(came)
        storm.insist(two.worlds[0].send, 1, value_of(number))
        number += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    storm.insist(two.worlds[0].iprobe)  # what is still to be raised
    two.send(0, 1, None)
    n_sent, n_twice = answering.result(TIMEOUT_S)
    rest = [repr(two.receive(0, 1)) for _ in range(n_sent - number)]
    assert [repr(value_of(each)) for each in range(number, n_sent)] == rest
    assert n_twice <= storm.caught <= storm.typed.count
    assert storm.caught > SIGNALS / 2
