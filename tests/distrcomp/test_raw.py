"""distrcomp.raw and the calls for raw messages."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from distrcomp.errors import RecvTimeout, Truncated
from distrcomp.mailbox import ANY
from tests.distrcomp.kit import KINDS, Nodes, nodes

SIZES = [0, 1, 7, 2047, 2048, 40_000, 3_000_000]


@pytest.fixture(params=KINDS)
def two(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    """Two linked nodes."""
    with nodes(2, request.param) as made, made.control_threads():
        yield made


@pytest.mark.parametrize("nbytes", SIZES)
@pytest.mark.parametrize("source", [0, ANY])
def test_bytes_arrive(two: Nodes, nbytes: int, source: int) -> None:
    """Bytes of any size arrive, in memory of their own or of the caller's, which may be longer."""
    data = bytes(index % 251 for index in range(nbytes))
    memory = bytearray(nbytes + 5)
    sending = two.start(_send_twice, two, data)
    came = two.worlds[1].recv_raw(source, 4)
    assert (0, 4, nbytes) == came[:3]
    assert came.data is not None
    assert data == bytes(came.data)
    assert (0, 4, nbytes, None) == two.worlds[1].recv_raw(source, 4, into=memoryview(memory))
    assert data + bytes(5) == bytes(memory)
    sending.result()


def _send_twice(made: Nodes, data: bytes) -> None:
    for _ in range(2):
        made.worlds[0].send_raw(1, memoryview(data), 4)


@pytest.mark.parametrize("nbytes", SIZES[1:])
def test_too_long(two: Nodes, nbytes: int) -> None:
    """A message longer than its memory fills it, and is told with its size."""
    memory = bytearray(nbytes - 1)
    sending = two.start(two.worlds[0].send_raw, 1, memoryview(b"x" * nbytes))
    with pytest.raises(Truncated) as caught:
        two.worlds[1].recv_raw(0, into=memoryview(memory))
    assert (0, 0, nbytes) == (caught.value.source, caught.value.tag, caught.value.nbytes)
    assert b"x" * (nbytes - 1) == bytes(memory)
    sending.result()


def test_requests(two: Nodes) -> None:
    """Sends and receives that are begun; a synchronous one is done when it was received."""
    memory = bytearray(10)
    one, other = two.worlds
    receiving = other.irecv_raw(0, 1, into=memoryview(memory))
    sending = one.isend_raw(1, memoryview(b"0123456789"), 1)
    assert 10 == receiving.wait().nbytes
    sending.wait()
    assert b"0123456789" == bytes(memory)
    synchronous = one.issend_raw(1, memoryview(b"abc"))
    assert not synchronous.test()
    matched = other.mprobe(0)
    assert 3 == matched.status.payload_bytes
    assert b"abc" == bytes(matched.recv_raw().data)
    synchronous.wait()


def test_raw_and_objects_meet(two: Nodes) -> None:
    """An object received raw is its pickle; raw bytes received as an object are unpickled."""
    one, other = two.worlds
    for value in ({"a": 1}, 5, "text", b"bytes", [b"x" * 5000]):
        one.send(1, value)
        assert value == pickle.loads(other.recv_raw(0).data)
        one.send_raw(1, memoryview(pickle.dumps(value)))
        assert value == other.recv(0)


def test_timeout(two: Nodes) -> None:
    """A receive of bytes waits no longer than it is told."""
    with pytest.raises(RecvTimeout):
        two.worlds[0].recv_raw(1, timeout=0.01)
