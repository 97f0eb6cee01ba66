"""Views of a file, against a model that lists every byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.mpi.file_view import View
from distrcomp.mpi.typemap import Grid, Typemap, basic, joined, resized

BYTES = 200


@st.composite
def tiles(draw: st.DrawFn) -> tuple[Typemap, list[int]]:
    """A filetype of single bytes, with the offsets of these in order."""
    offsets = draw(st.lists(st.integers(0, 12), min_size=1, max_size=5, unique=True))
    offsets.sort()
    extent = offsets[-1] + 1 + draw(st.integers(0, 4))
    made = joined([(basic(1), offset) for offset in offsets])
    return resized(made, 0, extent), offsets


def shown(disp: int, tile: tuple[Typemap, list[int]]) -> list[int]:
    """Where the first bytes of the stream are in the file."""
    typemap, offsets = tile
    count = BYTES // len(offsets) + 1
    return [disp + item * typemap.extent + offset for item in range(count) for offset in offsets]


@given(st.integers(0, 9), tiles(), st.integers(0, 50), st.integers(0, 50))
def test_runs(disp: int, tile: tuple[Typemap, list[int]], begin: int, nbytes: int) -> None:
    """The runs name each byte of a part of the stream, in order, and no two of them touch."""
    runs = View(disp, 1, tile[0]).runs(begin, nbytes)
    found = [offset + byte for offset, length in runs for byte in range(length)]
    assert found == shown(disp, tile)[begin : begin + nbytes]
    assert all(sum(runs[i]) != runs[i + 1][0] for i in range(len(runs) - 1))


@given(st.integers(0, 9), tiles(), st.integers(0, 100))
def test_where_an_etype_is(disp: int, tile: tuple[Typemap, list[int]], position: int) -> None:
    """The offset in the file of an etype is that of its byte of the stream."""
    assert View(disp, 1, tile[0]).byte_of(position) == shown(disp, tile)[position]


@given(st.integers(0, 9), tiles(), st.integers(0, 90))
def test_where_the_file_ends(disp: int, tile: tuple[Typemap, list[int]], size: int) -> None:
    """As many bytes of the stream are in a file as lie before its end."""
    expected = sum(at < size for at in shown(disp, tile))
    assert View(disp, 1, tile[0]).stream_bytes(size) == expected


@pytest.mark.parametrize("size", [0, 3, 4, 5, 100])
def test_nothing_is_shown(size: int) -> None:
    """A filetype without bytes shows none, however long the file is."""
    view = View(4, 0, Typemap(Grid(0, (), 0), 0, 0))
    assert (view.runs(0, 4), view.byte_of(3), view.stream_bytes(size)) == ([], 4, 0)
