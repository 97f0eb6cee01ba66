"""Messages of a window: to bytes and back, and which bytes a layout means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.mpi.window_messages import Kind, Layout, Message, contiguous, parse, simplified

blocks = st.lists(st.tuples(st.integers(-8, 40), st.integers(0, 9)), max_size=4).map(tuple)
layouts = st.builds(Layout, st.integers(0, 100), st.integers(0, 4), st.integers(-50, 50), blocks)
messages = st.builds(
    Message,
    st.sampled_from(Kind),
    st.integers(0, 2**64 - 1),
    st.integers(0, 255),
    st.integers(0, 2**16 - 1),
    layouts,
    st.binary(max_size=30).map(memoryview),
)


def bytes_of(layout: Layout) -> list[int]:
    """Every byte of a layout, one by one, by the definition."""
    return [
        layout.offset + item * layout.extent + displacement + byte
        for item in range(layout.n_item)
        for displacement, length in layout.blocks
        for byte in range(length)
    ]


@given(messages)
def test_there_and_back(message: Message) -> None:
    """A message that was parsed is the one that was sent."""
    assert parse(memoryview(message.to_bytes())) == message


@given(messages, st.data())
def test_cut_headers_are_no_messages(message: Message, data: st.DataObject) -> None:
    """Bytes that end within header or blocks are refused by one exception."""
    whole = memoryview(message.to_bytes())
    cut = data.draw(st.integers(0, len(whole) - len(message.data) - 1))
    with pytest.raises(ValueError, match="no message of a window"):
        parse(whole[:cut])


def test_unknown_kinds_are_no_messages() -> None:
    """A kind that is not in the list is refused by the same exception."""
    unknown = b"\xff" + Message(Kind.PUT).to_bytes()[1:]
    with pytest.raises(ValueError, match="255"):
        parse(memoryview(unknown))


@given(layouts)
def test_runs_are_the_bytes_of_the_layout(layout: Layout) -> None:
    """The runs name every byte of a layout, in the order of its data, and the span holds them."""
    expected = bytes_of(layout)
    runs = list(layout.runs())
    assert [at + byte for at, length in runs for byte in range(length)] == expected
    assert layout.nbytes == len(expected)
    if expected:
        assert layout.span() == (min(expected), max(expected) + 1)


@given(layouts)
def test_a_simplified_layout_means_the_same(layout: Layout) -> None:
    """What is written as one block is the same bytes in the same order."""
    assert bytes_of(simplified(layout)) == bytes_of(layout)


def test_no_holes_no_blocks() -> None:
    """A layout without holes becomes one block."""
    assert simplified(Layout(3, 5, 8, ((0, 8),))) == contiguous(3, 40)
