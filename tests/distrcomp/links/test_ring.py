"""distrcomp.links.ring: records come out as they went in, and none is seen before it is whole."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.errors import ProtocolError
from distrcomp.links import ring as ring_module
from distrcomp.links.ring import (
    COMMUNICATOR_SHIFT,
    CONTROL_WORDS,
    OURS,
    PUT_BYTES,
    RIGHTS,
    TAKE_BYTES,
    WORD_BYTES,
    WRAP,
    RingReader,
    RingWriter,
    envelope_of,
    fence,
    words_of,
)
from distrcomp.segment import ring_bytes
from tests.distrcomp.links import interleavings
from tests.distrcomp.links.interleavings import PARTIAL, TOTAL, Model, Process
from tests.distrcomp.links.kit import message

Record = tuple[int, bytes]


def area(words: int) -> memoryview:
    """Memory for a ring of so many data words."""
    return memoryview(bytearray((CONTROL_WORDS + words) * WORD_BYTES))


class Ring:
    """Both ends of a ring and the dumb queue that it must equal."""

    def __init__(self, words: int) -> None:
        memory = area(words)
        self.size = words
        self.writer, self.reader = RingWriter(memory, 1), RingReader(memory, 0)
        self.queue: deque[Record] = deque()
        self.n_put = 0

    def record(self, count: int) -> Record:
        """The next record of `count` words, whose payload looks like headers; its last word is
        cut."""
        self.n_put += 1
        length = max(0, (count - 1) * WORD_BYTES - self.n_put % WORD_BYTES)
        return self.n_put << 11 | length, (b"\xff\x01" * length)[:length]

    def put(self, count: int) -> bool:
        """As links do; whether there was room."""
        if not self.writer.make_room(count):
            return False
        header, payload = self.record(count)
        self.queue.append((header, payload))
        self.writer.put(header, payload, count)
        return True

    def put_at_once(self, count: int) -> None:
        """As the short way does, if it can."""
        writer = self.writer
        header, payload = self.record(count)
        position = writer.position
        beyond = position + 1 + words_of(len(payload))
        if beyond < writer.end:
            self.queue.append((header, payload))
            PUT_BYTES[len(payload)](writer.memory, position + 1 << 3, payload, 0)
            writer.position = beyond
            writer.words[position] = header

    def take(self, lazily: bool = True) -> None:
        """Reads a record and compares it; tells the writer when that is due, or at once."""
        reader, queue = self.reader, self.queue
        header = reader.header()
        assert header == (queue[0][0] if queue else 0)
        if header:
            _, payload = queue.popleft()
            assert payload == bytes(reader.payload(1, len(payload)))
            (quickly,) = TAKE_BYTES[len(payload)](reader.memory, reader.position + 1 << 3)
            assert payload == quickly
            assert header == reader.word(0)
            reader.skip(1 + words_of(len(payload)))
        if reader.is_due or not lazily:
            reader.publish()
            assert self.writer.read == reader._lap + reader.position


ACTS = st.tuples(
    st.sampled_from(["put", "put at once", "put the longest", "take", "take eagerly"]),
    st.floats(0, 1),
)


@pytest.mark.parametrize("are_ordered", [True, False])
@given(words=st.integers(8, 40), acts=st.lists(ACTS, max_size=120))
def test_any_interleaving(words: int, acts: list[tuple[str, float]], are_ordered: bool) -> None:
    """Any mix of puts and takes of any sizes, at any offset of the ring, equals a queue."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ring_module, "STORES_ARE_ORDERED", are_ordered)
        ring = Ring(words)
        for act, share in acts:
            count = 1 + int(share * (ring.writer.record_words_max - 1))
            if act == "put":
                ring.put(count)
            elif act == "put at once":
                ring.put_at_once(1 + int(share * words))
            elif act == "put the longest":
                longest = ring.writer.free_words()
                assert longest <= ring.writer.record_words_max
                assert not longest or ring.put(longest)
            else:
                ring.take(lazily=act == "take")
            assert 0 <= ring.writer.written - ring.writer.read < words
        while ring.queue:
            ring.take()
        ring.take()
        # A reader that has read all has told enough of it: nobody waits for room that is there.
        assert ring.put(ring.writer.record_words_max)
        ring.take()


def test_every_offset() -> None:
    """Records of each length go through at each offset at which the ring can stand."""
    for words in range(8, 30):
        for count in range(1, words // 4 + 1):
            ring = Ring(words)
            for turn in range(3 * words):
                assert ring.put(1 + turn % count)
                if turn % 3:
                    assert ring.put(count) or len(ring.queue) > 1
                while ring.queue:
                    ring.take()


def test_it_fills_up() -> None:
    """A ring that nobody reads takes records until it is full, and loses none."""
    ring = Ring(100)
    while ring.put(10):
        pass
    assert 9 == len(ring.queue)
    assert (9, False) == (ring.writer.free_words(), ring.put(10))
    assert ring.put(9)
    assert 0 == ring.writer.free_words()
    while ring.queue:
        ring.take()
    assert ring.put(25)


def test_it_never_writes_on_what_is_unread() -> None:
    """At the wrap, and behind the reader, one word stays free: the one of the next 0."""
    for read in range(1, 12):
        ring = Ring(40)
        for _ in range(read):
            assert ring.put(1)
            ring.take(lazily=False)
        while ring.writer.position < 39:
            assert ring.put(1)
        if read <= ring.writer.record_words_max:
            assert not ring.put(read)
        if read > 1:
            assert ring.put(read - 1)
        ring.put_at_once(1)
        while ring.queue:
            ring.take()


@pytest.mark.parametrize("n_local", [2, 300])
def test_sizes(n_local: int) -> None:
    """The smallest ring holds the longest offer in a quarter of it."""
    writer = RingWriter(memoryview(bytearray(ring_bytes(n_local))))
    assert 7 + 3 * 60 + 64 < writer.record_words_max


def test_rights() -> None:
    """The writer learns whether its memory can be read, once the reader has said so."""
    ring = Ring(20)
    assert 0 == ring.writer.rights
    ring.reader.say_rights(True)
    assert 1 == ring.writer.rights
    ring.reader.say_rights(False)
    assert 2 == ring.writer.rights
    assert RIGHTS != ring_module.TAIL


def test_envelopes() -> None:
    """The header of a message at its bounds is none of ours, and none is 0."""
    largest = message(2**31 - 1)._replace(communicator=OURS - 1, codec=14)
    assert OURS - 1 == envelope_of(largest) >> COMMUNICATOR_SHIFT
    assert 0 != envelope_of(message(0)._replace(communicator=0, codec=1))
    assert envelope_of(largest) | ring_module.LENGTH_MAX < WRAP < 2**64


# --- what a reader may see -----------------------------------------------------------------------


class Watched:
    """Memory of which a look is taken after every store; a copy stores its words in any order."""

    def __init__(self, memory: memoryview, chance: random.Random, look: Callable[[], None]) -> None:
        self._memory = memory
        self._chance = chance
        self._look = look

    def __len__(self) -> int:
        return len(self._memory)

    def __getitem__(self, key: Any) -> Any:
        return self._memory[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, slice):
            starts = list(range(key.start, key.stop, WORD_BYTES))
            self._chance.shuffle(starts)
            for start in starts:
                end = min(start + WORD_BYTES, key.stop)
                self._memory[start:end] = value[start - key.start : end - key.start]
                self._look()
        else:
            self._memory[key] = value
        self._look()


def seen(reader: RingReader) -> list[Record]:
    """All records that a reader would find now; it stays where it is."""
    before = reader.position, reader._lap, reader.publish_at
    records = []
    while header := reader.header():
        length = header & ring_module.LENGTH_MAX
        records.append((header, bytes(reader.payload(1, length))))
        reader.skip(1 + words_of(length))
    reader.position, reader._lap, reader.publish_at = before
    return records


@given(
    words=st.integers(8, 30),
    acts=st.lists(st.booleans() | st.floats(0, 1), max_size=60),
    seed=st.integers(0, 2**32),
)
def test_no_part_of_a_record_is_seen(words: int, acts: list[bool | float], seed: int) -> None:
    """After every single store the reader finds whole records, those of the queue, or one more."""
    ring = Ring(words)
    n_looks = 0
    complete: list[Record] = []

    def look() -> None:
        nonlocal n_looks
        n_looks += 1
        found = seen(ring.reader)
        assert found == complete or found == list(ring.queue)

    chance = random.Random(seed)
    writer: Any = ring.writer
    writer.words = Watched(writer.words, chance, look)
    writer.memory = Watched(writer.memory, chance, look)
    for act in acts:
        complete = list(ring.queue)
        if isinstance(act, float):
            looks, count = n_looks, 1 + int(act * (writer.record_words_max - 1))
            if ring.put(count):
                assert n_looks >= looks + 1 + count
                assert seen(ring.reader) == list(ring.queue)
        else:
            ring.take(lazily=act)


def test_the_looks_can_fail() -> None:
    """A writer that puts its header first is caught."""

    def put_badly(writer: Any, header: int, payload: bytes, count: int) -> None:
        writer.words[writer.position] = header
        RingWriter.put(writer, header, payload, count)

    ring = Ring(20)
    found = []
    writer: Any = ring.writer
    writer.words = Watched(writer.words, random.Random(0), lambda: found.append(seen(ring.reader)))
    put_badly(writer, *ring.record(3), 3)
    assert [] not in found
    assert found[0] != found[-1]


# --- every interleaving, on the model ------------------------------------------------------------

SIZE = 16


def writing(*counts: int, at: int) -> Process:
    """Puts records of so many words, from a position on, as far as there is room."""

    def act(writer: RingWriter) -> int:
        for number, count in enumerate(counts, 1):
            if not writer.make_room(count):
                return number - 1
            payload = bytes([number]) * (8 * (count - 1))
            writer.put(number << 11 | len(payload), payload, count)
        return len(counts)

    return Process(lambda: interleavings.ring_writer(SIZE, at), act)


def reading(looks: int, at: int) -> Process:
    """Looks so many times, and tells what it has found."""

    def act(reader: RingReader) -> str:
        found = 0
        for _ in range(looks):
            header = reader.header()
            if header:
                length = header & ring_module.LENGTH_MAX
                payload = bytes(reader.payload(1, length))
                found += 1
                if header >> 11 != found or payload != bytes([found]) * length:
                    return "torn"
                reader.skip(1 + length // 8)
                reader.publish()
        return f"{found} whole"

    return Process(lambda: interleavings.ring_reader(SIZE, at), act)


def outcomes(order: str, at: int, *counts: int) -> set[tuple[Any, ...]]:
    """What writer and reader may find, both starting at a position of a ring of old bytes."""
    memory = {("ring", word): 77 << 11 for word in range(SIZE) if word != at}
    processes = [writing(*counts, at=at), reading(3, at)]
    return Model(processes, order, {**memory, ("control", 0): at}).outcomes()


@pytest.fixture
def on_model(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Has rings run on the model."""
    monkeypatch.setattr(ring_module, "fence", interleavings.fence)
    return monkeypatch


@pytest.mark.parametrize("order", [TOTAL, PARTIAL])
@pytest.mark.parametrize("at", [0, 11, 12, 13])
def test_whole_records_only(on_model: pytest.MonkeyPatch, order: str, at: int) -> None:
    """However writer and reader interleave, on old bytes and around the end: whole records only.

    With stores in partial order the fences are there, as on processors that need them.
    """
    on_model.setattr(ring_module, "STORES_ARE_ORDERED", order == TOTAL)
    found = outcomes(order, at, 2, 3)
    assert {f"{count} whole" for count in range(3)} == {read for _, read in found}


def test_the_model_can_fail(on_model: pytest.MonkeyPatch) -> None:
    """Where stores are reordered and there are no fences, torn records are seen."""
    on_model.setattr(ring_module, "STORES_ARE_ORDERED", True)
    assert (2, "torn") in outcomes(PARTIAL, 0, 3, 2)
    assert (2, "torn") not in outcomes(TOTAL, 0, 3, 2)


def test_fence() -> None:
    """A fence leaves no lock behind, whatever thread sets it."""
    for _ in range(10):
        fence()


# --- what no node writes -------------------------------------------------------------------------


@given(st.binary(max_size=30 * WORD_BYTES), st.integers(0, 30), st.integers(0, 400))
def test_any_words(data: bytes, position: int, length: int) -> None:
    """Whatever a ring holds, reading it is a record or a ProtocolError."""
    ring = Ring(31)
    ring.reader.memory[: len(data)] = data
    ring.reader.position = position
    try:
        ring.reader.header()
        ring.reader.payload(1, length)
        ring.reader.skip(1 + words_of(length))
    except ProtocolError:
        return
    assert ring.reader.position < 31
    ring.reader.header()


def test_a_ring_of_wraps() -> None:
    """A ring that says at its beginning that it begins there keeps nobody in a loop."""
    ring = Ring(10)
    ring.reader.words[0] = WRAP
    assert WRAP == ring.reader.header()
    with pytest.raises(ProtocolError, match="a ring without an end"):
        ring.reader.header()
