"""What every link promises (distrcomp.links.base), held by each of them."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from distrcomp.errors import ProtocolError
from distrcomp.frames import WireMessage, message_parts
from distrcomp.limits import MIB
from distrcomp.links import LinkEnded
from tests.distrcomp.links.kit import PAIRS, End, link_pair, move

Pair = tuple[End, End]


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two ends of each kind of link."""
    with link_pair(request.param) as ends:
        yield ends


def message(number: int, *sizes: int, meta: bytes = b"meta") -> WireMessage:
    """A message whose buffers have these sizes and contents of their own."""
    chance = random.Random(number)
    return WireMessage(7, number, 1, meta, [memoryview(chance.randbytes(size)) for size in sizes])


def send(end: End, *messages: WireMessage) -> None:
    """Posts these messages."""
    for each in messages:
        end.link.post(message_parts(each))


@pytest.mark.parametrize("size", [0, 1, 23, 1000, 65_536, 300_000, 5 * MIB])
def test_sizes(pair: Pair, size: int) -> None:
    """A buffer of any size arrives whole, and so does a meta of that size."""
    one, other = pair
    sent = [message(1, size), WireMessage(0, 2, 3, message(3, size).buffers[0].tobytes(), [])]
    send(one, *sent)
    move([one, other], lambda: len(other.received) == 2)
    assert other.received == sent
    assert one.link.queued_bytes == 0


def test_order(pair: Pair) -> None:
    """Messages of mixed sizes arrive in the order in which they were posted."""
    one, other = pair
    chance = random.Random(5)
    sent = [message(number, chance.choice([0, 10, 5_000, 200_000])) for number in range(200)]
    send(one, *sent)
    move([one, other], lambda: len(other.received) == 200)
    assert other.received == sent


def test_many_buffers(pair: Pair) -> None:
    """A message may have more buffers than one system call takes, empty ones among them."""
    one, other = pair
    sent = message(1, *(size % 5 * 7 for size in range(3_000)))
    send(one, sent)
    move([one, other], lambda: other.received)
    assert other.received == [sent]


def test_both_ways_at_once(pair: Pair) -> None:
    """Both ends can post much at once, and both get all of it."""
    one, other = pair
    sent = message(1, 4 * MIB), message(2, 4 * MIB)
    send(one, sent[0])
    send(other, sent[1])
    move([one, other], lambda: one.received and other.received)
    assert (one.received, other.received) == ([sent[1]], [sent[0]])


def test_nothing_to_read(pair: Pair) -> None:
    """Reading when nothing has come gives nothing, and does not wait."""
    one, other = pair
    assert (one.link.receive(), other.link.receive()) == ([], [])
    assert (one.link.at_end, other.link.at_end) == (False, False)


def test_queued_bytes(pair: Pair) -> None:
    """Queued is what was posted less what was written; it falls only by writing."""
    one, other = pair
    parts = message_parts(message(1, 8 * MIB, 8 * MIB))
    one.link.post(parts)
    queued = one.link.queued_bytes
    assert 0 < queued <= sum(len(part) for part in parts)
    assert one.link.is_drained() is False
    assert one.link.flush() is (one.link.queued_bytes < queued)
    queued = one.link.queued_bytes
    more = message_parts(message(2, 100))
    one.link.post(more)
    assert one.link.queued_bytes == queued + sum(len(part) for part in more)
    move([one, other], lambda: len(other.received) == 2)
    assert one.link.queued_bytes == 0


def test_own(pair: Pair) -> None:
    """After `own` the sender may change its objects; what arrives is what was sent."""
    one, other = pair
    buffer = bytearray(b"a" * (16 * MIB))
    one.link.post(message_parts(WireMessage(0, 0, 1, b"", [memoryview(buffer)])))
    queued = one.link.queued_bytes
    assert queued > 0
    one.link.own()
    assert one.link.queued_bytes == queued
    buffer[:] = b"b" * len(buffer)
    move([one, other], lambda: other.received)
    assert other.received[0].buffers[0].count(b"a") == len(buffer)


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
    other.read()
    assert other.received == sent
    assert other.ended is not None
    assert (other.ended.clean, str(other.ended)) == (True, "it has finished")
    assert one.link.at_end is False


def test_goodbye_and_close(pair: Pair) -> None:
    """What was written before the close is read after it."""
    one, other = pair
    sent = message(1, 10_000)
    send(one, sent)
    one.link.finish()
    assert one.link.queued_bytes == 0
    one.link.close()
    move([other], lambda: other.ended)
    assert other.received == [sent]
    assert other.ended is not None
    assert other.ended.clean is True


def test_the_other_way_stays_open(pair: Pair) -> None:
    """Who said goodbye still receives."""
    one, other = pair
    one.link.finish()
    send(other, message(1, MIB))
    move([one, other], lambda: one.received and other.ended)
    assert one.received == [message(1, MIB)]


def test_end_without_goodbye(pair: Pair) -> None:
    """A plain close is an end that is not clean; reading again says it again."""
    one, other = pair
    one.link.close()
    move([other], lambda: other.ended)
    assert other.ended is not None
    assert other.ended.clean is False
    assert other.link.at_end
    with pytest.raises(LinkEnded):
        other.link.receive()


def test_end_inside_a_message(pair: Pair) -> None:
    """A message that is cut is never delivered, and the end says that it was cut (F-13)."""
    one, other = pair
    whole = b"".join(message_parts(message(1, 1000)))
    one.link.post([whole + whole[:500]])
    one.link.close()
    move([other], lambda: other.ended)
    assert other.received == [message(1, 1000)]
    assert other.ended is not None
    assert other.ended.clean is False
    assert str(other.ended) == "its connection ended inside a message"


def test_peer_closes_while_we_write(pair: Pair) -> None:
    """Writing to who is gone raises nothing: the link is broken, and its end is read."""
    one, other = pair
    send(one, message(1, 16 * MIB))
    assert one.link.queued_bytes > 0
    other.link.close()
    move([one], lambda: one.link.is_broken and one.ended)
    assert one.link.queued_bytes == 0
    assert one.link.is_drained()
    assert one.ended is not None
    assert one.ended.clean is False
    send(one, message(2, 10))
    assert one.link.queued_bytes == 0


def test_last_words_of_who_closed(pair: Pair) -> None:
    """What a closed end had written is still read after our writing has failed."""
    one, other = pair
    send(other, message(1, 1000))
    other.link.finish()
    other.link.close()
    send(one, message(2, 10))
    send(one, message(3, 10))
    move([one], lambda: one.ended)
    assert one.received == [message(1, 1000)]
    assert one.ended is not None
    assert one.ended.clean is True


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\nHost: there\r\n\r\n", b"\xff" * 100])
def test_garbage(pair: Pair, garbage: bytes) -> None:
    """Bytes that are no message are a ProtocolError."""
    one, other = pair
    one.link.post([garbage])
    with pytest.raises(ProtocolError):
        move([other], lambda: other.ended)


def test_message_after_the_goodbye(pair: Pair) -> None:
    """Nothing may follow a goodbye."""
    one, other = pair
    one.link.finish()
    send(one, message(1, 10))
    with pytest.raises(ProtocolError, match="a message after the goodbye"):
        move([other], lambda: other.received)


def test_empty_parts(pair: Pair) -> None:
    """Posting parts without a byte sends nothing."""
    one, other = pair
    one.link.post([b"", memoryview(b"")])
    assert one.link.queued_bytes == 0
    send(one, message(1, 3))
    move([one, other], lambda: other.received)
    assert other.received == [message(1, 3)]


def test_close_twice(pair: Pair) -> None:
    """A closed link has no descriptor and nothing queued; closing it again does nothing."""
    one, _ = pair
    send(one, message(1, 16 * MIB))
    one.link.close()
    one.link.close()
    assert (one.link.fileno(), one.link.queued_bytes) == (-1, 0)
