"""What every link promises (distrcomp.links.base), held by each of them: how it ends."""

from __future__ import annotations

import pytest

from distrcomp.errors import ProtocolError
from distrcomp.frames import ACKNOWLEDGEMENT, Message, goodbye, message_parts
from distrcomp.limits import KIB, MIB
from distrcomp.links import LinkEnded
from tests.distrcomp.links.kit import Pair, as_lists, from_node_1, message, move, send


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
    sent = [message(number, 4 * MIB) for number in range(6)]
    send(one, *sent)
    for _ in range(reads):
        one.link.flush()
        other.read(1)
    one.close()
    move([other], lambda: other.ended)
    assert len(other.received) < 6
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
