"""distrcomp.links.shm: what is not every link's; records that no node writes; two processes."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp import limits
from distrcomp.arrays import LENGTH_BITS
from distrcomp.codec import ARRAY, PICKLE
from distrcomp.errors import ProtocolError
from distrcomp.limits import MIB
from distrcomp.links import Bells, LinkEnded, ShmLink, offers
from distrcomp.links.ring import (
    CODEC_SHIFT,
    COMMUNICATOR_SHIFT,
    OURS,
    PROBE,
    PULL,
    STREAM,
    TAG_SHIFT,
    WRAP,
    RingReader,
    RingWriter,
)
from distrcomp.segment import LINE_BYTES, create_segment, segment_bytes
from tests.distrcomp.links.kit import End, Pair, link_pair, message, move, refuse_to_read, send

ROOT = Path(__file__).parents[3]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Both ends of a link over shared memory."""
    with link_pair("shm") as ends:
        yield ends


def mappings() -> int:
    """How many mappings of shared memory without a name this process has."""
    return Path("/proc/self/maps").read_text().count("memfd:distrcomp")


def descriptors() -> int:
    """How many descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_is_left() -> None:
    """When both ends are closed and forgotten, so is their memory, and every descriptor."""
    gc.collect()
    before = mappings(), descriptors()

    def use() -> None:
        with link_pair("shm") as (one, other):
            send(one, message(1, 100_000))
            move([one, other], lambda: other.received)
            assert mappings() > before[0]

    use()
    gc.collect()
    assert before == (mappings(), descriptors())


def test_an_unused_link_costs_little() -> None:
    """Before something comes as a stream there is no memory for it."""
    areas = [memoryview(bytearray(4096)) for _ in range(2)]
    bells = Bells(memoryview(bytearray(2 * LINE_BYTES)), 0, [-1, -1])
    tracemalloc.start()
    try:
        links = [ShmLink(RingWriter(areas[0], 1), RingReader(areas[1], 1, 1), bells) for _ in "ab"]
        for link in links:
            assert [] == link.receive(1)
        assert tracemalloc.get_traced_memory()[0] < 2 * 8 * limits.KIB
    finally:
        tracemalloc.stop()


def test_the_first_large_message_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one goes by the ring and asks; from the answer on they are copied once."""
    with link_pair("shm unasked") as (one, other):
        rights = []
        for number in range(3):
            send(one, message(number, MIB))
            move([one, other], lambda number=number: len(other.received) > number)
            rights.append(one.link.writer.rights)
        assert [1, 1, 1] == rights
        assert one.link._offers is not None
        assert other.link._offers is None


def test_refused_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where reading is forbidden it is asked once, and all goes by the ring."""
    with link_pair("shm forbidden") as (one, other):
        for number in range(3):
            send(one, message(number, MIB))
            move([one, other], lambda number=number: len(other.received) > number)
        assert 2 == one.link.writer.rights
        assert one.link._offers is None


def test_a_stream_has_its_turn() -> None:
    """One call takes no more than a part of the ring, however much of a message stands there."""
    with link_pair("shm forbidden") as (one, other):
        send(one, message(1, 4 * MIB))
        ring_bytes = len(one.link.writer.memory)
        assert [] == other.link.receive(1)
        assert ring_bytes / 4 <= one.link.writer.read * 8 <= ring_bytes / 3
        move([one, other], lambda: other.received)


def test_offers_of_who_has_ended_are_not_read(pair: Pair) -> None:
    """Its process number may be another one's by now."""
    one, other = pair
    send(one, message(1), message(2, MIB))
    other.link.hang_up()
    move([other], lambda: other.ended)
    assert [1] == [each.tag for each in other.received]
    assert other.ended is not None
    assert "it has ended before its message was read" == str(other.ended)


def test_reading_is_forbidden_meanwhile(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node whose memory may be read no longer is an end that says what may have happened."""
    one, other = pair
    send(one, message(1, 3 * MIB))
    monkeypatch.setattr(offers, "read_memory", refuse_to_read)
    move([other], lambda: other.ended)
    assert "(Operation not permitted: since the start it has changed its user" in str(other.ended)


def test_nobody_overtakes_what_is_queued(pair: Pair) -> None:
    """While anything is queued, or the link is broken, the short way has no room."""
    one, other = pair
    writer = one.link.writer
    n_sent = 0
    while not one.link.queued_bytes:
        send(one, message(n_sent, meta=bytes(2_000)))
        n_sent += 1
    assert 0 == writer.end
    move([one, other], lambda: len(other.received) == n_sent)
    send(one, message(200))
    assert writer.end > writer.position
    one.link.hang_up()
    assert 0 == writer.end
    send(one, message(201))
    assert 0 == writer.end


# --- records that no node writes -----------------------------------------------------------------


def lone_end() -> End:
    """An end whose other end is a test that writes what it likes."""
    area = memoryview(bytearray(4096))
    bells = Bells(memoryview(bytearray(2 * LINE_BYTES)), 0, [-1, -1])
    return End(ShmLink(RingWriter(memoryview(bytearray(4096)), 1), RingReader(area, 1, 1), bells))


def put(end: End, *words: int, at: int = 0) -> None:
    """Writes words into the ring that this end reads, and has it look there."""
    reader = end.link.reader
    reader.position = at
    for index, word in enumerate(words):
        reader.words[at + index] = word


END = len(RingReader(memoryview(bytearray(4096)), 0).words)
INLINE = 5 << CODEC_SHIFT


def array(description_bytes: int, memory_bytes: int) -> int:
    """The word of an array's two lengths."""
    return memory_bytes << LENGTH_BITS | description_bytes


@pytest.mark.parametrize(
    ("words", "at"),
    [
        ((OURS << COMMUNICATOR_SHIFT,), 0),
        ((OURS << COMMUNICATOR_SHIFT | 99 << TAG_SHIFT,), 0),
        ((2**64 - 1,), 0),
        ((WRAP,), 0),
        ((PULL | 1,), 0),
        ((PROBE | 1,), 0),
        ((STREAM,), 0),
        ((STREAM | 8 << CODEC_SHIFT | 2, 0, 0), 0),
        ((STREAM | 31 << CODEC_SHIFT | 1, 0), 0),
        ((STREAM | 2047,), 0),
        ((STREAM | 1,), END - 1),
        ((STREAM | 1, 1), END - 2),
        ((INLINE | 2047,), END - 255),
        ((INLINE | 8, 0), END - 2),
        ((INLINE | 9, 0), END - 2),
        ((INLINE,), END - 1),
        ((PICKLE << CODEC_SHIFT | 2047,), 0),
        ((ARRAY << CODEC_SHIFT,), END - 1),
        ((ARRAY << CODEC_SHIFT, array(0, 0), 0), 0),
        ((ARRAY << CODEC_SHIFT, array(7, 1), 0), 0),
        ((ARRAY << CODEC_SHIFT, array(8, 0)), END - 2),
        ((ARRAY << CODEC_SHIFT, array(16, 0), 0), END - 3),
        ((ARRAY << CODEC_SHIFT, array(16, 8), 0, 0), END - 4),
        ((ARRAY << CODEC_SHIFT, array(2**24 - 1, 0), 0), 0),
        ((ARRAY << CODEC_SHIFT, array(8, 2**40 - 1), 0), 0),
        ((PROBE,), END - 1),
        ((PROBE, 0), END - 2),
        ((PULL,), END - 1),
        ((PULL, 0, 0, 61, 0, 0, 0), 0),
    ],
)
def test_a_bad_record(words: tuple[int, ...], at: int) -> None:
    """What no node writes, or what would reach beyond the ring, is a ProtocolError."""
    end = lone_end()
    put(end, *words, at=at)
    with pytest.raises(ProtocolError):
        end.link.receive(16)


HEADERS = st.builds(
    lambda communicator, tag, low: communicator << COMMUNICATOR_SHIFT | tag << TAG_SHIFT | low,
    st.sampled_from([0, OURS]) | st.integers(0, OURS),
    st.integers(0, 5) | st.integers(0, 2**31 - 1),
    st.integers(0, 2**16 - 1) | st.integers(0, 40),
)
WORDS = HEADERS | st.sampled_from([WRAP, STREAM, PULL, PROBE]) | st.integers(0, 70)


@given(st.lists(WORDS, max_size=60), st.integers(0, END - 1), st.integers(1, 16))
def test_any_records(words: list[int], at: int, most: int) -> None:
    """Whatever stands in the ring, it is messages, the end or a ProtocolError, and no loop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MESSAGE_BYTES_MAX", 10_000)
        end = lone_end()
        put(end, *words[: END - at], at=at)
        try:
            for _ in range(1000):
                if not end.link.can_receive():
                    break
                end.link.receive(most)
        except (LinkEnded, ProtocolError):
            return


def receive_often(end: End) -> None:
    """Has the link look a hundred times."""
    for _ in range(100):
        end.link.receive(16)


@pytest.mark.parametrize("words", [(PROBE, 0, WRAP), (STREAM | 7 << CODEC_SHIFT | 1, 1, WRAP)])
def test_records_without_an_end(words: tuple[int, ...]) -> None:
    """Records that come round and round and are no message keep nobody in a loop."""
    end = lone_end()
    put(end, *words)
    with pytest.raises(ProtocolError):
        receive_often(end)


# --- two processes -------------------------------------------------------------------------------


@pytest.mark.processes
@pytest.mark.parametrize("kind", ["usual", "fenced", "streamed"])
@pytest.mark.parametrize("n_local", [2, 64])
def test_two_processes(kind: str, n_local: int) -> None:
    """Two processes that flood each other get all, in order and unchanged, sleeping and waking."""
    segment = create_segment(segment_bytes(n_local))
    doorbells = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
    shared = [segment, *doorbells]
    command = [sys.executable, "-m", "tests.distrcomp.links.stress"]
    words = [str(segment), str(n_local), "0.8", kind, *map(str, doorbells)]
    sides = [
        subprocess.Popen(
            [*command, str(here), *words],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=shared,
            text=True,
        )
        for here in range(2)
    ]
    for descriptor in shared:
        os.close(descriptor)
    try:
        assert ["ready\n"] * 2 == [side.stdout.readline() for side in sides if side.stdout]
        for side in sides:
            if side.stdin:
                side.stdin.write("go\n")
                side.stdin.flush()
        ends = [side.communicate(timeout=60) for side in sides]
    finally:
        for side in sides:
            side.kill()
            side.wait()
    assert ["", ""] == [stderr for _, stderr in ends]
    one, other = ([int(word) for word in stdout.split()] for stdout, _ in ends)
    assert (one[0], other[0]) == (other[1], one[1])
    assert min(one[0], other[0]) > 20
    assert one[2] + other[2] > 0
    assert [0, 0] == [side.returncode for side in sides]
