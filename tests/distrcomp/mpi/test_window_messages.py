"""Messages of a window: to bytes and back, and which bytes a layout means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.mpi.typemap import Grid, Layout, Runs
from distrcomp.mpi.window_messages import Kind, Message, cut, measure, parse

grids = st.builds(
    Grid,
    st.integers(0, 100),
    st.lists(st.tuples(st.integers(1, 4), st.integers(-50, 50)), max_size=3).map(tuple),
    st.integers(1, 9),
)
runs = st.lists(st.tuples(st.integers(0, 99), st.integers(1, 9)), min_size=1, max_size=4).map(
    lambda pairs: Runs(np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs]))
)
layouts = st.one_of(grids, runs)
messages = st.builds(
    Message,
    st.sampled_from(Kind),
    st.integers(0, 2**64 - 1),
    st.integers(0, 255),
    st.integers(0, 2**16 - 1),
    layouts,
    st.binary(max_size=30).map(memoryview),
)


def runs_of(layout: Layout) -> list[tuple[int, int]]:
    """Begin and length of every run of a layout, one by one, by the definition."""
    if isinstance(layout, Runs):
        return list(zip(layout.offsets.tolist(), layout.lengths.tolist(), strict=True))
    found = [layout.offset]
    for count, step in layout.dims:
        found = [begin + i * step for begin in found for i in range(count)]
    return [(begin, layout.nbytes) for begin in found]


@given(messages)
def test_there_and_back(message: Message) -> None:
    """A message that was parsed is the one that was sent."""
    parsed = parse(memoryview(message.to_bytes()))
    assert runs_of(parsed.layout) == runs_of(message.layout)
    assert parsed._replace(layout=Grid(0, (), 0)) == message._replace(layout=Grid(0, (), 0))


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


@given(layouts, st.data())
def test_a_cut_layout_has_the_first_bytes(layout: Layout, data: st.DataObject) -> None:
    """What is left of a layout that was cut is its first bytes, in their order."""
    whole = [begin + byte for begin, length in runs_of(layout) for byte in range(length)]
    nbytes = data.draw(st.integers(0, len(whole)))
    left = cut(layout, nbytes)
    assert [begin + byte for begin, length in runs_of(left) for byte in range(length)] == whole[
        :nbytes
    ]


@given(layouts)
def test_a_layout_is_measured(layout: Layout) -> None:
    """Size, first and last byte of a layout are those of its runs."""
    found = runs_of(layout)
    size = sum(length for _, length in found)
    low = min(begin for begin, _ in found)
    high = max(begin + length for begin, length in found)
    assert measure(layout) == (size, low, high)
