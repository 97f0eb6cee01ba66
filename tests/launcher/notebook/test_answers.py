"""Output and answers in what a node writes, however it arrives."""

from __future__ import annotations

import base64

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.cells import LENGTH, MARK
from launcher import limits
from launcher.notebook.answers import UNREADABLE, MarkerFinder, order_frame

TOKEN = b"0123456789abcdef"


def marker(answer: object) -> bytes:
    """The line that a node writes."""
    return MARK + TOKEN + b" " + base64.b64encode(msgpack.packb(answer)) + b"\n"


@given(st.lists(st.integers(0, 80), max_size=8))
def test_wherever_it_is_cut(cuts: list[int]) -> None:
    """Output before, between and behind answers comes out whole, and each answer once."""
    data = b"one\n" + marker({"serial": 1}) + b"half" + marker({"serial": 2, "x": b"\n"}) + MARK
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    finder = MarkerFinder(TOKEN)
    found: list[object] = []
    for begin, end in zip([0, *ends], ends, strict=False):
        for each in finder.feed(data[begin:end]):
            if isinstance(each, bytes) and found and isinstance(found[-1], bytes):
                each = found.pop() + each  # type: ignore[operator]
            found.append(each)
    assert [b"one\n", {"serial": 1}, b"half", {"serial": 2, "x": b"\n"}] == found
    assert [MARK + b"x"] == finder.feed(b"x")


@pytest.mark.parametrize("body", [b"", b"!", base64.b64encode(b"\xc1"), base64.b64encode(b"\x01")])
def test_a_damaged_marker_answers_nothing(body: bytes) -> None:
    """It is the answer to no order."""
    line = MARK + TOKEN + b" " + body + b"\n"
    assert [{"serial": -1}] == MarkerFinder(TOKEN).feed(line)


def test_an_answer_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a bound on what is kept of it; what is next is read again."""
    monkeypatch.setattr(limits, "CELL_ANSWER_BYTES_MAX", 100)
    finder = MarkerFinder(TOKEN)
    assert [] == finder.feed(MARK + TOKEN + b" " + b"A" * 50)
    assert [{"serial": UNREADABLE}] == finder.feed(b"A" * 50)
    assert [b"rest\n", {"serial": 3}] == finder.feed(b"rest\n" + marker({"serial": 3}))


def test_the_mark_of_another_session_is_output() -> None:
    """Only the secret makes it an answer."""
    line = marker({"serial": 1})
    assert [line] == MarkerFinder(b"f" * 16).feed(line)


def test_an_order_tells_its_length() -> None:
    """As node 0 reads it."""
    frame = order_frame({"act": "begin"})
    (length,) = LENGTH.unpack(frame[: LENGTH.size])
    assert {"act": "begin"} == msgpack.unpackb(frame[LENGTH.size :][:length])
    assert len(frame) == LENGTH.size + length
