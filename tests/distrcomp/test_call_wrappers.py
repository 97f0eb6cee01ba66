"""Recorded calls do what they did, and are told as they were."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from distrcomp.call_records import CALLS, FAILED, OTHERS, RECORD, Recorder
from distrcomp.call_wrappers import record_calls, record_collectives
from distrcomp.collectives.kinds import Kind
from distrcomp.communicator import Communicator
from distrcomp.errors import NoSuchNode, RecvTimeout
from distrcomp.requests import Request
from distrcomp.spaces import COLLECTIVE
from distrcomp.status import Status
from tests.distrcomp.kit import KINDS, nodes


class Recorded:
    """Two nodes whose calls are recorded, by classes of their own."""

    def __init__(self, made: Any) -> None:
        self.recorder = Recorder(1000)
        kind = type("Communicator", (Communicator,), {"__slots__": ()})
        self.request = type("Request", (), {"wait": Request.wait, "test": Request.test})
        record_calls(self.recorder, kind, self.request)
        self.worlds = [kind(engine) for engine in made.engines]
        self.made = made

    def told(self) -> list[tuple[str, int, int, int, int]]:
        """The calls so far: name, the other node, tag, size, flags."""
        found = []
        for part in self.recorder.parts():
            for began, ended, _, what, peer, tag, call, flags, _ in RECORD.iter_unpack(
                part.records
            ):
                assert 0 < began <= ended
                found.append((CALLS[call], peer, tag, what, flags))
        return found


@pytest.fixture(params=KINDS)
def two(request: pytest.FixtureRequest) -> Iterator[Recorded]:
    """Two nodes, over each kind of link."""
    with nodes(2, request.param) as made:
        yield Recorded(made)


def test_messages_are_told(two: Recorded) -> None:
    """Whom to and from, by which tag, how large where that is known at once."""
    one, other = two.worlds
    one.send(1, b"12345", 7)
    one.send(1, np.arange(4))
    one.send(1, {"a": 1}, tag=3)
    assert b"12345" == other.recv(0, 7)
    assert [0, 1, 2, 3] == list(other.recv(0))
    assert {"a": 1} == other.recv(0, tag=3, timeout=5.0)
    assert [
        ("send", 1, 7, 5, 0),
        ("send", 1, 0, 32, 0),
        ("send", 1, 3, -1, 0),
        ("recv", 0, 7, -1, 0),
        ("recv", 0, -1, -1, 0),
        ("recv", 0, 3, -1, 0),
    ] == two.told()


def test_any_source_is_known_afterwards(two: Recorded) -> None:
    """Whichever way the message takes, and whoever it comes from."""
    one, other = two.worlds
    one.send(1, 1)
    assert 1 == other.recv()
    other.send(1, 2)
    assert 2 == other.recv()
    status = Status()
    one.send(1, "abc", 5)
    assert "abc" == other.recv(status=status)
    assert (0, 5, 3) == (status.source, status.tag, status.payload_bytes)
    received = [each[:3] for each in two.told() if each[0] == "recv"]
    assert [("recv", 0), ("recv", 1), ("recv", 0)] == [each[:2] for each in received]


def test_raw_messages_and_probes(two: Recorded) -> None:
    """What the face for mpi4py stands on."""
    one, other = two.worlds
    one.send_raw(1, memoryview(b"raw"), 2)
    raw = other.recv_raw()
    assert (0, 2, 3) == (raw.source, raw.tag, raw.nbytes)
    room = bytearray(3)
    receiving = other.irecv_raw(0, 3, memoryview(room))
    one.isend_raw(1, memoryview(b"two"), 3).wait()
    assert 3 == receiving.wait().nbytes
    assert b"two" == room
    one.send(1, "matched", 4)
    assert "matched" == other.mprobe().recv()
    assert other.improbe() is None
    assert [
        ("send_raw", 1, 2, 3, 0),
        ("recv_raw", 0, 2, 3, 0),
        ("irecv_raw", 0, 3, id(receiving), 0),
        ("isend_raw", 1, 3, 3, 0),
        ("send", 1, 4, 7, 0),
        ("mprobe", 0, 4, 7, 0),
    ] == two.told()


def test_requests(two: Recorded) -> None:
    """What was begun, and the wait that has ended it, by the same number."""
    one, other = two.worlds
    receiving = other.irecv(0)
    sending = one.isend(1, "x", 9)
    two.request.wait(receiving)  # type: ignore[attr-defined]
    assert two.request.test(receiving)  # type: ignore[attr-defined]
    assert "x" == receiving.wait()
    sending.wait()
    begun, sent, *waits = two.told()
    assert ("irecv", 0, -1, id(receiving), 0) == begun
    assert ("isend", 1, 9, 1, 0) == sent
    assert [(name, 0, 9, id(receiving), 0) for name in ("wait", "test")] == waits


def test_sendrecv_is_two(two: Recorded) -> None:
    """A call, and the receive within it."""
    one = two.worlds[0]
    assert "self" == one.sendrecv(0, "self", tag=1, recv_tag=1)
    assert [("sendrecv", 0, 1, 4, 0), ("sendrecv", -1, 1, -1, 2)] == two.told()


def test_failures_are_told_and_raised(two: Recorded) -> None:
    """The exception is the caller's as ever."""
    one = two.worlds[0]
    with pytest.raises(RecvTimeout):
        one.recv(1, timeout=0.01)
    with pytest.raises(NoSuchNode):
        one.send(5, "nobody")
    with pytest.raises(NoSuchNode):
        one.recv(5)
    assert [("recv", 1, FAILED), ("send", -1, FAILED), ("recv", -1, FAILED)] == [
        (name, peer, flags) for name, peer, _, _, flags in two.told()
    ]


def test_collectives(two: Recorded) -> None:
    """One call each, whatever they send."""
    one, other = two.worlds
    late = two.made.start(one.allreduce, 1)
    assert 2 == other.allreduce(1)
    assert 2 == late.result(10)
    assert ["allreduce", "allreduce"] == [each[0] for each in two.told()]


def test_collectives_that_no_call_begins(two: Recorded) -> None:
    """Those of `mpi` are recorded where they run; what runs within a recorded one is not again."""
    path: Any = type("Path", (), {"run": lambda _, *given: given, "_number": 8 + COLLECTIVE})
    record_collectives(two.recorder, path)
    assert (Kind.LARGE_REDUCE, 0, "x") == path().run(Kind.LARGE_REDUCE, 0, "x")
    assert (Kind.CARD, 0) == path().run(Kind.CARD, 0)
    two.recorder.inside.add(threading.get_ident())
    assert (Kind.BCAST, 0) == path().run(Kind.BCAST, 0)
    assert ["reduce"] == [each[0] for each in two.told()]
    records = b"".join(part.records for part in two.recorder.parts())
    assert [8] == [space for began, *_, space in RECORD.iter_unpack(records) if began]


def test_names_stay(two: Recorded) -> None:
    """Stacks, and what is told of waits, name the call; so does the help."""
    kind: Any = type(two.worlds[0])
    for name in ("send", "recv", "isend", "sendrecv", *OTHERS):
        made = getattr(kind, name)
        assert name == made.__code__.co_name == made.__name__
        assert getattr(Communicator, name).__doc__ == made.__doc__
