"""distrcomp.schema: records and bytes, and what any other bytes lead to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.errors import ProtocolError
from distrcomp.notices import Machine
from distrcomp.schema import Schema


class Inner(NamedTuple):
    name: str
    count: int


@dataclass(frozen=True)
class Outer:
    number: int
    flag: bool
    ratio: float
    text: str
    data: bytes
    inner: Inner
    maybe: Inner | None
    numbers: tuple[int, ...]
    inners: tuple[Inner, ...]


class Stop(NamedTuple):
    pass


SCHEMA = Schema(Outer, Inner, Stop)

INTS = st.integers(-(2**63), 2**64 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
INNERS = st.builds(Inner, TEXTS, INTS)
RECORDS = st.one_of(
    INNERS,
    st.just(Stop()),
    st.builds(
        Outer,
        INTS,
        st.booleans(),
        st.floats(allow_nan=False),
        TEXTS,
        st.binary(),
        INNERS,
        st.none() | INNERS,
        st.lists(INTS).map(tuple),
        st.lists(INNERS).map(tuple),
    ),
)
JSON_LIKE = st.recursive(
    st.none() | st.booleans() | INTS | st.floats() | st.text("ab") | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab"), inner, max_size=2),
    max_leaves=12,
)


def unpacked(data: bytes) -> Any:
    """The record in `data`; None where it is refused by the documented error."""
    try:
        return SCHEMA.unpack(data)
    except ProtocolError:
        return None


@given(RECORDS)
def test_round_trip(record: Any) -> None:
    """Every record comes back as it was, of the same class."""
    came = SCHEMA.unpack(SCHEMA.pack(record))
    assert (type(record), record) == (type(came), came)


@given(RECORDS, st.binary(min_size=1, max_size=4))
def test_trailing_bytes(record: Any, trailing: bytes) -> None:
    """A record with bytes after it is refused."""
    assert unpacked(SCHEMA.pack(record) + trailing) is None


@given(RECORDS)
def test_every_cut(record: Any) -> None:
    """No beginning of a record is a record."""
    data = SCHEMA.pack(record)
    cuts = {0, 1, 2, len(data) // 2, len(data) - 1}
    assert {None} == {unpacked(data[:cut]) for cut in cuts}


@given(st.binary())
def test_any_bytes(data: bytes) -> None:
    """From any bytes comes a record or ProtocolError, and nothing else (S-02)."""
    record = unpacked(data)
    assert record is None or isinstance(record, Outer | Inner | Stop)


@given(st.sampled_from(["Outer", "Inner", "Stop", "inner"]), st.lists(JSON_LIKE, max_size=9))
def test_any_fields(name: str, fields: list[Any]) -> None:
    """Well-formed MessagePack of any shape gives a record of the declared types or the error."""
    record = unpacked(msgpack.packb([name, *fields]))
    if record is not None:
        assert record == SCHEMA.unpack(SCHEMA.pack(record)) or record != record


@pytest.mark.parametrize(
    "items",
    [
        ["Inner", "x", True],
        ["Inner", "x", 1.0],
        ["Inner", "x", "1"],
        ["Inner", "x", None],
        ["Inner", b"x", 1],
        ["Inner", "x"],
        ["Inner", "x", 1, 1],
        ["Inner", ["x", 1]],
        ["Unknown", 1],
        [b"Inner", "x", 1],
        [],
        "Inner",
        {},
        {"Inner": 1},
        7,
        None,
    ],
)
def test_wrong_types(items: Any) -> None:
    """A field takes exactly its type: True is no int, 1.0 is none either."""
    assert unpacked(msgpack.packb(items)) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xdd\xff\xff\xff\xff",
        b"\x93\xa5Inner\xdd\x7f\xff\xff\xff",
        b"\x93\xa5Inner\xdb\xff\xff\xff\xffx",
        b"\x93\xa5Inner\xc6\xff\xff\xff\xffx",
        b"\x93\xa5Inner\xdf\xff\xff\xff\xff",
        b"\x93\xa5Inner\xc9\xff\xff\xff\xff\x01x",
        b"\x93\xa5Inner\xd6\xff\x00\x00\x00\x00\x01",
        b"\x93\xa5Inner\xa1\xff\x01",
        b"\xc1",
    ],
)
def test_huge_and_broken(data: bytes) -> None:
    """Lengths beyond the data, extensions, maps and bad UTF-8 are refused (S-14, S-16)."""
    with pytest.raises(ProtocolError):
        SCHEMA.unpack(data)


@pytest.mark.parametrize("depth", [10, 1_000, 100_000])
def test_deep_nesting(depth: int) -> None:
    """An array in an array in an array ends in the error, not in a crash (S-16)."""
    with pytest.raises(ProtocolError):
        SCHEMA.unpack(b"\x91" * depth + b"\xc0")


@pytest.mark.parametrize("number", [-(2**63) - 1, 2**64])
def test_too_large_ints(number: int) -> None:
    """An int beyond 64 bits is an error at the sender."""
    with pytest.raises(OverflowError):
        SCHEMA.pack(Inner("x", number))


def test_foreign_record() -> None:
    """A record that the schema doesn't name is a mistake of the sender."""
    with pytest.raises(TypeError, match="Inner is not a record of this schema"):
        Schema(Stop).pack(Inner("x", 1))


def test_made_ready() -> None:
    """What was made ready is read as ever, and refused as ever."""
    schema = Schema(Machine)
    schema.make_ready(Machine)
    packed = schema.pack(Machine("a", "b", 1))
    assert Machine("a", "b", 1) == schema.unpack(packed)
    with pytest.raises(ProtocolError):
        schema.unpack(packed[:-1])
