"""What every link promises (distrcomp.links.base), held by each of them."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from distrcomp.errors import ProtocolError
from distrcomp.frames import ACKNOWLEDGEMENT, Message, goodbye, message_parts
from distrcomp.limits import KIB, MIB
from distrcomp.links import LinkEnded
from tests.distrcomp.links.kit import KINDS, End, link_pair, move

Pair = tuple[End, End]

CODEC = 5  # one whose meta comes as it went; a pickle's may be padded


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two ends of each kind of link; the first one is node 0's."""
    with link_pair(request.param) as ends:
        yield ends


def message(number: int, *sizes: int, meta: bytes = b"meta") -> Message:
    """A message of node 0 whose buffers have these sizes and contents of their own."""
    chance = random.Random(number)
    buffers = [memoryview(chance.randbytes(size)) for size in sizes]
    return Message(0, number, 7, CODEC, meta, buffers)


def from_node_1(sent: Message) -> Message:
    """The same, from the other end."""
    return sent._replace(source=1)


def as_lists(messages: list[Message]) -> list[Any]:
    """Messages as they compare, whatever types hold their bytes."""
    return [
        each._replace(meta=bytes(each.meta), buffers=[bytes(memoryview(b)) for b in each.buffers])
        for each in messages
    ]


def send(end: End, *messages: Message) -> None:
    """Posts these messages."""
    for each in messages:
        end.link.post(each)


def expect(pair: Pair, *sent: Message) -> None:
    """The second end receives just these."""
    one, other = pair
    move([one, other], lambda: len(other.received) >= len(sent) and not one.link.queued_bytes)
    assert as_lists(list(sent)) == as_lists(other.received)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 2047, 2048, 16_376, 16_384, 65_536, 300_000, 5 * MIB])
def test_sizes(pair: Pair, size: int) -> None:
    """A buffer of any size arrives whole, and so does a meta of that size, first or later."""
    meta = message(3, size).buffers[0].tobytes()
    sent = [message(1, size), message(2, meta=meta), message(4, size, meta=meta)]
    send(pair[0], *sent)
    expect(pair, *sent)


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
    assert one.link.is_drained() is True
    send(one, message(1, 2 * MIB))
    move([one, other], lambda: other.received)
    while not one.link.is_drained():  # acknowledgements wake nobody
        other.read()
    assert one.link.queued_bytes == 0


def test_goodbye(pair: Pair) -> None:
    """A goodbye is a clean end, after all that was posted before it; saying it twice is once."""
    one, other = pair
    sent = [message(number, 100_000) for number in range(20)]
    send(one, *sent)
    one.link.finish()
    one.link.finish()
    move([one, other], lambda: other.link.at_end)
    move([other], lambda: other.ended)
    assert as_lists(sent) == as_lists(other.received)
    assert other.ended is not None
    assert (other.ended.clean, str(other.ended)) == (True, "it has finished")
    assert one.link.at_end is False
    move([one], lambda: one.link.is_drained())


def test_nothing_is_sent_after_the_goodbye(pair: Pair) -> None:
    """What is posted after `finish` is lost, so the other end sees a clean end."""
    one, other = pair
    one.link.finish()
    for late in (message(1), message(2, MIB), Message(0, 0, 0, ACKNOWLEDGEMENT, b"", [], 1)):
        assert one.link.post(late) is None
    move([one, other], lambda: other.ended)
    assert other.received == []
    assert other.ended is not None
    assert other.ended.clean is True
    with pytest.raises(LinkEnded):
        other.link.receive(1)


def test_goodbye_and_close(pair: Pair) -> None:
    """What was written before the close is read after it."""
    one, other = pair
    sent = message(1, 10_000)
    send(one, sent)
    one.link.finish()
    assert one.link.queued_bytes == 0
    one.close()
    move([other], lambda: other.ended)
    assert as_lists([sent]) == as_lists(other.received)
    assert other.ended is not None
    assert other.ended.clean is True


def test_the_other_way_stays_open(pair: Pair) -> None:
    """Who said goodbye still receives."""
    one, other = pair
    one.link.finish()
    move([one, other], lambda: other.ended)
    sent = [from_node_1(message(1)), from_node_1(message(2, MIB))]
    send(other, *sent)
    move([one, other], lambda: len(one.received) == 2)
    assert as_lists(sent) == as_lists(one.received)


def test_end_without_goodbye(pair: Pair) -> None:
    """A plain close is an end that is not clean, after all that was sent; it is said again."""
    one, other = pair
    sent = [message(number, 100) for number in range(30)]
    send(one, *sent)
    assert one.link.queued_bytes == 0
    one.close()
    move([other], lambda: other.ended)
    assert as_lists(sent) == as_lists(other.received)
    assert other.ended is not None
    assert other.ended.clean is False
    assert other.link.at_end
    with pytest.raises(LinkEnded):
        other.link.receive(1)


@pytest.mark.parametrize("reads", [0, 1, 2, 5])
def test_end_while_much_is_queued(pair: Pair, reads: int) -> None:
    """Of what was still queued at the close nothing comes, or whole messages in order."""
    one, other = pair
    sent = [message(number, 4 * MIB) for number in range(3)]
    send(one, *sent)
    for _ in range(reads):
        one.link.flush()
        other.read(1)
    one.close()
    move([other], lambda: other.ended)
    assert len(other.received) < 3
    assert as_lists(sent)[: len(other.received)] == as_lists(other.received)
    assert other.ended is not None
    assert other.ended.clean is False


def test_end_inside_a_message(pair: Pair) -> None:
    """A message that is cut is never delivered, and the end says that it was cut (F-13)."""
    one, other = pair
    whole = b"".join(message_parts(message(1, 1000)))
    one.say(whole + whole[:500])
    one.close()
    move([other], lambda: other.ended)
    assert as_lists([message(1, 1000)]) == as_lists(other.received)
    assert other.ended is not None
    assert other.ended.clean is False
    assert str(other.ended).endswith("ended inside a message")


def test_peer_closes_while_we_write(pair: Pair) -> None:
    """Writing to who is gone raises nothing: the link is broken, and its end is read."""
    one, other = pair
    send(one, message(1, 16 * MIB))
    assert one.link.queued_bytes > 0
    other.close()
    move([one], lambda: one.link.is_broken and one.ended)
    assert one.link.queued_bytes == 0
    assert one.link.is_drained()
    assert one.ended is not None
    assert one.ended.clean is False
    assert one.link.post(message(2, 10)) is None
    assert one.link.post(message(2, MIB)) is None
    assert one.link.queued_bytes == 0


def test_last_words_of_who_closed(pair: Pair) -> None:
    """What a closed end had written is still read after our writing has failed."""
    one, other = pair
    last = from_node_1(message(1, 1000))
    send(other, last)
    other.link.finish()
    other.close()
    send(one, message(2, 10))
    send(one, message(3, 10))
    move([one], lambda: one.ended)
    assert as_lists([last]) == as_lists(one.received)
    assert one.ended is not None
    assert one.ended.clean is True


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\nHost: there\r\n\r\n", b"\xff" * 100])
def test_garbage(pair: Pair, garbage: bytes) -> None:
    """Bytes that are no message are a ProtocolError."""
    one, other = pair
    one.say(garbage)
    with pytest.raises(ProtocolError):
        move([other], lambda: other.ended)


@pytest.mark.parametrize("late", [goodbye(), b"".join(message_parts(message(1, 10)))])
def test_message_after_the_goodbye(pair: Pair, late: bytes) -> None:
    """Nothing may follow a goodbye."""
    one, other = pair
    one.say(goodbye() + late)
    with pytest.raises(ProtocolError, match="a message after the goodbye"):
        move([one, other], lambda: other.ended)


@pytest.mark.parametrize("size", [0, 10, 100 * KIB])
def test_nothing_is_read_after_the_goodbye(pair: Pair, size: int) -> None:
    """A message that comes after the goodbye was read is never delivered."""
    one, other = pair
    one.say(goodbye())
    move([other], lambda: other.link.at_end)
    send(one, message(1, size, meta=bytes(size)))
    move([other], lambda: other.ended)
    with pytest.raises((ProtocolError, LinkEnded)):
        other.link.receive(1)
    assert other.received == []


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
