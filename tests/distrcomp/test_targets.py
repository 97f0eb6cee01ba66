"""distrcomp.targets: messages that arrive straight in the memory of their receive."""

from __future__ import annotations

import array
from typing import Any

import numpy as np
import pytest

from distrcomp.codec import encode
from distrcomp.frames import Message
from distrcomp.limits import KIB, MIB
from distrcomp.links import offers
from distrcomp.mailbox import Mailbox, Receive
from distrcomp.raw import encode_raw
from distrcomp.status import Status
from distrcomp.targets import Target, raw_target, target_of
from tests.distrcomp.kit import MEMORY, MIXED, STREAM, TIMEOUT_S, Nodes
from tests.distrcomp.kit import nodes as nodes_of


def sent(value: Any) -> tuple[Message, int]:
    """The message that an object is, without its buffer, and the size of that."""
    codec, meta, buffers = encode(value)
    return Message(0, 1, 2, codec, meta, []), sum(map(len, buffers))


FITTING: list[tuple[Any, Any]] = [
    (np.zeros(500), np.arange(500.0)),
    (np.zeros((20, 30), order="F"), np.asfortranarray(np.ones((20, 30)))),
    (np.zeros(9, "M8[s]"), np.ones(9, "M8[s]")),
    (bytearray(3000), bytes(3000)),
    (array.array("d", bytes(4000)), bytearray(4000)),
    (np.zeros(300, complex)[:], np.ones(300, complex)),
]


@pytest.mark.parametrize(("out", "value"), FITTING)
def test_what_arrives_straight(out: Any, value: Any) -> None:
    """An array like `out`, and bytes of a buffer's size, may lie there as they come."""
    target = target_of(out)
    assert target is not None
    memory = target.memory_for(*sent(value))
    assert memory is not None
    assert len(memory) == sent(value)[1]
    memory[:] = b"\1" * memory.nbytes
    assert b"\1" * memory.nbytes == (out.tobytes() if hasattr(out, "tobytes") else bytes(out))


MISFITS: list[tuple[Any, Any]] = [
    (np.zeros(500), np.arange(499.0)),
    (np.zeros(500), np.zeros(500, np.int64)),
    (np.zeros((20, 30)), np.asfortranarray(np.ones((20, 30)))),
    (np.zeros(500), bytes(4000)),
    (bytearray(3000), bytes(2999)),
    (bytearray(4000), np.zeros(500)),
    (bytearray(3000), {"an": "object"}),
    (bytearray(3000), b"short"),
]


@pytest.mark.parametrize(("out", "value"), MISFITS)
def test_what_does_not(out: Any, value: Any) -> None:
    """Whatever else comes lies elsewhere first."""
    target = target_of(out)
    assert target is not None
    assert target.memory_for(*sent(value)) is None


@pytest.mark.parametrize("out", [np.zeros((4, 6))[::2, ::3], np.zeros(0), bytearray()])
def test_no_target(out: Any) -> None:
    """Memory with gaps, and none, is no target."""
    assert target_of(out) is None


def test_read_only_memory_is_no_target() -> None:
    """Nothing is written to what is read-only."""
    out = np.zeros(5)
    out.flags.writeable = False
    assert target_of(out) is None
    assert raw_target(None) is None


def test_raw_messages() -> None:
    """Raw memory takes raw messages of up to its size, and no others."""
    memory = memoryview(bytearray(5000))
    target = raw_target(memory)
    assert target is not None
    codec, meta, _ = encode_raw(memory)
    raw = Message(0, 1, 2, codec, meta, [])
    assert [5000, 3000, None] == [
        None if got is None else got.nbytes
        for got in (target.memory_for(raw, size) for size in (5000, 3000, 5001))
    ]
    assert target.memory_for(*sent(bytes(3000))) is None


def test_withdrawing_leaves_the_memory() -> None:
    """A message that is unread again has a copy of its bytes, for the memory is the caller's."""
    mailbox, out = Mailbox(), bytearray(3000)
    receive = Receive(2, 0, 1)
    receive.target = Target(memoryview(out))
    mailbox.post(receive)
    message, nbytes = sent(b"x" * 3000)
    assert mailbox.receive_for(message) is receive
    memory = receive.target.memory_for(message, nbytes)
    assert memory is not None
    memory[:] = b"x" * 3000
    assert mailbox.deliver(message._replace(buffers=[memory])) is receive
    assert receive.is_straight
    mailbox.withdraw(receive)
    out[:] = b"y" * 3000
    again = Receive(2, 0, 1)
    mailbox.post(again)
    assert again.message is not None
    assert b"x" * 3000 == again.message.buffers[0]
    assert not again.is_straight


# --- on nodes -------------------------------------------------------------------------------------


@pytest.fixture(params=[MEMORY, STREAM, MIXED])
def nodes(request: pytest.FixtureRequest) -> Any:
    """Three nodes, whose control threads write what a send leaves over."""
    with nodes_of(3, request.param) as made:
        made.warm_up()
        with made.control_threads():
            yield made


@pytest.mark.parametrize("size", [1, 500, 60 * KIB, MIB, 9 * MIB])
def test_recv_out(nodes: Nodes, size: int) -> None:
    """Whichever way an array comes, and whoever is there first, it is in `out` in the end."""
    value = np.arange(size) % 251
    out, status = np.zeros_like(value), Status()
    one, other = nodes.worlds[:2]
    late = nodes.start(one.send, 1, value, 5)
    assert other.recv(0, 5, out=out, status=status, timeout=TIMEOUT_S) is out
    late.result(TIMEOUT_S)
    assert np.array_equal(value, out)
    assert (0, 5) == (status.source, status.tag)
    early = nodes.start_and_wait(1, lambda: other.recv(0, 6, out=out))
    one.send(1, value + 1, 6)
    assert early.result(TIMEOUT_S) is out
    assert np.array_equal(value + 1, out)


@pytest.mark.parametrize("size", [1, 2047, 2048, 60 * KIB, MIB, 9 * MIB])
def test_recv_raw(nodes: Nodes, size: int) -> None:
    """Raw bytes go into memory that is longer, and what is behind stays."""
    one, other = nodes.worlds[:2]
    content = bytes(range(256)) * (size // 256 + 1)
    memory = memoryview(bytearray(size + 3))
    sending = nodes.start(one.send_raw, 1, memoryview(content)[:size], 3)
    got = other.recv_raw(0, 3, TIMEOUT_S, memory)
    sending.result(TIMEOUT_S)
    assert (0, 3, size, None) == tuple(got)
    assert content[:size] + b"\0\0\0" == bytes(memory)


def test_requests_in_order(nodes: Nodes) -> None:
    """Of several receives each has its own message, straight or not."""
    one, other = nodes.worlds[:2]
    outs = [np.zeros(MIB // 8) for _ in range(4)]
    requests = [other.irecv(0, tag, out=out) for tag, out in zip((1, 2, 1, 3), outs, strict=True)]
    sending = nodes.start(
        lambda: [one.send(1, np.full(MIB // 8, float(tag * 10)), tag) for tag in (3, 1, 2)]
    )
    late = nodes.start(one.send, 1, np.full(MIB // 8, 11.0), 1)
    results = [request.wait(TIMEOUT_S) for request in requests]
    for each in (sending, late):
        each.result(TIMEOUT_S)
    assert all(result is out for result, out in zip(results, outs, strict=True))
    assert [20.0, 30.0] == [outs[1][7], outs[3][7]]
    assert {10.0, 11.0} == {outs[0][7], outs[2][7]}


def test_another_one_comes_first(nodes: Nodes) -> None:
    """A message of another tag, or one that does not fit, leaves the memory alone."""
    one, other = nodes.worlds[:2]
    out = np.zeros(MIB // 8)
    sending = nodes.start(
        lambda: [one.send(1, np.full(MIB // 8, value), tag) for value, tag in ((1.0, 1), (2.0, 2))]
    )
    assert other.recv(0, 2, out=out, timeout=TIMEOUT_S) is out
    assert (2.0, 2.0) == (out[0], out[-1])
    assert 1.0 == other.recv(0, 1, timeout=TIMEOUT_S)[-1]
    sending.result(TIMEOUT_S)


def test_what_was_begun_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receive that ends while its message arrives has its memory to itself from then on."""
    with nodes_of(2, MEMORY) as made, made.control_threads():
        made.warm_up()
        one, other = made.worlds
        one.send_raw(1, memoryview(bytes(MIB)))  # which asks whether memory can be read
        other.recv_raw(0)
        one.isend_raw(1, memoryview(b"x" * MIB), 3)
        first = memoryview(bytearray(MIB))

        def short(*_: Any) -> None:
            raise MemoryError

        with monkeypatch.context() as once:
            once.setattr(offers, "read_memory", short)
            with pytest.raises(MemoryError):
                other.recv_raw(0, 3, into=first)
        second = memoryview(bytearray(MIB))
        other.recv_raw(0, 3, into=second)
        assert b"x" * MIB == bytes(second)
        assert bytes(MIB) == bytes(first)


def test_a_target_rests_on_the_memory_itself() -> None:
    """Not on a view of it in between: cycles with such views crash some Pythons."""
    memory = bytearray(8)
    target = target_of(memory)
    assert target is not None
    assert target._memory.obj is memory


def test_a_view_may_be_released_while_it_is_a_target() -> None:
    """A failed `recv(out=view)` in the view's own `with` block raises its error, not another."""
    with memoryview(bytearray(8)) as view:
        target = target_of(view)
    assert target is not None
    assert 8 == target._memory.nbytes
