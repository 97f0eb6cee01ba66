"""distrcomp.codec: objects to bytes and back."""

from __future__ import annotations

import pickle
import sys
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp import limits
from distrcomp.codec import ARRAY, PICKLE, decode, encode
from distrcomp.errors import Undecodable, Unpicklable


def sent(value: Any) -> tuple[int, bytes, list[bytearray]]:
    """`value` as it arrives: the buffers are the receiver's own memory."""
    codec, meta, buffers = encode(value)
    return codec, bytearray(meta), [bytearray(buffer) for buffer in buffers]


def through(value: Any) -> Any:
    """What the receiver gets for `value`."""
    return decode(*sent(value))


def same(expected: Any, actual: Any) -> bool:
    """Whether two arrays agree in type, dtype, shape and bytes, and the second is writable."""
    return (
        type(expected) is type(actual)
        and expected.dtype == actual.dtype
        and expected.shape == actual.shape
        and expected.tobytes() == actual.tobytes()
        and actual.flags.writeable
    )


ARRAYS = {
    "bool": np.array([True, False]),
    "int8": np.arange(5, dtype=np.int8),
    "uint64": np.array([0, 2**64 - 1], np.uint64),
    "big endian": np.arange(5, dtype=">i4"),
    "float16": np.arange(5, dtype=np.float16),
    "float64": np.linspace(0, 1, 7),
    "longdouble": np.arange(3, dtype=np.longdouble),
    "complex": np.array([1j, 2 + 3j]),
    "bytes": np.array([b"a", b"bcd"]),
    "text": np.array(["ä", "bcd"]),
    "dates": np.array(["2024-01-01", "NaT"], "M8[ms]"),
    "durations": np.array([1, 2], "m8[3us]"),
    "void": np.array([b"abc", b"def"], "V3"),
    "0-d": np.array(3.5),
    "empty": np.empty(0),
    "empty 3-d": np.empty((2, 0, 3), np.int16),
    "empty text": np.array(["", ""], "U0"),
    "zero itemsize": np.zeros((2, 3), "S0"),
    "C": np.arange(24).reshape(2, 3, 4),
    "F": np.asfortranarray(np.arange(24).reshape(2, 3, 4)),
    "strided": np.arange(24)[::2],
    "reversed": np.arange(24)[::-1],
    "transposed part": np.arange(24).reshape(4, 6).T[1:4, ::2],
    "broadcast": np.broadcast_to(np.arange(3), (4, 3)),
    "read-only": np.frombuffer(b"12345678", np.int32),
    "one of each": np.zeros((1,) * 20),
}

PICKLED_ARRAYS = {
    "structured": np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
    "nested": np.zeros(2, [("a", "i4", (2, 2))]),
    "objects": np.array([{"a": 1}, None], object),
    "subclass": np.arange(4).view(np.recarray),
    "masked": np.ma.masked_array([1, 2, 3], [False, True, False]),
    "metadata": np.zeros(2, np.dtype("i4", metadata={"unit": "m"})),
}


class Point:
    """A class that a module holds."""

    def __init__(self, x: int) -> None:
        self.x = x


class Grumpy:
    """Refuses to be pickled, by an error of its own."""

    def __reduce__(self) -> Any:
        raise RuntimeError("leave me alone")


class Fragile:
    """Travels well and breaks at its arrival."""

    def __getstate__(self) -> dict[str, int]:
        return {"a": 1}

    def __setstate__(self, state: Any) -> None:
        raise ValueError("broken on arrival")


@pytest.mark.parametrize("name", ARRAYS)
def test_array(name: str) -> None:
    """An array of every plain kind and layout travels as one buffer, without pickle."""
    codec, meta, buffers = sent(ARRAYS[name])
    assert (codec, len(buffers)) == (ARRAY, 1)
    assert b"numpy" not in meta
    assert same(ARRAYS[name], decode(codec, meta, buffers))


@pytest.mark.parametrize("name", ARRAYS)
def test_array_inside(name: str) -> None:
    """The same arrays inside an object arrive equal and writable, read-only ones too."""
    arrived = through({"list": [ARRAYS[name], 1]})["list"]
    assert arrived[1] == 1
    assert same(ARRAYS[name], arrived[0])


@pytest.mark.parametrize("name", PICKLED_ARRAYS)
def test_unplain_array(name: str) -> None:
    """An array that its dtype's text doesn't tell whole goes by pickle, and arrives equal."""
    array = PICKLED_ARRAYS[name]
    codec, meta, buffers = sent(array)
    arrived = decode(codec, meta, buffers)
    assert codec == PICKLE
    assert (type(arrived), arrived.dtype) == (type(array), array.dtype)
    assert repr(arrived) == repr(array)


@given(
    st.sampled_from(["i1", "<f8", ">u2", "c16", "U3", "M8[s]"]),
    st.lists(st.integers(0, 4), max_size=5),
    st.sampled_from("CF"),
)
def test_any_shape(dtype: str, shape: list[int], order: Any) -> None:
    """Any shape in any order comes back, and stays in that order."""
    array = np.zeros(shape, dtype, order)
    array.reshape(-1, order="A").view(np.uint8)[:] = np.arange(array.nbytes) % 100
    arrived = through(array)
    assert arrived.tobytes() == array.tobytes()
    assert (arrived.shape, arrived.dtype) == (array.shape, array.dtype)
    assert arrived.flags.f_contiguous == array.flags.f_contiguous


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("wrap", [lambda array: array, lambda array: {"x": [array]}])
def test_no_copy_at_the_sender(order: Any, wrap: Any) -> None:
    """The buffers are the array's own memory, for a bare array and for one inside an object."""
    array = np.zeros((100, 100), order=order)
    _, meta, (buffer,) = encode(wrap(array))
    array[3, 4] = 1.5
    assert np.frombuffer(buffer).reshape(array.shape, order=order)[3, 4] == 1.5
    assert buffer.nbytes == array.nbytes
    assert len(meta) < 300


def test_no_copy_at_the_receiver() -> None:
    """What arrives lies in the memory into which it was read."""
    for value in (np.arange(10.0), [np.arange(10.0)]):
        codec, meta, buffers = sent(value)
        arrived = decode(codec, meta, buffers)
        array = arrived if codec == ARRAY else arrived[0]
        array[0] = 7.0
        assert np.frombuffer(buffers[0])[0] == 7.0


def test_sender_and_receiver_share_nothing() -> None:
    """Changing what arrived leaves the sender's object as it was."""
    array = np.arange(3)
    arrived = through([array])
    arrived[0][:] = 9
    assert array.tolist() == [0, 1, 2]


def test_bytearrays_travel_out_of_band() -> None:
    """A PickleBuffer of the user's own is not copied either."""
    data = bytearray(b"x" * 1000)
    _, meta, (buffer,) = encode(pickle.PickleBuffer(data))
    assert buffer.obj is data
    assert len(meta) < 100


def test_a_million_tiny_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """More buffers than a message may have travel inside the stream."""
    monkeypatch.setattr(limits, "BUFFERS_MAX", 3)
    value = [np.arange(i) for i in range(4)]
    assert [len(encode(part)[2]) for part in (value[:3], value)] == [3, 0]
    assert [array.tolist() for array in through(value)] == [array.tolist() for array in value]


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


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [
        (threading.Lock(), "_thread.lock", "cannot pickle '_thread.lock' object"),
        (Grumpy(), f"{__name__}.Grumpy", "RuntimeError: leave me alone"),
        ([np.arange(3), Grumpy()], "builtins.list", "RuntimeError: leave me alone"),
    ],
)
def test_unpicklable(value: Any, kind: str, reason: str) -> None:
    """What cannot travel is an error at the sender that names type and reason (F-28, F-29)."""
    with pytest.raises(Unpicklable) as caught:
        encode(value)
    assert f"an object of type {kind} cannot be sent: " in str(caught.value)
    assert reason in str(caught.value)
    assert caught.value.__cause__ is not None


def test_half_pickled_buffers_are_dropped() -> None:
    """Buffers of the first attempt don't travel with what the second made (F-29)."""
    value = [np.arange(3), lambda: 1, np.arange(4)]
    _, _, buffers = encode(value)
    assert len(buffers) == 2
    assert [len(through(value)[i]) for i in (0, 2)] == [3, 4]


def test_deep_recursion() -> None:
    """An object nested too deep is refused at the sender, not a crash (F-29)."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Unpicklable, match=r"builtins\.list"):
        encode(deep)


def test_uncontiguous_pickle_buffer() -> None:
    """A buffer with gaps cannot travel as it is."""
    with pytest.raises(Unpicklable, match="PickleBuffer"):
        encode(pickle.PickleBuffer(memoryview(bytes(10))[::2]))


def test_breaks_on_arrival() -> None:
    """An object that cannot be rebuilt is Undecodable with the reason, and its cause (F-29)."""
    with pytest.raises(Undecodable, match="ValueError: broken on arrival") as caught:
        through(Fragile())
    assert isinstance(caught.value.__cause__, ValueError)


def test_class_missing_at_the_receiver() -> None:
    """A class that the receiver doesn't have is named (F-29)."""
    codec, meta, buffers = sent(Point(1))
    with pytest.raises(Undecodable, match="Pxint"):
        decode(codec, meta.replace(b"Point", b"Pxint"), buffers)


@pytest.mark.parametrize("value", [{"a": [1, 2, "x"]}, np.arange(3.0), [np.arange(3)]])
def test_cut_and_trailing(value: Any) -> None:
    """A description that is cut anywhere is Undecodable, at no place anything else."""
    codec, meta, buffers = sent(value)
    for cut in range(len(meta)):
        with pytest.raises(Undecodable):
            decode(codec, meta[:cut], buffers)
    decode(codec, meta + b"trailing", buffers)


@given(st.integers(2, 300), st.binary(max_size=60), st.binary(max_size=60))
def test_any_array_bytes(codec: int, meta: bytes, buffer: bytes) -> None:
    """Any description gives an array or Undecodable; an unknown codec is named."""
    try:
        assert isinstance(decode(codec, meta, [bytearray(buffer)]), np.ndarray)
    except Undecodable as error:
        assert codec == ARRAY or f"(codec {codec})" in str(error)  # noqa: PT017  either is right
