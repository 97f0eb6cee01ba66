"""What every link promises (distrcomp.links.base), held by each of them: what is sent arrives."""

from __future__ import annotations

import gc
import random
import weakref

import numpy as np
import pytest

from distrcomp.codec import encode
from distrcomp.frames import ACKNOWLEDGEMENT, Message
from distrcomp.limits import KIB, MIB
from tests.distrcomp.links.kit import (
    CODEC,
    TIMEOUT_S,
    Pair,
    as_lists,
    expect,
    from_node_1,
    message,
    move,
    send,
)
from tests.leaks import wait_until


@pytest.mark.parametrize("size", [0, 1, 7, 8, 2047, 2048, 16_376, 16_384, 65_536, 300_000, 5 * MIB])
def test_sizes(pair: Pair, size: int) -> None:
    """A buffer of any size arrives whole, and so does a meta of that size, first or later."""
    meta = message(3, size).buffers[0].tobytes()
    sent = [message(1, size), message(2, meta=meta), message(4, size, meta=meta)]
    send(pair[0], *sent)
    expect(pair, *sent)


@pytest.mark.parametrize(
    "value",
    [{"a": 1}, list(range(9)), 7, 2**99, "text", "Käse", b"x" * 100, b"x" * 3_000, np.arange(9)],
)
def test_an_object_has_one_length(pair: Pair, value: object) -> None:
    """How many bytes an object takes while it travels is the same on every path."""
    sent = Message(0, 1, 7, *encode(value))
    send(pair[0], sent, sent)
    expect(pair, sent, sent)
    assert sent.payload_bytes == pair[1].received[0].payload_bytes


def test_order(pair: Pair) -> None:
    """Messages of mixed sizes arrive in the order in which they were posted."""
    chance = random.Random(5)
    sizes = [0, 10, 1_000, 5_000, 20_000, 200_000]
    sent = [
        message(number, *chance.choices(sizes, k=chance.randrange(3)), meta=bytes(number % 3000))
        for number in range(300)
    ]
    sent[100] = message(100, 4 * MIB, 0, 3 * MIB)
    send(pair[0], *sent)
    expect(pair, *sent)


def test_order_while_moving(pair: Pair) -> None:
    """The same when posts, writes and reads take turns at random, with `own` between them."""
    one, other = pair
    chance = random.Random(6)
    sent = []
    for number in range(1, 600):
        sent.append(message(number, *chance.choices([1, 3_000, 70_000], k=chance.randrange(3))))
        one.link.post(sent[-1])
        act = chance.randrange(8)
        if act == 0:
            one.link.own()
        elif act == 1 and one.link.queued_bytes:
            one.link.flush()
        elif act < 5 and other.link.can_receive():
            other.read(act)
    expect(pair, *sent)


@pytest.mark.parametrize("count", [0, 1, 59, 60, 61, 1000])
@pytest.mark.parametrize("size", [0, 1, 1_000])
def test_many_buffers(pair: Pair, count: int, size: int) -> None:
    """A message may have any number of buffers, empty ones among them."""
    sent = message(1, *((index % 3) * size for index in range(count)))
    long = sent._replace(meta=bytes(range(256)) * 3)
    send(pair[0], sent, long, sent)
    expect(pair, sent, long, sent)


def test_both_ways_at_once(pair: Pair) -> None:
    """Both ends can post much at once, and both get all of it."""
    one, other = pair
    sent = message(1, 4 * MIB), from_node_1(message(2, 4 * MIB))
    send(one, sent[0])
    send(other, sent[1])
    move([one, other], lambda: one.received and other.received)
    assert as_lists([sent[1], sent[0]]) == as_lists(one.received + other.received)


@pytest.mark.parametrize("size", [0, 100, 100 * KIB])
def test_all_of_a_message(pair: Pair, size: int) -> None:
    """Source, tag, communicator, codec and serial arrive, at their bounds as well."""
    largest = Message(0, 2**31 - 1, 2**17 - 2, 14, b"", [memoryview(bytes(size))], 2**32 - 1)
    sent = [
        largest,
        largest._replace(serial=0),
        largest._replace(buffers=[], meta=bytes(size)),
        Message(0, 0, 0, ACKNOWLEDGEMENT, b"", [], 5),
        Message(0, 0, 0, ACKNOWLEDGEMENT, b"", [], 2**32 - 1),
    ]
    send(pair[0], *sent)
    expect(pair, *sent)


def test_nothing_to_read(pair: Pair) -> None:
    """Reading when nothing has come gives nothing, and does not wait."""
    for end in pair:
        assert end.link.receive(1) == []
        assert end.link.at_end is False
        assert end.link.is_broken is False
        assert end.link.queued_bytes == 0
        assert end.link.flush() is False


def test_connection(pair: Pair) -> None:
    """A link over sockets names its socket, which is the one that becomes readable; others none."""
    for end in pair:
        connection = end.link.connection
        assert end.link.fileno() == (None if connection is None else connection.fileno())


@pytest.mark.parametrize("sizes", [(), (1_000,), (100 * KIB,), (MIB, 0, MIB)])
def test_what_arrives_is_the_receivers_own(pair: Pair, sizes: tuple[int, ...]) -> None:
    """What arrives is writable, and shares nothing with the sender or another message."""
    content = bytearray(b"a" * MIB)
    sent = Message(0, 1, 0, CODEC, b"m", [memoryview(content)[:size] for size in sizes])
    send(pair[0], sent, sent)
    expect(pair, sent, sent)
    first, second = pair[1].received
    for buffer in first.buffers:
        memoryview(buffer)[:] = b"b" * len(buffer)
    assert all(bytes(memoryview(each)) == b"a" * len(each) for each in second.buffers)
    assert content == b"a" * MIB
    content[:] = b"c" * MIB
    assert all(bytes(memoryview(each)) == b"a" * len(each) for each in second.buffers)
    assert all(bytes(memoryview(each)) == b"b" * len(each) for each in first.buffers)


def test_objects_may_change_when_out(pair: Pair) -> None:
    """Once a message is out its sender may change the buffer and send it again."""
    one, other = pair
    buffer = bytearray(300_000)
    for turn in range(1, 9):
        buffer[:] = bytes([turn]) * len(buffer)
        pending = one.link.post(Message(0, turn, 0, CODEC, b"", [memoryview(buffer)]))
        move([one, other], lambda pending=pending: pending is None or pending.is_out)
    buffer[:] = bytes(len(buffer))
    move([one, other], lambda: len(other.received) == 8)
    for each in other.received:
        assert bytes(memoryview(each.buffers[0])).count(each.tag) == len(buffer)


@pytest.mark.parametrize("reads", [0, 1, 3, 6])
def test_own(pair: Pair, reads: int) -> None:
    """After `own`, at any point of the transfer, what is out may change; all arrives as sent."""
    one, other = pair
    buffers = [bytearray(b"a" * (4 * MIB)) for _ in range(4)]
    sent = [Message(0, tag, 0, CODEC, b"", [memoryview(buffers[tag])]) for tag in range(4)]
    pending = [one.link.post(each) for each in sent]
    assert one.link.queued_bytes > 0
    for _ in range(reads):
        one.link.flush()
        other.read(1)
    one.link.own()
    n_changed = 0
    for buffer, each in zip(buffers, pending, strict=True):
        if each is None or each.is_out:
            buffer[:] = b"b" * len(buffer)
            n_changed += 1
    assert n_changed >= 3  # the receiver may be reading one of them
    one.link.own()
    move([one, other], lambda: len(other.received) == 4)
    assert all(bytes(memoryview(each.buffers[0])).count(b"a") == 4 * MIB for each in other.received)
    move([one, other], lambda: not one.link.queued_bytes)
    assert all(each is None or each.is_out for each in pending)


def test_queued_bytes(pair: Pair) -> None:
    """Queued is about what was posted and is not out yet; it falls to 0 by the receiver's reads."""
    one, other = pair
    send(one, message(1, 8 * MIB, 8 * MIB))
    queued = one.link.queued_bytes
    assert 0 < queued <= 16 * MIB + KIB
    assert one.link.is_drained() is False
    assert one.link.flush() is (one.link.queued_bytes < queued)
    queued = one.link.queued_bytes
    send(one, message(2, 100_000))
    assert queued < one.link.queued_bytes <= queued + 100_000 + KIB
    move([one, other], lambda: len(other.received) == 2 and not one.link.queued_bytes)


def test_is_drained(pair: Pair) -> None:
    """With the other end reading, all that was posted gets there."""
    one, other = pair
    wait_until(one.link.is_drained, TIMEOUT_S, "the handshake's acknowledgement")
    send(one, message(1, 2 * MIB))
    move([one, other], lambda: other.received)
    while not one.link.is_drained():  # acknowledgements wake nobody
        other.read()
    assert one.link.queued_bytes == 0


class Buffer(bytearray):
    """Memory whose end can be seen."""


def test_close(pair: Pair) -> None:
    """A closed link keeps nothing that was posted, and has no descriptor; closing twice is once."""
    one, other = pair
    buffer = Buffer(16 * MIB)
    freed = weakref.ref(buffer)
    send(one, Message(0, 0, 0, CODEC, b"", [memoryview(buffer)]))
    other.read(1)
    del buffer
    one.link.close()
    one.link.close()
    gc.collect()
    assert freed() is None
    assert one.link.queued_bytes == 0
    assert one.link.fileno() in (None, -1)
    assert one.link.flush() is False


def test_what_was_sent_is_let_go(pair: Pair) -> None:
    """Once it has arrived, the link keeps nothing of a message."""
    one, other = pair
    buffer = Buffer(MIB)
    freed = weakref.ref(buffer)
    send(one, Message(0, 0, 0, CODEC, b"", [memoryview(buffer)]))
    del buffer
    move([one, other], lambda: other.received and not one.link.queued_bytes)
    gc.collect()
    assert freed() is None
