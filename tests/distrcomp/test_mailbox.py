"""distrcomp.mailbox: matching, against a model too dumb to be wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp import limits
from distrcomp.frames import Message
from distrcomp.mailbox import ANY, Mailbox, Receive, awaited

SOURCES, TAGS, COMMUNICATORS = st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)
MESSAGES = st.builds(lambda c, s, t: Message(s, t, c, 1, b"", []), COMMUNICATORS, SOURCES, TAGS)
RECEIVES = st.tuples(COMMUNICATORS, SOURCES | st.just(ANY), TAGS | st.just(ANY))

# To deliver, to deliver back, to post, to find, or to withdraw the live receive of this number.
ACTS = st.lists(
    st.tuples(st.just("deliver") | st.just("back"), MESSAGES)
    | st.tuples(st.just("post") | st.just("find"), RECEIVES)
    | st.tuples(st.just("withdraw"), st.integers(0, 30)),
    max_size=40,
)


def fits(receive: tuple[int, int, int], message: Message) -> bool:
    """The rule of matching, written out."""
    communicator, source, tag = receive
    return (
        communicator == message.communicator
        and (source in (ANY, message.source))
        and (tag in (ANY, message.tag))
    )


class Model:
    """One list of unread messages and one of receives, both in order, always searched whole."""

    def __init__(self) -> None:
        self.unread: list[tuple[int, Message]] = []
        self.waiting: list[tuple[int, tuple[int, int, int]]] = []
        self.matched: dict[int, tuple[int, Message]] = {}

    def fitting(self, receive: tuple[int, int, int]) -> list[tuple[int, Message]]:
        """The unread messages that a receive takes, oldest first."""
        return [unread for unread in sorted(self.unread) if fits(receive, unread[1])]

    def settle(self) -> None:
        """Matches all that fits: receives in their order, each with its oldest message."""
        for entry in list(self.waiting):
            fitting = self.fitting(entry[1])
            if fitting:
                self.matched[entry[0]] = fitting[0]
                self.unread.remove(fitting[0])
                self.waiting.remove(entry)

    def live(self) -> list[int]:
        """The receives that can be withdrawn."""
        return sorted([*self.matched, *(number for number, _ in self.waiting)])

    def withdraw(self, number: int) -> None:
        """Takes receive `number` back, and makes its message unread."""
        self.waiting = [entry for entry in self.waiting if entry[0] != number]
        if number in self.matched:
            self.unread.append(self.matched.pop(number))


@given(ACTS)
def test_against_the_model(acts: list[tuple[str, Any]]) -> None:
    """After any deliveries, posts, finds and withdrawals every receive holds the model's message.

    A message that is delivered back is the oldest of all; one at a time is, in the product as here.
    """
    mailbox, model = Mailbox(), Model()
    receives: list[Receive] = []
    is_back = False
    for time, (act, what) in enumerate(acts, 1):
        if act == "deliver":
            message = what._replace(meta=time.to_bytes(2, "big"))
            mailbox.deliver(message)
            model.unread.append((time, message))
        elif act == "back" and not is_back:
            is_back = True
            mailbox.deliver_back(what)
            model.unread.append((0, what))
        elif act == "post":
            receives.append(Receive(*what))
            mailbox.post(receives[-1])
            model.waiting.append((len(receives) - 1, what))
        elif act == "find":
            assert [m for _, m in model.fitting(what)][:1] == [
                found for found in [mailbox.find(Receive(*what))] if found is not None
            ]
        elif act == "withdraw" and what < len(model.live()):
            number = model.live()[what]
            mailbox.withdraw(receives[number])
            model.withdraw(number)
        model.settle()
        expected = [model.matched.get(number, (0, None))[1] for number in range(len(receives))]
        assert expected == [receive.message for receive in receives]
        check_bookkeeping(mailbox, [message for _, message in model.unread])


def check_bookkeeping(mailbox: Mailbox, unread: list[Message]) -> None:
    """What the mailbox counts is what the model holds."""
    for communicator in (0, 1):
        there = [message for message in unread if message.communicator == communicator]
        assert sum(mailbox.unmatched(communicator).values()) == len(there)
    assert set(mailbox.unread) == {message.source for message in unread}
    counted = dict.fromkeys(mailbox.unread, 0)
    for message in unread:
        counted[message.source] += message.payload_bytes + limits.MESSAGE_OVERHEAD_BYTES
    assert mailbox._unread_bytes == counted


@given(st.lists(MESSAGES, max_size=20))
def test_order_is_kept(messages: list[Message]) -> None:
    """Messages of one source and tag come in the order in which they were delivered."""
    mailbox = Mailbox()
    for number, message in enumerate(messages):
        mailbox.deliver(message._replace(codec=number))
    for key in {(m.communicator, m.source, m.tag) for m in messages}:
        count = mailbox.unmatched(key[0])[key[1:]]
        receives = [Receive(*key) for _ in range(count)]
        for receive in receives:
            mailbox.post(receive)
        numbers = [receive.message.codec for receive in receives if receive.message]
        assert numbers == sorted(numbers)
        assert len(numbers) == count


def test_withdrawn_messages_keep_their_order() -> None:
    """Two interrupted receives give their messages back in the old order, whoever is first."""
    mailbox = Mailbox()
    first, second = Receive(0, 1, 1), Receive(0, 1, 1)
    for meta in (b"a", b"b", b"c"):
        mailbox.deliver(Message(1, 1, 0, 1, meta, []))
    mailbox.post(first)
    mailbox.post(second)
    mailbox.withdraw(first)
    mailbox.withdraw(second)
    came = []
    for _ in range(3):
        receive = Receive(0, ANY, ANY)
        mailbox.post(receive)
        came.append(receive.message.meta if receive.message else None)
    assert came == [b"a", b"b", b"c"]


def test_withdrawn_message_goes_to_who_waits() -> None:
    """A receive that waits gets the message of the one that was interrupted."""
    mailbox = Mailbox()
    first, second = Receive(0, 1, ANY), Receive(0, ANY, 1)
    mailbox.post(first)
    mailbox.post(second)
    message = Message(1, 1, 0, 1, b"", [])
    mailbox.deliver(message)
    assert (first.message, second.message) == (message, None)
    mailbox.withdraw(first)
    assert (first.message, second.message) == (None, message)
    assert mailbox.unmatched(0) == {}


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ([], "no other message has arrived"),
        ([8, 8, 7], "unread: 1 from node 3 with tag 7, 2 from node 3 with tag 8"),
        (
            range(9),
            "unread: " + ", ".join(f"1 from node 3 with tag {tag}" for tag in range(8)) + " ...",
        ),
    ],
)
def test_describe_unmatched(tags: Any, text: str) -> None:
    """What lies unread is told by source and tag, at most eight kinds of it."""
    mailbox = Mailbox()
    for tag in tags:
        mailbox.deliver(Message(3, tag, 5, 1, b"", []))
    mailbox.deliver(Message(0, 0, 6, 1, b"", []))
    assert mailbox.describe_unmatched(5) == text


def test_withdraw_of_what_is_not_posted() -> None:
    """Taking back a receive that is not here, or twice, does nothing."""
    mailbox = Mailbox()
    receive = Receive(0, ANY, ANY)
    mailbox.withdraw(receive)
    mailbox.post(receive)
    mailbox.withdraw(receive)
    mailbox.withdraw(receive)
    mailbox.deliver(Message(1, 1, 0, 1, b"", []))
    assert receive.message is None
    assert mailbox.unmatched(0) == {(1, 1): 1}


@pytest.mark.parametrize("source", [1, ANY])
def test_full_for_who_is_not_asked_for(monkeypatch: pytest.MonkeyPatch, source: int) -> None:
    """Too much from one source is too much until a receive or a probe asks for that source."""
    monkeypatch.setattr(limits, "UNREAD_BYTES", 1_000)
    mailbox = Mailbox()
    mailbox.deliver(Message(1, 0, 0, 1, bytes(1_000), []))
    assert (mailbox.is_full(1), mailbox.is_full(2)) == (True, False)
    other, wanted = Receive(0, 2, ANY), Receive(0, source, 5)
    mailbox.post(other)
    assert mailbox.is_full(1)
    mailbox.post(wanted)
    assert not mailbox.is_full(1)
    mailbox.withdraw(wanted)
    assert mailbox.is_full(1)
    mailbox.probes.append(wanted)
    assert not mailbox.is_full(1)
    mailbox.probes.remove(wanted)
    mailbox.post(Receive(0, 1, 0))
    assert not mailbox.is_full(1)


def test_what_probes_look_for() -> None:
    """A probe looks for what it takes, and for nothing else."""
    mailbox = Mailbox()
    mailbox.probes.append(Receive(0, 1, ANY))
    messages = [Message(1, 3, 0, 1, b"", []), Message(2, 3, 0, 1, b"", [])]
    assert [mailbox.is_looked_for(message) for message in messages] == [True, False]


@pytest.mark.parametrize(
    ("source", "tag", "text"),
    [
        (ANY, ANY, "recv from any node with any tag"),
        (2, ANY, "recv from node 2 with any tag"),
        (ANY, 0, "recv from any node with tag 0"),
        (2, 7, "recv from node 2 with tag 7"),
    ],
)
def test_awaited(source: int, tag: int, text: str) -> None:
    """A receive in words."""
    assert text == awaited(source, tag)
