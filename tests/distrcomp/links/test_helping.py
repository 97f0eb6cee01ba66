"""distrcomp.links.helping: a large message copied by both ends, however they interleave."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from distrcomp.frames import Message
from distrcomp.limits import KIB, MIB
from distrcomp.links import LinkEnded, ShmLink, arriving, helping, offers, ring
from distrcomp.links.offers import Offers, Pulling
from distrcomp.links.ring import PULL, RingReader, RingWriter
from tests.distrcomp.links import interleavings
from tests.distrcomp.links.interleavings import PARTIAL, TOTAL, Model, Process, Words
from tests.distrcomp.links.kit import End, as_lists, link_pair, move

SIZE = 64
N_PARTS = 2
THEIRS, OURS, OVER = 1000, 2000, 3000
MEMORY = Words("memory of both processes")


class Part:
    """One byte of memory of the model."""

    def __init__(self, address: int) -> None:
        self.address = address

    def __len__(self) -> int:
        return 1


def model_read(_: int, pieces: list[tuple[int, Any]]) -> None:
    """The receiver copies from the sender's memory."""
    for address, target in pieces:
        if isinstance(target, bytearray):  # it only looks whether the sender is there
            continue
        MEMORY[target.address] = MEMORY[address]


class Late(Exception):
    """The sender has written when the receiver was done."""


def model_write(_: int, pieces: list[tuple[int, int, int]]) -> None:
    """The sender copies into the receiver's memory."""
    for address, target, length in pieces:
        assert length == 1
        if MEMORY[OVER]:
            raise Late
        MEMORY[target] = MEMORY[address]


@pytest.fixture
def on_model(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Has rings, offers and help run on the model, with two parts of one byte."""
    for module in (helping, offers, ring):
        monkeypatch.setattr(module, "fence", interleavings.fence)
    for module in (helping, offers):
        monkeypatch.setattr(module, "address_of", lambda part: part.address)
    monkeypatch.setattr(offers, "read_memory", model_read)
    monkeypatch.setattr(helping, "write_memory", model_write)
    monkeypatch.setattr(helping, "_BYTES_MIN", 2)
    monkeypatch.setattr(helping, "_PAGE", 1)
    monkeypatch.setattr(helping, "perf_counter", Ticks())
    return monkeypatch


class Ticks:
    """A clock by which every look is the last."""

    def __init__(self) -> None:
        self._now = 0

    def __call__(self) -> float:
        self._now += 1
        return float(self._now)


def lending_a_hand() -> Process:
    """A sender that has offered two bytes and looks twice whether it may help."""

    def make() -> Offers:
        for index in range(N_PARTS):
            MEMORY[THEIRS + index] = index + 1
        made = Offers(interleavings.ring_writer(SIZE))
        parts: list[Any] = [Part(THEIRS + index) for index in range(N_PARTS)]
        assert made.put(Message(0, 1, 2, 5, b"", parts))
        return made

    def act(made: Offers) -> str:
        try:
            for _ in range(2):
                made.help(1)
        except Late:
            return "late"
        return "done"

    return Process(make, act)


def receive(reader: RingReader) -> object:
    """Copies what is offered, and then has its memory to itself."""
    if reader.header() >> ring.TAG_SHIFT != PULL >> ring.TAG_SHIFT:
        return "no offer"
    pulling = Pulling(reader, 1, asks=True)
    pulling._parts = [Part(OURS + index) for index in range(N_PARTS)]
    for _ in range(3):
        if pulling.go_on():
            break
    else:
        return "waiting"
    reader.skip(pulling.words)
    reader.publish()
    got = tuple(MEMORY[OURS + index] for index in range(N_PARTS))
    MEMORY[OVER] = 1
    interleavings.fence()
    return got


def outcomes(order: str) -> set[tuple[Any, ...]]:
    reading = Process(lambda: interleavings.ring_reader(SIZE), receive)
    return Model([lending_a_hand(), reading], order).outcomes()


@pytest.mark.parametrize("order", [TOTAL, PARTIAL])
def test_nothing_is_written_behind_the_receiver(on_model: pytest.MonkeyPatch, order: str) -> None:
    """However both interleave, all arrives once, and the sender writes while it may."""
    for module in (helping, offers, ring):
        on_model.setattr(module, "STORES_ARE_ORDERED", order == TOTAL)
    assert {("done", (1, 2)), ("done", "waiting")} == outcomes(order)


@pytest.mark.parametrize("broken", ["fences", "second look"])
def test_the_model_can_fail(on_model: pytest.MonkeyPatch, broken: str) -> None:
    """Without the fences, or a second look at what was asked, the sender writes too late."""
    if broken == "fences":
        on_model.setattr(helping, "fence", lambda: None)
    else:
        on_model.setattr(helping.Asking, "_take_back", lambda _: None)
    assert any("late" in outcome for outcome in outcomes(TOTAL))


# --- on real memory ------------------------------------------------------------------------------


@pytest.fixture
def pair() -> Iterator[tuple[End, End]]:
    """Both ends of a link that asks for help."""
    with link_pair("shm") as made:
        for end in made:
            shm(end)._asks = True
        yield made


def shm(end: End) -> ShmLink:
    assert isinstance(end.link, ShmLink)
    return end.link


def message(number: int, *sizes: int) -> Message:
    buffers = [memoryview(bytes([number + index]) * size) for index, size in enumerate(sizes)]
    return Message(0, number, 2, 5, b"meta", buffers)


def on_read(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Has something done when the receiver reads, before it does."""
    read_memory = offers.read_memory

    def read(*args: Any) -> None:
        act()
        read_memory(*args)

    monkeypatch.setattr(offers, "read_memory", read)


@pytest.mark.parametrize(
    "sizes", [(96 * KIB,), (1000, MIB, 0, 5), (100 * KIB,) * 10, (3 * MIB,), (MIB - 1,)]
)
def test_the_sender_helps(
    pair: tuple[End, End], monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, ...]
) -> None:
    """What both have copied is what was sent, and the sender has copied about half of it."""
    one, other = pair
    written: list[int] = []
    write_memory = helping.write_memory

    def write(process: int, pieces: list[tuple[int, int, int]]) -> None:
        written.extend(length for _, _, length in pieces)
        write_memory(process, pieces)

    monkeypatch.setattr(helping, "write_memory", write)
    on_read(monkeypatch, shm(one).help)
    sent = message(7, *sizes)
    one.link.post(sent)
    move([one, other], lambda: other.received)
    assert as_lists([sent]) == as_lists(other.received)
    assert sum(sizes) * 0.45 < sum(written) < sum(sizes) * 0.6


def test_nobody_helps(pair: tuple[End, End]) -> None:
    """Without help the receiver copies all itself."""
    one, other = pair
    sent = message(7, MIB, 200 * KIB)
    one.link.post(sent)
    move([one, other], lambda: other.received)
    assert as_lists([sent]) == as_lists(other.received)
    assert not shm(one).is_asked()


def test_help_that_is_refused(pair: tuple[End, End], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the sender may not write, the receiver copies all, and asks no more."""
    one, other = pair

    def refuse(*_: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(helping, "write_memory", refuse)
    asked: list[bool] = []

    def look() -> None:
        asked.append(shm(one).is_asked())
        shm(one).help()

    on_read(monkeypatch, look)
    sent = [message(7, MIB), message(8, MIB)]
    for each in sent:
        one.link.post(each)
        move([one, other], lambda: other.received and not one.link.queued_bytes)
    assert as_lists(sent) == as_lists(other.received)
    assert [True, False, False] == asked


def test_a_copied_message_gets_no_help(pair: tuple[End, End]) -> None:
    """Nobody is asked where a copy is read, for its sender has gone on."""
    one, other = pair
    sent = message(7, MIB)
    one.link.post(sent)
    one.link.own()
    shm(one).help()
    move([one, other], lambda: other.received)
    assert as_lists([sent]) == as_lists(other.received)


def half_way(one: End, other: End, monkeypatch: pytest.MonkeyPatch) -> int:
    """A sender that is writing when the receiver looks; the place of its word in the ring."""
    one.link.post(message(7, MIB))
    word = shm(other).reader.position + arriving.HELP + 1
    monkeypatch.setattr(helping, "perf_counter", Ticks())

    def begin() -> None:
        shm(one).writer.words[word] = 4

    on_read(monkeypatch, begin)
    other.read()
    assert [] == other.received
    monkeypatch.undo()
    return word


def test_waiting_for_the_sender(pair: tuple[End, End], monkeypatch: pytest.MonkeyPatch) -> None:
    """While the sender writes the message is not whole; it is when the sender says so."""
    one, other = pair
    word = half_way(one, other, monkeypatch)
    other.read()
    assert [] == other.received
    shm(one).writer.words[word] = 4 | 2  # it has not written after all
    move([one, other], lambda: other.received)
    assert as_lists([message(7, MIB)]) == as_lists(other.received)


def test_the_sender_ends_while_it_writes(
    pair: tuple[End, End], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that has ended half way has cut its message, and is not waited for."""
    one, other = pair
    half_way(one, other, monkeypatch)
    other.link.hang_up()
    move([other], lambda: other.ended)
    assert isinstance(other.ended, LinkEnded)
    assert [] == other.received


def test_memory_that_is_being_written_is_kept(
    pair: tuple[End, End], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver that closes the link while the sender writes gives the memory to nobody else."""
    one, other = pair
    word = half_way(one, other, monkeypatch)
    kept: list[Any] = []
    monkeypatch.setattr(helping, "_written_by_others", kept)
    other.link.close()
    assert 1 == len(kept)
    assert 0 == shm(one).writer.words[word - 1]


def test_nothing_is_kept_otherwise(pair: tuple[End, End], monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two pieces nobody writes, and the memory goes with the link."""
    one, other = pair
    kept: list[Any] = []
    monkeypatch.setattr(helping, "_written_by_others", kept)
    one.link.post(message(7, 3 * MIB))
    other.read()
    assert [] == other.received
    other.link.close()
    assert [] == kept


def test_a_ring_and_its_words() -> None:
    """The words of help stand behind the head of a record and are 0 at first."""
    area = memoryview(bytearray(16 * KIB))
    writer, reader = RingWriter(area), RingReader(area, 0)
    Offers(writer).put(message(1, 100))
    assert PULL == reader.header()
    assert [0] * 3 == [reader.word(arriving.HELP + index) for index in range(3)]
    assert not helping.is_asked(writer, 0)
