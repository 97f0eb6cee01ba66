"""distrcomp.out: receiving into memory that the caller owns, alone and by the calls."""

from __future__ import annotations

import array
from typing import Any

import numpy as np
import pytest

from distrcomp.errors import AlreadyReceived, DoesNotFit, RequestCancelled
from distrcomp.out import fill
from distrcomp.status import Status
from tests.distrcomp.kit import TIMEOUT_S, Nodes

FITTING: list[tuple[Any, Any]] = [
    (np.zeros(5), np.arange(5.0)),
    (np.zeros((2, 3), np.int32, order="F"), np.arange(6, dtype=np.int32).reshape(2, 3)),
    (np.zeros((4, 6))[::2, ::3], np.arange(4.0).reshape(2, 2)),
    (np.zeros(()), np.array(7.0)),
    (np.zeros((0, 3)), np.ones((0, 3))),
    (np.zeros(2, "M8[s]"), np.array(["2026-01-01", "2026-01-02"], "M8[s]")),
]


@pytest.mark.parametrize(("out", "value"), FITTING)
def test_array_into_an_array(out: Any, value: Any) -> None:
    """An array of the same dtype and shape is copied, however either lies in memory."""
    assert fill(out, value) is out
    assert np.array_equal(out, value)


ODD: list[tuple[Any, Any]] = [
    (bytearray(16), np.array([1 + 2j])),
    (bytearray(8), np.array(["2026-01-01"], "M8[D]")),
    (bytearray(24), np.ones(2, "i4,f8")),
    (bytearray(48), np.asfortranarray(np.arange(6.0).reshape(2, 3))),
    (bytearray(), np.zeros((0, 3))),
    (np.zeros(4, ">i4"), bytes(range(16))),
    (np.zeros(1, "M8[D]"), bytes(range(8))),
    (np.zeros(2, "i4,f8"), bytes(range(24))),
    (np.zeros((0, 3)), b""),
]


@pytest.mark.parametrize(("out", "value"), ODD)
def test_odd_elements(out: Any, value: Any) -> None:
    """Bytes are bytes, whatever their elements are called; they come in C order."""
    assert fill(out, value) is out
    sent, found = (
        bytes(each) if not isinstance(each, np.ndarray) else each.tobytes() for each in (value, out)
    )
    assert sent == found


BUFFERS: list[Any] = [
    bytearray(8),
    memoryview(bytearray(8)),
    memoryview(bytearray(16))[4:12],
    array.array("i", [0, 0]),
    np.zeros(8, np.uint8),
    np.zeros(1),
]
VALUES: list[Any] = [
    b"12345678",
    bytearray(b"12345678"),
    memoryview(b"12345678"),
    memoryview(b"1_2_3_4_5_6_7_8_")[::2],
    np.frombuffer(b"12345678", np.uint8),
    np.frombuffer(b"12345678", np.uint32),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("out", BUFFERS, ids=lambda out: type(out).__name__)
def test_bytes_into_a_buffer(out: Any, value: Any) -> None:
    """Any writable buffer takes as many bytes as it has; an array none of another dtype."""
    if isinstance(out, np.ndarray) and isinstance(value, np.ndarray) and out.dtype != value.dtype:
        with pytest.raises(DoesNotFit):
            fill(out, value)
    else:
        assert fill(out, value) is out
        assert bytes(memoryview(out).cast("B")) == b"12345678"


def read_only(value: Any) -> Any:
    value.flags.writeable = False
    return value


MISMATCHES: list[tuple[Any, Any, str]] = [
    (np.zeros(3), np.zeros(4), r"an array of float64 \(4,\) came; `out` is one of float64 \(3,\)"),
    (np.zeros(3), np.zeros(3, np.float32), "an array of float32"),
    (np.zeros((3, 1)), np.zeros(3), r"`out` is one of float64 \(3, 1\)"),
    (read_only(np.zeros(3)), np.zeros(3), "`out` is read-only"),
    (bytearray(3), b"1234", "4 bytes came; `out` has room for 3"),
    (bytearray(3), b"12", "2 bytes came; `out` has room for 3"),
    (b"123", b"456", "`out` must be writable and in one piece"),
    (memoryview(bytearray(6))[::2], b"123", "`out` must be writable and in one piece"),
    (np.zeros((2, 3), order="F"), bytes(48), "`out` must be writable and in one piece"),
    (bytearray(3), "123", "what came is an object of type str: only arrays and bytes can be"),
    (np.zeros(3), [0.0, 0.0, 0.0], "what came is an object of type list"),
    ([1, 2, 3], b"123", "`out` is an object of type list"),
    (3, 4, "`out` is an object of type int"),
    (np.zeros(2, object), bytes(16), "`out` is an object of type ndarray"),
    (np.zeros(1, [("name", object)]), bytes(8), "`out` is an object of type ndarray"),
    (bytearray(16), np.array([1, "two"], object), "what came is an object of type ndarray"),
]


@pytest.mark.parametrize(("out", "value", "text"), MISMATCHES)
def test_mismatch(out: Any, value: Any, text: str) -> None:
    """What does not fit is refused in words, and `out` is as it was."""
    before = repr(out)
    with pytest.raises(DoesNotFit, match=text):
        fill(out, value)
    assert repr(out) == before or isinstance(out, memoryview)


# --- by the calls ---

SIZES = [0, 1, 300, 10_000, 500_000]


@pytest.mark.parametrize("size", SIZES)
def test_receive_into_an_array(two: Nodes, size: int) -> None:
    """`recv(out=)` returns `out`, filled; each size by its way."""
    out, sent = np.full(size, -1.0), np.arange(float(size))
    status = Status()
    sending = two.start(two.send, 0, 1, sent, 3)
    receiving = two.start(
        lambda: two.worlds[1].recv(0, 3, out=out, status=status, timeout=TIMEOUT_S)
    )
    two.flush_leftovers(receiving.done)
    assert receiving.result() is out
    assert np.array_equal(out, sent)
    assert (status.source, status.tag) == (0, 3)
    sending.result(TIMEOUT_S)


def test_receive_into_a_buffer(two: Nodes) -> None:
    """Bytes land in a part of a larger buffer."""
    out = bytearray(10)
    two.send(0, 1, b"1234")
    view = memoryview(out)[3:7]
    assert two.worlds[1].recv(0, out=view) is view
    assert out == b"\0\0\0" + b"1234" + b"\0\0\0"


@pytest.mark.parametrize("size", [10, 10_000])
def test_mismatch_leaves_the_message_unread(two: Nodes, size: int) -> None:
    """It can be received in another way, before what came after it."""
    two.send(0, 1, np.arange(size))
    two.send(0, 1, "next")
    for out in (np.zeros(3), np.zeros(size), "no buffer"):
        with pytest.raises(DoesNotFit):
            two.worlds[1].recv(0, out=out, timeout=TIMEOUT_S)
    assert np.array_equal(two.receive(1, 0), np.arange(size))
    assert two.receive(1, 0) == "next"


@pytest.mark.parametrize("wrong", [5, Status, {}, "status"])
def test_what_is_no_status(two: Nodes, wrong: Any) -> None:
    """It is refused before anything is received, and stays as it was."""
    two.send(0, 1, "x")
    with pytest.raises(DoesNotFit, match=r"it takes a dc\.Status\(\)"):
        two.worlds[1].recv(0, status=wrong)
    assert two.receive(1, 0) == "x"
    assert Status(1, 2, 3).source == 1


@pytest.mark.parametrize("wrong", [5, "text", b"bytes", np.zeros(8, np.uint8)[::2].data])
def test_what_nothing_can_be_received_into(two: Nodes, wrong: Any) -> None:
    """It is refused at once, whether a message has come or not."""
    with pytest.raises(DoesNotFit):
        two.worlds[1].recv(0, out=wrong)
    with pytest.raises(DoesNotFit):
        two.worlds[1].irecv(0, out=wrong)


def test_request_into_an_array(two: Nodes) -> None:
    """`irecv(out=)` fills it when it is waited for, and only once."""
    out = np.zeros(4)
    request = two.worlds[1].irecv(0, out=out)
    two.send(0, 1, np.arange(4.0))
    assert request.wait(TIMEOUT_S) is out
    assert out.tolist() == [0, 1, 2, 3]
    out[:] = 9
    assert request.wait() is out
    assert out.tolist() == [9, 9, 9, 9]


def test_mismatch_of_a_request(two: Nodes) -> None:
    """The message is unread again and the request cancelled."""
    request = two.worlds[1].irecv(0, out=np.zeros(3))
    two.send(0, 1, np.arange(4.0))
    with pytest.raises(DoesNotFit):
        request.wait(TIMEOUT_S)
    with pytest.raises(RequestCancelled):
        request.wait(TIMEOUT_S)
    assert two.receive(1, 0).tolist() == [0, 1, 2, 3]


def test_matched_message_into_an_array(two: Nodes) -> None:
    """A mismatch leaves the matched message to be received by another try, once."""
    two.send(0, 1, np.arange(4.0))
    matched = two.worlds[1].mprobe(0)
    with pytest.raises(DoesNotFit):
        matched.recv(out=np.zeros(3))
    out = np.zeros(4)
    assert matched.recv(out=out) is out
    assert out.tolist() == [0, 1, 2, 3]
    with pytest.raises(AlreadyReceived, match="this message was received already"):
        matched.recv()
