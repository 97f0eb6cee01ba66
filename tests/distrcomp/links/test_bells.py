"""distrcomp.links.bells: nobody sleeps on a message, and nobody rings twice for one sleep."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from distrcomp.links import bells as bells_module
from distrcomp.links import ring as ring_module
from distrcomp.links.bells import Bells
from distrcomp.links.ring import LINE_WORDS, RingReader, RingWriter
from distrcomp.segment import LINE_BYTES
from tests.distrcomp.links import interleavings
from tests.distrcomp.links.interleavings import PARTIAL, STUCK, TOTAL, Model, Process, Words

SIZE = 64
SLEEPER = 0


class ModelOs:
    """What the bells ask of the system, on the model's kernel."""

    @staticmethod
    def getpid() -> int:
        return 1

    @staticmethod
    def write(descriptor: int, _: bytes) -> None:
        interleavings.ring(("bell", descriptor))

    @staticmethod
    def read(descriptor: int, _: int) -> None:
        interleavings.silence(("bell", descriptor))


@pytest.fixture
def on_model(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Has rings and bells run on the model."""
    monkeypatch.setattr(bells_module, "os", ModelOs)
    monkeypatch.setattr(bells_module, "fence", interleavings.fence)
    monkeypatch.setattr(ring_module, "fence", interleavings.fence)
    return monkeypatch


def model_bells(here: int) -> Bells:
    """The bells of three nodes; their doorbells are 0, 1 and 2."""
    made: Any = Bells(memoryview(bytearray(3 * LINE_BYTES)), here, range(3))
    made.asleep = Words("asleep")
    return made


def writing(here: int, count: int) -> Process:
    """Node `here` puts `count` records and wakes the sleeper after each, without a fence."""

    def make() -> tuple[RingWriter, Bells]:
        writer: Any = interleavings.ring_writer(SIZE)
        writer.words = Words(f"ring {here}")
        return writer, model_bells(here)

    def act(made: tuple[RingWriter, Bells]) -> str:
        writer, bells = made
        for _ in range(count):
            writer.put(here, b"", 1)
            bells.wake(SLEEPER)
        return "done"

    return Process(make, act)


def sleeping(counts: dict[int, int], looks: tuple[bool, bool] = (True, True)) -> Process:
    """The sleeper reads so many records from each writer, and sleeps when there is none.

    Args:
        looks: whether it looks once more after it has lain down, and again after a while.
    """

    def make() -> tuple[list[RingReader], Bells]:
        readers = []
        for node in counts:
            reader: Any = interleavings.ring_reader(SIZE)
            reader.words, reader.node = Words(f"ring {node}"), node
            readers.append(reader)
        return readers, model_bells(SLEEPER)

    def take(readers: list[RingReader], left: dict[int, int]) -> bool:
        for reader in readers:
            if left[reader.node] and reader.header():
                reader.skip(1)
                left[reader.node] -= 1
                return True
        return False

    def act(made: tuple[list[RingReader], Bells]) -> str:
        readers, bells = made
        left = dict(counts)
        while any(left.values()):
            if take(readers, left):
                continue
            bells.lie_down()
            if not (looks[0] and take(readers, left)):
                interleavings.doze(("bell", SLEEPER))
                if not (looks[1] and take(readers, left)):
                    interleavings.wait(("bell", SLEEPER))
            bells.get_up()
            bells.silence()
        return "all read"

    return Process(make, act)


@pytest.mark.parametrize(
    ("order", "counts"),
    [(TOTAL, {1: 1}), (PARTIAL, {1: 1}), (TOTAL, {1: 2}), (TOTAL, {1: 1, 2: 1})],
)
def test_no_wake_up_is_lost(
    on_model: pytest.MonkeyPatch, order: str, counts: dict[int, int]
) -> None:
    """However a sleeper and those who write to it interleave, it reads all that was written."""
    on_model.setattr(ring_module, "STORES_ARE_ORDERED", order == TOTAL)
    writers = [writing(node, count) for node, count in counts.items()]
    model = Model([sleeping(counts), *writers], order)
    assert {("all read", *("done" for _ in counts))} == model.outcomes()
    assert model.n_states > 50


@pytest.mark.parametrize("looks", [(True, False), (False, False)])
def test_the_model_can_fail(on_model: pytest.MonkeyPatch, looks: tuple[bool, bool]) -> None:
    """Without the second look a wake-up is lost: the model shows it."""
    assert (STUCK, "done") in Model([sleeping({1: 1}, looks), writing(1, 1)]).outcomes()


# --- on real memory and real doorbells -----------------------------------------------------------


@pytest.fixture
def pair() -> Iterator[tuple[Bells, Bells]]:
    """The bells of two nodes, as each of them sees them."""
    lines = memoryview(bytearray(2 * LINE_BYTES))
    doorbells = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
    one, other = (Bells(lines, here, [os.dup(each) for each in doorbells]) for here in range(2))
    yield one, other
    for each in doorbells:
        os.close(each)
    one.close()
    other.close()


def rings(bells: Bells) -> int:
    """How often this node's doorbell has rung since it was silenced."""
    try:
        return os.eventfd_read(bells.fileno())
    except BlockingIOError:
        return 0


def test_one_ring_for_each_sleep(pair: tuple[Bells, Bells]) -> None:
    """Who is awake is not rung for; who sleeps is rung for once, however much is written."""
    sleeper, waker = pair
    counts = []
    for _ in range(3):
        waker.wake(0)
        sleeper.lie_down()
        waker.wake(0)
        waker.wake(0)
        counts.append(rings(sleeper))
        sleeper.get_up()
        waker.wake(0)
        counts.append(rings(sleeper))
    assert [1, 0] * 3 == counts


def test_a_ring_that_comes_late(pair: tuple[Bells, Bells]) -> None:
    """A ring for a sleep that is over wakes the next one for nothing, which rings again."""
    sleeper, waker = pair
    sleeper.lie_down()
    waker.wake(0)
    sleeper.get_up()
    sleeper.lie_down()
    sleeper.silence()
    assert 0 == rings(sleeper)
    waker.wake(0)
    assert 1 == rings(sleeper)


def test_processes(pair: tuple[Bells, Bells]) -> None:
    """Each node's line tells its process, and the lines of two nodes don't touch."""
    one, other = pair
    assert (os.getpid(), os.getpid()) == (one.process(1), other.process(0))
    one.lie_down()
    assert (1, 0) == (other.asleep[0], other.asleep[LINE_WORDS])


def test_silence_without_a_ring(pair: tuple[Bells, Bells]) -> None:
    """Silencing what has not rung does nothing."""
    one, _ = pair
    one.silence()
    one.silence()
    assert 0 == rings(one)


def test_a_doorbell_that_is_full(pair: tuple[Bells, Bells]) -> None:
    """A doorbell that takes no more is ringing already, and that is no error."""
    sleeper, waker = pair
    os.eventfd_write(sleeper.fileno(), 2**64 - 2)
    sleeper.lie_down()
    waker.wake(0)
    assert 2**64 - 2 == rings(sleeper)


def test_close_twice(pair: tuple[Bells, Bells]) -> None:
    """Closed bells have no descriptors; closing them again does nothing."""
    one, other = pair
    descriptor = one.fileno()
    one.close()
    one.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    other.wake(0)


def test_wake_after_close(pair: tuple[Bells, Bells]) -> None:
    """Who was about to ring when another thread closed the bells goes on."""
    sleeper, waker = pair
    sleeper.lie_down()
    waker.close()
    waker.wake(0)
    assert 0 == rings(sleeper)
