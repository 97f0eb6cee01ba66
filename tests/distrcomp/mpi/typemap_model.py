"""The naive reference of typemaps: every byte of an item, in the order of the packed form."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

from distrcomp.mpi import typemap
from distrcomp.mpi.typemap import Typemap


class Model(NamedTuple):
    """The bytes of an item and its bounds."""

    bytes: tuple[int, ...]
    lb: int
    ub: int

    @property
    def extent(self) -> int:
        return self.ub - self.lb


Pair = tuple[Typemap, Model]


def placed(old: Model, offsets: list[int]) -> Model:
    """The item once at each offset."""
    if not offsets or not old.bytes:
        return Model((), 0, 0)
    places = tuple(offset + byte for offset in offsets for byte in old.bytes)
    return Model(places, old.lb + min(offsets), old.ub + max(offsets))


def bytes_of(layout: typemap.Layout) -> tuple[int, ...]:
    """Every byte of a layout."""
    runs = typemap.runs(layout)
    pairs = zip(runs.offsets.tolist(), runs.lengths.tolist(), strict=True)
    return tuple(offset + i for offset, length in pairs for i in range(length))


SMALL = st.integers(0, 4)


@st.composite
def basics(draw: st.DrawFn) -> Pair:
    """A basic type."""
    size = draw(st.sampled_from((1, 2, 4, 8)))
    return typemap.basic(size), Model(tuple(range(size)), 0, size)


@st.composite
def derived(draw: st.DrawFn, olds: st.SearchStrategy[Pair]) -> Pair:
    """A type made of another one in any way; its bytes may overlap."""
    old, model = draw(olds)
    way = draw(st.sampled_from(("repeated", "placed", "spread", "resized", "structure")))
    if way == "repeated":
        count, step = draw(SMALL), draw(st.integers(-20, 40))
        return typemap.repeated(old, count, step), placed(model, [i * step for i in range(count)])
    if way == "resized":
        lb, extent = draw(st.integers(-9, 9)), draw(st.integers(0, 40))
        return typemap.resized(old, lb, extent), Model(model.bytes, lb, lb + extent)
    offsets = draw(st.lists(st.integers(-30, 60), max_size=4))
    if way == "spread":
        return typemap.spread(old, offsets), placed(model, offsets)
    counts = [draw(SMALL) for _ in offsets]
    places = [
        offset + i * model.extent
        for count, offset in zip(counts, offsets, strict=True)
        for i in range(count)
    ]
    if way == "placed":
        blocks = list(zip(counts, offsets, strict=True))
        return typemap.placed(old, blocks), placed(model, places)
    members = [(old, count, offset) for count, offset in zip(counts, offsets, strict=True)]
    whole = placed(model, places)
    padding = -whole.extent % old.align if whole.bytes else 0
    return typemap.structure(members), Model(whole.bytes, whole.lb, whole.ub + padding)


PAIRS = st.recursive(basics(), derived, max_leaves=4).filter(lambda pair: len(pair[1].bytes) < 5000)
