"""The protocol of windows, nodes back to back without I/O, against a sequential model."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.mpi.typemap import Grid, Layout, Runs
from distrcomp.mpi.window_messages import Kind, Message, contiguous, measure
from distrcomp.mpi.window_protocol import Protocol, ProtocolError, Regions

WINDOW_BYTES = 16


def add(op: int, element: int, into: memoryview, data: memoryview) -> None:
    """Accumulates bytes; REPLACE is 1."""
    for index, byte in enumerate(data):
        into[index] = byte if op else (into[index] + byte) % 256


class Net:
    """Nodes whose messages are delivered one by one, each pair's in order."""

    def __init__(self, n_node: int = 3) -> None:
        self.memories = [bytearray(WINDOW_BYTES) for _ in range(n_node)]
        self.nodes = []
        self.queues: dict[tuple[int, int], deque[bytes]] = {}
        for memory in self.memories:
            regions = Regions()
            regions.attach(0, memoryview(memory))
            self.nodes.append(Protocol(regions, add))

    def post(self, source: int, dest: int, message: Message) -> None:
        self.queues.setdefault((source, dest), deque()).append(message.to_bytes())

    def ready(self) -> list[tuple[int, int]]:
        return sorted(pair for pair, queue in self.queues.items() if queue)

    def deliver(self, source: int, dest: int) -> None:
        data = self.queues[source, dest].popleft()
        for receiver, message in self.nodes[dest].arrive(source, memoryview(data)):
            self.post(dest, receiver, message)

    def settle(self) -> None:
        while pairs := self.ready():
            self.deliver(*pairs[0])

    def operate(self, source: int, dest: int, message: Message) -> list[bytes]:
        """Asks for an operation; the answer's data will be in the list."""
        answers: list[bytes] = []
        take = None
        if message.kind not in (Kind.PUT, Kind.ACCUMULATE):
            take = lambda data: answers.append(bytes(data))  # noqa: E731
        self.post(source, dest, self.nodes[source].operate(dest, message, take))
        return answers


def put(offset: int, data: bytes) -> Message:
    return Message(Kind.PUT, layout=contiguous(offset, len(data)), data=memoryview(data))


def test_put_and_get() -> None:
    """What was put is got, and the flush is answered after both."""
    net = Net()
    net.operate(0, 1, put(2, b"abc"))
    answers = net.operate(0, 1, Message(Kind.GET, layout=contiguous(1, 5)))
    assert net.nodes[0].unflushed() == [1]
    net.post(0, 1, net.nodes[0].ask(1, Kind.FLUSH))
    assert not net.nodes[0].is_answered(1)
    net.settle()
    assert answers == [b"\0abc\0"]
    assert net.nodes[0].is_answered()
    assert net.nodes[0].unflushed() == []


@pytest.mark.parametrize(
    "layout",
    [Grid(1, ((2, 6), (2, 2)), 1), Runs(np.array([1, 3, 7, 9]), np.array([1, 1, 1, 1]))],
)
def test_layouts_with_holes(layout: Layout) -> None:
    """Data goes to the runs of a layout, is accumulated there, and comes back in its order."""
    net = Net()
    net.operate(0, 1, Message(Kind.PUT, layout=layout, data=memoryview(b"\1\2\3\4")))
    net.operate(0, 1, Message(Kind.ACCUMULATE, layout=layout, data=memoryview(b"\1" * 4)))
    answers = net.operate(0, 1, Message(Kind.GET, layout=layout))
    net.settle()
    assert answers == [b"\2\3\4\5"]
    assert bytes(net.memories[1][:11]) == b"\0\2\0\3\0\0\0\4\0\5\0"


def test_compare_and_swap() -> None:
    """Only what is equal is swapped; the old value comes back in both cases."""
    net = Net()
    layout = contiguous(0, 2)
    first = net.operate(
        0, 1, Message(Kind.COMPARE_AND_SWAP, layout=layout, data=memoryview(b"\0\0ab"))
    )
    second = net.operate(
        2, 1, Message(Kind.COMPARE_AND_SWAP, layout=layout, data=memoryview(b"\0\0cd"))
    )
    net.settle()
    assert (first, second, bytes(net.memories[1][:2])) == ([b"\0\0"], [b"ab"], b"ab")


def test_fetch_alone() -> None:
    """Get_accumulate without data (NO_OP) changes nothing."""
    net = Net()
    net.operate(0, 1, put(0, b"ab"))
    answers = net.operate(0, 1, Message(Kind.GET_ACCUMULATE, layout=contiguous(0, 2)))
    net.settle()
    assert answers == [b"ab"]
    assert bytes(net.memories[1][:2]) == b"ab"


def test_outside_the_window() -> None:
    """What is not within the window is refused, changes nothing, and is told once."""
    net = Net()
    net.operate(0, 1, put(WINDOW_BYTES - 1, b"ab"))
    answers = net.operate(0, 1, Message(Kind.GET, layout=contiguous(-1, 1)))
    net.settle()
    node = net.nodes[0]
    assert answers == []
    assert node.is_answered()
    assert (node.take_error(2), node.take_error(1), node.take_error(1)) == (0, 1, 0)
    assert not any(net.memories[1])


def test_locks_travel() -> None:
    """The second exclusive lock is granted when the first is given back."""
    net = Net()
    for node in (0, 2):
        net.post(node, 1, net.nodes[node].ask(1, Kind.LOCK_EXCLUSIVE))
    net.settle()
    assert [net.nodes[node].is_answered(1) for node in (0, 2)] == [True, False]
    net.post(0, 1, net.nodes[0].ask(1, Kind.UNLOCK))
    net.settle()
    assert net.nodes[2].is_answered(1)


def test_operations_wait_behind_the_lock() -> None:
    """What an origin sends after asking for a lock is done when it has it, in order."""
    net = Net()
    net.post(0, 1, Message(Kind.LOCK_EXCLUSIVE))
    net.operate(0, 1, put(0, b"a"))
    net.post(2, 1, Message(Kind.LOCK_EXCLUSIVE))
    net.operate(2, 1, put(0, b"b"))
    answers = net.operate(2, 1, Message(Kind.GET, layout=contiguous(0, 1)))
    net.post(2, 1, Message(Kind.UNLOCK))
    net.post(2, 1, Message(Kind.LOCK_SHARED))
    net.operate(2, 1, put(1, b"c"))
    net.settle()
    assert bytes(net.memories[1][:2]) == b"a\0"
    net.post(0, 1, Message(Kind.UNLOCK))
    net.post(0, 1, Message(Kind.LOCK_SHARED))
    net.settle()
    assert answers == [b"b"]
    assert bytes(net.memories[1][:2]) == b"bc"
    assert net.nodes[1].lock.holders == {0, 2}


@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(1, 3)), max_size=8), st.data()
)
def test_locked_changes_are_never_cut(
    epochs: list[tuple[int, bool, int]], data: st.DataObject
) -> None:
    """Under an exclusive lock what is fetched is what was put just before, whatever the order of
    arrival; in the end nobody holds the lock."""
    net = Net()
    fetched: list[tuple[bytes, list[bytes]]] = []
    for number, (source, is_exclusive, n_change) in enumerate(epochs):
        kind = Kind.LOCK_EXCLUSIVE if is_exclusive else Kind.LOCK_SHARED
        net.post(source, 1, Message(kind))
        for change in range(n_change if is_exclusive else 0):
            value = bytes([number, change])
            net.operate(source, 1, put(0, value))
            fetched.append(
                (value, net.operate(source, 1, Message(Kind.GET, layout=contiguous(0, 2))))
            )
        net.post(source, 1, Message(Kind.UNLOCK))
    while pairs := net.ready():
        net.deliver(*data.draw(st.sampled_from(pairs)))
    assert [[value] for value, _ in fetched] == [answers for _, answers in fetched]
    assert not net.nodes[1].lock.holders
    assert not net.nodes[1].lock.waiting


def test_refusals_answer_nothing() -> None:
    """A put that is refused does not end the wait for the flush behind it."""
    net = Net()
    net.operate(0, 1, put(WINDOW_BYTES, b"a"))
    net.post(0, 1, net.nodes[0].ask(1, Kind.FLUSH))
    net.deliver(0, 1)
    net.deliver(1, 0)
    assert not net.nodes[0].is_answered(1)
    net.settle()
    assert net.nodes[0].is_answered(1)
    assert net.nodes[0].take_error(1) == 1


def test_post_and_complete_are_counted() -> None:
    """Each Post and Complete is one more, of its source."""
    net = Net()
    for kind in (Kind.POST, Kind.COMPLETE, Kind.POST):
        net.post(0, 1, Message(kind))
    net.settle()
    assert net.nodes[1].posted == {0: 2}
    assert net.nodes[1].completed == {0: 1}


@pytest.mark.parametrize(
    "message",
    [
        Message(Kind.UNLOCK),
        Message(Kind.PUT, layout=contiguous(0, 2), data=memoryview(b"a")),
        Message(Kind.GET, layout=contiguous(0, 2), data=memoryview(b"ab")),
        Message(Kind.COMPARE_AND_SWAP, layout=contiguous(0, 2), data=memoryview(b"ab")),
    ],
)
def test_messages_that_cannot_be(message: Message) -> None:
    """A message that does not fit itself or the state is one exception."""
    with pytest.raises(ProtocolError):
        Net().nodes[1].arrive(0, memoryview(message.to_bytes()))
    with pytest.raises(ProtocolError):
        Net().nodes[1].arrive(0, memoryview(b"?"))


def test_foreign_answers() -> None:
    """An answer from another node than the one that was asked is an error."""
    net = Net()
    asked = net.nodes[0].ask(1, Kind.FLUSH)
    with pytest.raises(ProtocolError, match="answers what node 1 was asked"):
        net.nodes[0].handle(2, Message(Kind.DONE, asked.serial))


offsets = st.integers(0, WINDOW_BYTES - 2)
operations = st.one_of(
    st.builds(lambda at, byte: put(at, bytes([byte])), offsets, st.integers(0, 255)),
    st.builds(lambda at: Message(Kind.GET, layout=contiguous(at, 2)), offsets),
    st.builds(
        lambda kind, at, op, data: Message(
            kind, op=op, layout=contiguous(at, 2), data=memoryview(data)
        ),
        st.sampled_from([Kind.ACCUMULATE, Kind.GET_ACCUMULATE]),
        offsets,
        st.integers(0, 1),
        st.binary(min_size=2, max_size=2),
    ),
)


def do(memory: bytearray, message: Message) -> bytes | None:
    """The sequential model: one operation on one memory; what it fetches."""
    nbytes, at, _ = measure(message.layout)
    old = bytes(memory[at : at + nbytes])
    data = message.data
    if message.kind is Kind.PUT or (message.kind is not Kind.GET and message.op):
        memory[at : at + nbytes] = data
    elif message.kind is not Kind.GET:
        memory[at : at + nbytes] = bytes((a + b) % 256 for a, b in zip(old, data, strict=True))
    return None if message.kind in (Kind.PUT, Kind.ACCUMULATE) else old


@given(st.lists(st.tuples(st.integers(0, 2), operations), max_size=12), st.data())
def test_operations_are_done_one_by_one(
    calls: list[tuple[int, Message]], data: st.DataObject
) -> None:
    """Whatever the order of arrival, window and answers are those of one sequence of operations,
    in which those of each origin keep their order."""
    net = Net()
    answers = [net.operate(source, 1, message) for source, message in calls]
    todo = {
        node: deque(
            (call, answer) for call, answer in zip(calls, answers, strict=True) if call[0] == node
        )
        for node in range(3)
    }
    model = bytearray(WINDOW_BYTES)
    expected = []
    while pairs := net.ready():
        source, dest = data.draw(st.sampled_from(pairs))
        if dest == 1 and todo[source]:
            (_, message), answer = todo[source].popleft()
            fetched = do(model, message)
            expected.append((answer, [] if fetched is None else [fetched]))
        net.deliver(source, dest)
    assert net.memories[1] == model
    assert [answer for answer, _ in expected] == [fetched for _, fetched in expected]
