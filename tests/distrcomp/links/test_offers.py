"""distrcomp.links.offers: who copies what from where, when both ends change their minds."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Any

import pytest

from distrcomp import limits
from distrcomp.frames import Message
from distrcomp.limits import KIB, MIB
from distrcomp.links import LinkEnded, Pending, offers, ring
from distrcomp.links.offers import Offers, Pulling
from distrcomp.links.pull import read_memory
from distrcomp.links.ring import PULL, RingReader, RingWriter
from tests.distrcomp.links import interleavings
from tests.distrcomp.links.interleavings import PARTIAL, TOTAL, Model, Process, Words
from tests.distrcomp.links.kit import End, link_pair, move

SIZE = 64
N_PARTS = 2
OLD, NEW = 1, 2
WHOLE = (OLD,) * N_PARTS
ORIGINAL, COPY = 1000, 2000
USER = Words("sender's memory")


class Part:
    """One byte of a message in the sender's memory of the model; the second part is another."""

    def __init__(self, index: int) -> None:
        self.index = index

    def __len__(self) -> int:
        return 1

    def __bytes__(self) -> bytes:
        return bytes([10 * self.index + USER[ORIGINAL + self.index]])


def model_address(part: Any) -> int:
    """Where a part lies on the model; a copy is written there."""
    if isinstance(part, Part):
        return ORIGINAL + part.index
    index, value = divmod(part[0], 10)
    USER[COPY + index] = value
    return COPY + index


def model_read(_: int, pieces: list[tuple[int, Any]]) -> None:
    """Copies one byte on the model."""
    ((address, target),) = pieces
    target[0] = USER[address]


@pytest.fixture
def on_model(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Has rings and offers run on the model."""
    monkeypatch.setattr(offers, "fence", interleavings.fence)
    monkeypatch.setattr(ring, "fence", interleavings.fence)
    monkeypatch.setattr(offers, "address_of", model_address)
    monkeypatch.setattr(offers, "read_memory", model_read)
    monkeypatch.setattr(limits, "PIECE_BYTES_MAX", 1)
    return monkeypatch


def change() -> None:
    """The sender's program changes its objects."""
    for index in range(N_PARTS):
        USER[ORIGINAL + index] = NEW


def offering(act: Any) -> Process:
    """A sender that has offered some bytes, and then acts."""

    def make() -> tuple[Offers, Pending]:
        for index in range(N_PARTS):
            USER[ORIGINAL + index] = OLD
        made = Offers(interleavings.ring_writer(SIZE))
        parts = [Part(index) for index in range(N_PARTS)]
        pending = made.put(Message(0, 0, 0, 5, b"meta", parts))
        assert pending is not None
        return made, pending

    return Process(make, lambda made: act(*made))


def owning(made: Offers, pending: Pending) -> str:
    """Copies, and changes the object as soon as that is allowed."""
    for _ in range(2):
        made.own()
        if not pending.is_out:
            made.retire()
        if pending.is_out:
            change()
            break
    return "done"


def closing(made: Offers, _: Pending) -> str:
    """Lets go of everything, so that its memory serves others."""
    made.clear()
    change()
    return "done"


def moving_then_closing(made: Offers, _: Pending) -> str:
    """The same, when it had copied before: the copy's memory serves others, too."""
    made.own()
    made.clear()
    change()
    for index in range(N_PARTS):
        USER[COPY + index] = NEW
    return "done"


def receive(reader: RingReader) -> object:
    """Copies what is offered."""
    if reader.header() >> ring.TAG_SHIFT != PULL >> ring.TAG_SHIFT:
        return "no offer"
    try:
        pulling = Pulling(reader, 1)
        while not pulling.go_on():
            pass
    except OSError:
        return "withdrawn"
    reader.skip(pulling.words)
    reader.publish()
    return tuple(buffer[0] for buffer in pulling.message().buffers)


def receiving() -> Process:
    return Process(lambda: interleavings.ring_reader(SIZE), receive)


@pytest.mark.parametrize("order", [TOTAL, PARTIAL])
@pytest.mark.parametrize(
    ("act", "possible"),
    [
        (owning, {WHOLE}),
        (closing, {WHOLE, "withdrawn"}),
        (moving_then_closing, {WHOLE, "withdrawn"}),
    ],
)
def test_what_arrives_is_what_was_sent(
    on_model: pytest.MonkeyPatch, order: str, act: Any, possible: set[object]
) -> None:
    """However sender and receiver interleave, no changed memory is ever delivered."""
    for module in (offers, ring):
        on_model.setattr(module, "STORES_ARE_ORDERED", order == TOTAL)
    model = Model([offering(act), receiving()], order)
    assert {("done", each) for each in possible} == model.outcomes()
    assert model.n_states > 50


@pytest.mark.parametrize("broken", ["fences", "second look", "withdrawal"])
def test_the_model_can_fail(on_model: pytest.MonkeyPatch, broken: str) -> None:
    """Without the fences, or without a look they are made for, changed memory gets through."""
    act = owning
    if broken == "fences":
        on_model.setattr(offers, "fence", lambda: None)
    elif broken == "second look":
        on_model.setattr(offers, "_IS_MOVED", 0)
    else:
        act = closing
        on_model.setattr(offers, "_IS_WITHDRAWN", 3)
        on_model.setattr(Offers, "clear", lambda _: None)
    outcomes = Model([offering(act), receiving()]).outcomes()
    assert any(NEW in received for _, received in outcomes if isinstance(received, tuple))


# --- on real memory ------------------------------------------------------------------------------


@pytest.fixture
def ends() -> tuple[RingWriter, RingReader]:
    """Both ends of a ring."""
    area = memoryview(bytearray(16 * KIB))
    return RingWriter(area), RingReader(area, 0)


@pytest.fixture
def pair() -> Iterator[tuple[End, End]]:
    """Both ends of a link that offers its large messages."""
    with link_pair("shm") as made:
        yield made


def message(*sizes: int) -> Message:
    return Message(0, 1, 2, 5, b"meta", [memoryview(bytearray(b"x" * size)) for size in sizes])


def pulled(reader: RingReader) -> Message:
    """The message of the offer at hand."""
    assert PULL == reader.header()
    pulling = Pulling(reader, os.getpid())
    while not pulling.go_on():
        pass
    reader.skip(pulling.words)
    reader.publish()
    return pulling.message()


@pytest.mark.parametrize("meta_bytes", [0, 4, 512, 513, 100_000])
def test_meta(ends: tuple[RingWriter, RingReader], meta_bytes: int) -> None:
    """A meta of any length comes with the record or as a part of its own."""
    writer, reader = ends
    sent = message(100, 0)._replace(meta=bytes(range(256)) * 400, serial=3)
    sent = sent._replace(meta=sent.meta[:meta_bytes])
    made = Offers(writer)
    pending = made.put(sent)
    assert pending is not None
    assert not pending.is_out
    assert sent == pulled(reader)
    assert (100 + meta_bytes, True) == (made.queued_bytes, pending.is_out)
    made.retire()
    assert (0, True, False) == (made.queued_bytes, pending.is_out, bool(made))


def test_no_room(ends: tuple[RingWriter, RingReader]) -> None:
    """Where the ring has no room for the record nothing is offered."""
    writer, _ = ends
    made = Offers(writer)
    sent = message(*[10] * 50)
    offered = 0
    while made.put(sent):
        offered += 1
    assert 504 * offered == made.queued_bytes
    assert 0 < offered < 20


def test_copies_are_kept_until_they_are_read(ends: tuple[RingWriter, RingReader]) -> None:
    """After `own` the original may go; the copy stays until the record is read."""
    writer, reader = ends
    made, sent = Offers(writer), message(MIB, 5)
    pending = made.put(sent)
    made.own()
    assert pending is not None
    assert pending.is_out
    for buffer in sent.buffers:
        buffer[:] = b"y" * len(buffer)
    assert message(MIB, 5) == pulled(reader)


def test_own_while_it_is_read(
    ends: tuple[RingWriter, RingReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two pieces the rest is copied; during one the sender has to ask again."""
    monkeypatch.setattr(limits, "PIECE_BYTES_MAX", 1000)
    writer, reader = ends
    made = Offers(writer)
    sent = message(2500)
    pending = made.put(sent)
    assert pending is not None
    reader.header()
    pulling = Pulling(reader, os.getpid())
    assert not made.is_begun()
    assert not pulling.go_on()
    assert made.is_begun()
    word = reader.position + offers._READING
    assert offers._BETWEEN == reader.words[word]
    reader.words[word] = offers._NOW
    for _ in range(2):
        made.own()
        assert not pending.is_out
    reader.words[word] = offers._BETWEEN
    made.own()
    assert pending.is_out
    sent.buffers[0][:] = b"y" * 2500
    assert not pulling.go_on()
    assert pulling.go_on()
    assert message(2500) == pulling.message()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_withdraws_nothing(pair: tuple[End, End]) -> None:
    """A child that closes the links it has inherited takes nothing back from its parent."""
    one, other = pair
    one.link.post(message(MIB))
    child = os.fork()
    if not child:
        one.link.close()
        os._exit(0)
    os.waitpid(child, 0)
    move([one, other], lambda: other.received)
    assert [message(MIB)] == other.received


def test_a_closed_link_withdraws(pair: tuple[End, End]) -> None:
    """What its sender has taken back never comes; it is an end without goodbye."""
    one, other = pair
    one.link.post(message(10))
    one.link.post(message(3 * MIB))
    other.read(2)  # the first, and a part of the second
    one.link.close()
    move([other], lambda: other.ended)
    assert [message(10)] == other.received
    assert other.ended is not None
    assert other.ended.clean is False
    assert "could not be read from its memory" in str(other.ended)


@pytest.mark.parametrize("failing_read", [1, 2, 3])
def test_the_sender_dies_while_we_copy(
    pair: tuple[End, End], monkeypatch: pytest.MonkeyPatch, failing_read: int
) -> None:
    """A sender that is gone in the middle is an end; no part of its message is delivered."""
    one, other = pair
    reads = []

    def read(*args: Any) -> None:
        reads.append(args)
        if len(reads) == failing_read:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        read_memory(*args)

    monkeypatch.setattr(offers, "read_memory", read)
    one.link.post(message(10))
    one.link.post(message(3 * MIB))
    move([other], lambda: other.ended)
    assert [message(10)] == other.received
    assert other.ended is not None
    assert other.ended.clean is False
    assert str(other.ended) == ("its message could not be read from its memory (No such process)")
    with pytest.raises(LinkEnded):
        other.link.receive(1)
    assert other.link.is_broken
    assert other.link.post(message(10)) is None
