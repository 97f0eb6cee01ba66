"""distrcomp.codec: objects to bytes and back."""

from __future__ import annotations

import mmap
import pickle
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from distrcomp import limits
from distrcomp.codec import (
    ARRAY,
    BYTEARRAY,
    BYTES,
    INT,
    PICKLE,
    TEXT,
    VIEW,
    decode,
    encode,
)
from tests.distrcomp.test_arrays import ARRAYS, RECORDS, same

SMALL = limits.WITHIN_META_BYTES_MAX


def sent(value: Any) -> tuple[int, bytearray, list[bytearray]]:
    """`value` as it arrives: the buffers are the receiver's own memory."""
    codec, meta, buffers = encode(value)
    return codec, bytearray(meta), [bytearray(buffer) for buffer in buffers]


def through(value: Any) -> Any:
    """What the receiver gets for `value`."""
    return decode(*sent(value))


def sparse(nbytes: int) -> np.ndarray[Any, Any]:
    """Bytes that take no memory until they are touched."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    return np.frombuffer(mmap.mmap(-1, nbytes, flags=flags), np.uint8)


class Point:
    """A class that a module holds."""

    def __init__(self, x: int) -> None:
        self.x = x


@pytest.mark.parametrize("name", [*ARRAYS, *RECORDS])
def test_array(name: str) -> None:
    """An array without objects travels as one buffer, whatever its dtype and layout."""
    array = {**ARRAYS, **RECORDS}[name]
    codec, meta, buffers = sent(array)
    assert (codec, len(buffers)) == (ARRAY, 1)
    assert same(array, decode(codec, meta, buffers))


@pytest.mark.parametrize("name", [*ARRAYS, *RECORDS])
def test_array_inside(name: str) -> None:
    """The same arrays inside an object arrive equal and writable, read-only ones too."""
    array = {**ARRAYS, **RECORDS}[name]
    arrived = through({"list": [array, 1]})["list"]
    assert arrived[1] == 1
    assert same(array, arrived[0])


PICKLED_ARRAYS = {
    "objects": np.array([{"a": 1}, None], object),
    "record with objects": np.array([(1, None)], [("a", "i4"), ("b", "O")]),
    "subclass": np.arange(4).view(np.recarray),
    "masked": np.ma.masked_array([1, 2, 3], [False, True, False]),
    "metadata": np.zeros(2, np.dtype("i4", metadata={"unit": "m"})),
    "objects with gaps": np.array([1, None, 2, None], object)[::2],
}


@pytest.mark.parametrize("name", PICKLED_ARRAYS)
def test_unplain_array(name: str) -> None:
    """An array that a description doesn't tell whole goes by pickle, and arrives equal."""
    array = PICKLED_ARRAYS[name]
    encode(np.zeros(2, "i4"))  # equal in dtype, shape and strides to the one with metadata
    codec, meta, buffers = sent(array)
    arrived = decode(codec, meta, buffers)
    assert codec == PICKLE
    assert (type(arrived), arrived.dtype) == (type(array), array.dtype)
    assert arrived.dtype.metadata == array.dtype.metadata
    assert repr(arrived) == repr(array)


@given(
    st_numpy.arrays(
        st.one_of(st_numpy.scalar_dtypes(), st_numpy.array_dtypes()),
        st_numpy.array_shapes(min_dims=0, min_side=0, max_side=4),
    ),
    st.data(),
)
def test_any_array(whole: Any, data: st.DataObject) -> None:
    """Any dtype, shape and strides come back, bare and inside an object, in order and writable."""
    index = st_numpy.basic_indices(whole.shape, allow_newaxis=True, allow_ellipsis=True)
    part = np.asarray(whole[data.draw(index)])
    array = part.transpose(data.draw(st.permutations(range(part.ndim))))
    array.flags.writeable = data.draw(st.booleans())
    before = array.tobytes()
    arrived, (inside,) = through(array), through([array])
    assert same(array, arrived)
    # numpy's own pickling of dates and of arrays with gaps turns to this machine's byte order.
    assert same(array.astype(inside.dtype, copy=False), inside)
    assert array.dtype.newbyteorder("=") == inside.dtype.newbyteorder("=")
    for actual in (arrived, inside):
        assert not np.shares_memory(array, actual)
        if array.flags.forc:
            assert array.flags.f_contiguous == actual.flags.f_contiguous
            assert array.flags.c_contiguous == actual.flags.c_contiguous
        actual.reshape(-1, order="A").view("V1" if array.itemsize else None)[:] = b"7"
    assert before == array.tobytes()


OBJECTS = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(),
        st.binary(),
        st.sampled_from(["f8", "<i2", ">u4", "M8[s]", "U3"]).map(
            lambda dtype: np.ones(3, "u1").astype(dtype)
        ),
    ),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


def equal(expected: Any, actual: Any) -> bool:
    """Whether two nested objects agree in every type and value."""
    if type(expected) is not type(actual):
        return False
    if isinstance(expected, np.ndarray):
        return same(expected, actual)
    if isinstance(expected, dict):
        return list(expected) == list(actual) and equal([*expected.values()], [*actual.values()])
    if isinstance(expected, list | tuple):
        return len(expected) == len(actual) and all(map(equal, expected, actual))
    return bool(expected == actual)


@given(OBJECTS)
def test_any_object(value: Any) -> None:
    """Nested objects with arrays in them come back equal in every type and value."""
    assert equal(value, through(value))


@pytest.mark.parametrize(
    ("codec", "value"),
    [
        *((INT, value) for value in (0, -1, 2**63 - 1, -(2**63))),
        *((PICKLE, value) for value in (2**63, -(2**63) - 1, True, 1.5, None)),
        *((TEXT, value) for value in ("", "a\0", "x" * SMALL)),
        *((PICKLE, value) for value in ("x" * (SMALL + 1), "ä", "\ud800")),
        *((BYTES, b"x" * size) for size in (0, 1, SMALL, SMALL + 1, 10**6)),
        *((BYTEARRAY, bytearray(b"x" * size)) for size in (0, 1, SMALL, SMALL + 1, 10**6)),
    ],
)
def test_codec_of_its_own(codec: int, value: Any) -> None:
    """Numbers, text and bytes travel as they are, up to what their codec can hold."""
    number, meta, buffers = sent(value)
    arrived = decode(number, meta, buffers)
    assert (codec, value, type(value)) == (number, arrived, type(arrived))
    assert (len(meta) <= SMALL + 20) == (not buffers or codec in (BYTES, BYTEARRAY))
    assert len(buffers) == (codec in (BYTES, BYTEARRAY) and len(value) > SMALL)


def test_int_and_text_on_the_wire() -> None:
    """An integer is eight bytes, lowest first; text its ASCII."""
    assert encode(-2) == (INT, b"\xfe" + b"\xff" * 7, [])
    assert encode("ab") == (TEXT, b"ab", [])


class Number(int):
    """An integer of a type of its own."""


class Text(str):
    """Text of a type of its own."""


class Blob(bytes):
    """Bytes of a type of their own."""


@pytest.mark.parametrize("value", [Number(3), Text("a"), Blob(b"a")])
def test_subclasses_by_pickle(value: Any) -> None:
    """Only exact types have codecs of their own; others keep their class by pickle."""
    codec, meta, buffers = sent(value)
    arrived = decode(codec, meta, buffers)
    assert (PICKLE, value, type(value)) == (codec, arrived, type(arrived))


@pytest.mark.parametrize("value", [b"x" * 5000, bytearray(b"x" * 5000)])
def test_bytes_on_any_memory(value: Any) -> None:
    """Large bytes are sent from their own memory and arrive from any kind of it."""
    codec, meta, (buffer,) = encode(value)
    assert buffer.obj is value
    for memory in (
        bytearray(value),
        np.frombuffer(bytearray(value), "u1"),
        memoryview(bytearray(value)),
    ):
        arrived = decode(codec, meta, [memory])
        assert (value, type(value)) == (arrived, type(arrived))
        assert (arrived is memory) == (type(memory) is bytearray is type(value))


@pytest.mark.parametrize(
    "value", [{"a": 1}, [np.zeros(1000)], [np.frombuffer(bytes(8000))], [np.zeros(3)]]
)
@pytest.mark.parametrize("padding", [1, 7, 100])
def test_padding(value: Any, padding: int) -> None:
    """A pickle may be followed by zeros; with read-only arrays, too."""
    codec, meta, buffers = sent(value)
    assert codec == PICKLE
    assert equal(value, decode(codec, meta + bytes(padding), buffers))


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize(
    "made",
    [
        bytearray,
        lambda size: np.zeros(size, "u1"),
        lambda size: memoryview(bytearray(size + 9))[9:],
    ],
)
def test_arrays_on_any_memory(readonly: bool, made: Any) -> None:
    """Arrays are built on whatever memory they were read into, not on a copy of it."""
    array = np.arange(1000.0)
    array.flags.writeable = not readonly
    for value in (array, [array]):
        codec, meta, (buffer,) = encode(value)
        memory = made(buffer.nbytes)
        memoryview(memory)[:] = buffer
        arrived = decode(codec, meta, [memory])
        arrived = arrived if codec == ARRAY else arrived[0]
        assert same(array, arrived)
        arrived[0] = 7.0
        assert np.frombuffer(memory)[0] == 7.0


def test_tiny_arrays_stay_inside() -> None:
    """Tiny arrays travel in the stream, others and read-only ones beside; all arrive writable."""
    value = [np.zeros(3), np.zeros(1000), np.frombuffer(bytes(24))]
    _, _, buffers = encode(value)
    assert [8000, 24] == [buffer.nbytes for buffer in buffers]
    assert equal(value, through(value))


@pytest.mark.parametrize("nbytes", [0, 1, 2**31 + 1, 2**32 + 1])
def test_sizes(nbytes: int) -> None:
    """No length is cut to 32 bits, whatever the object; sparse memory keeps it small (F-27)."""
    array = sparse(nbytes) if nbytes else np.zeros(0, "u1")
    for value in (array, {"x": [array]}, memoryview(array), array.reshape(1, -1, order="F")):
        codec, meta, buffers = encode(value)
        large = [buffer for buffer in buffers if buffer.nbytes > SMALL]
        assert (nbytes > SMALL) * [nbytes] == [buffer.nbytes for buffer in large]
        memory = [sparse(nbytes) if nbytes > SMALL else bytearray(buffer) for buffer in buffers]
        arrived = decode(codec, meta, memory)
        arrived = arrived["x"][0] if isinstance(value, dict) else arrived
        kind = memoryview if codec == VIEW else np.ndarray
        assert (kind, nbytes) == (type(arrived), arrived.nbytes)
        if nbytes:
            np.asarray(arrived).reshape(-1)[-1] = 7
        if nbytes > SMALL:
            assert memory[0][-1] == 7
    _, meta, buffers = encode(bytes(nbytes))
    assert nbytes == len(meta) + sum(buffer.nbytes for buffer in buffers)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("wrap", [lambda array: array, lambda array: {"x": [array]}])
def test_no_copy_at_the_sender(order: Any, wrap: Any) -> None:
    """The buffers are the array's own memory, for a bare array and for one inside an object."""
    array = np.zeros((100, 100), order=order)
    _, meta, (buffer,) = encode(wrap(array))
    array[3, 4] = 1.5
    assert (buffer.format, buffer.ndim) == ("B", 1)
    assert np.frombuffer(buffer).reshape(array.shape, order=order)[3, 4] == 1.5
    assert buffer.nbytes == array.nbytes
    assert len(meta) < 300


def test_sender_and_receiver_share_nothing() -> None:
    """Changing what arrived leaves the sender's object as it was."""
    array = np.arange(3)
    arrived = through([array])
    arrived[0][:] = 9
    assert array.tolist() == [0, 1, 2]


def test_bytearrays_travel_out_of_band() -> None:
    """A PickleBuffer of the user's own is not copied either."""
    data = bytearray(b"x" * 5000)
    _, meta, (buffer,) = encode(pickle.PickleBuffer(data))
    assert buffer.obj is data
    assert len(meta) < 100


def test_a_million_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """More buffers than a message may have travel inside the stream, and arrive writable too."""
    monkeypatch.setattr(limits, "BUFFERS_MAX", 3)
    value = [np.zeros(1000), np.ones(1000), np.frombuffer(bytes(8)), np.frombuffer(b"12345678")]
    assert [8000, 8000, 8] == [buffer.nbytes for buffer in encode(value[:3])[2]]
    assert [0] == [buffer.nbytes for buffer in encode(value)[2]]
    assert equal(value, through(value))
    assert equal(value, through([*value, lambda: 1])[:4])


@pytest.mark.parametrize(
    "value", [None, True, 2**100, 1.5, "ä\0", b"bytes", [], {"a": (1, {2})}, {3: [None] * 10}, int]
)
def test_plain_objects(value: Any) -> None:
    """Ordinary objects come back equal."""
    arrived = through(value)
    assert (value, type(value)) == (arrived, type(arrived))


def test_functions_without_a_module() -> None:
    """Lambdas, closures and local classes travel by cloudpickle (F-28)."""

    class Local:
        def __init__(self, y: int) -> None:
            self.y = y

    offset = 10
    assert through(lambda x: x + offset)(1) == 11
    assert through(Local(3)).y == 3
    arrived = through({"f": lambda: np.arange(3), "a": np.arange(2)})
    assert (arrived["f"]().tolist(), arrived["a"].tolist()) == ([0, 1, 2], [0, 1])


def test_classes_of_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class of the program itself travels by its name: both nodes run the same program."""
    monkeypatch.setattr(Point, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "Point", Point, raising=False)
    arrived = through(Point(3))
    assert (type(arrived), arrived.x) == (Point, 3)
