"""The size of an object message, as its pickle's."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from distrcomp import codec
from distrcomp.frames import Message
from distrcomp.mpi.object_sizes import object_bytes

OBJECTS = [
    None,
    1,
    -(2**40),
    2**70,
    1.5,
    "abc",
    "é" * 300,
    b"abc",
    b"x" * 300_000,
    bytearray(10),
    bytearray(1_000_000),
    [1, 2, 3],
    list(range(100_000)),
    {"a": np.zeros(10)},
    np.zeros(3),
    np.zeros((1000, 1000)),
    np.zeros((10, 10), order="F"),
    np.float64(3),
    [np.zeros(100_000), np.zeros(10)],
    ["a" * 70_000, b"b" * 70_000, bytearray(70_000), "c" * 70_000],
    ["."] * 5,
]


def message_of(obj: object, padding: bytes = b"") -> Message:
    """The message in which an object travels; a pickle may be padded."""
    kind, meta, buffers = codec.encode(obj)
    padded = meta + padding if kind == codec.PICKLE else meta
    return Message(0, 0, 0, kind, padded, [bytearray(buffer) for buffer in buffers])


@pytest.mark.parametrize("padding", [b"", b"\0" * 7, b"xx.y", b"....", b"\x95......"])
@pytest.mark.parametrize("obj", OBJECTS, ids=lambda obj: type(obj).__name__)
def test_size_of_the_pickle(obj: object, padding: bytes) -> None:
    """It is what pickle makes of the object, however it travels and whatever follows it."""
    assert len(pickle.dumps(obj, 5)) == object_bytes(message_of(obj, padding))


def test_views_are_bytes() -> None:
    """A memoryview, which can't be pickled, has about the size of its bytes."""
    assert len(pickle.dumps(b"abc", 5)) == object_bytes(message_of(memoryview(b"abc")))


def test_raw_messages() -> None:
    """Raw bytes are as many as they are."""
    assert 3 == object_bytes(Message(0, 0, 0, codec.RAW, b"abc", []))
    assert 5 == object_bytes(Message(0, 0, 0, codec.RAW, b"", [bytearray(5)]))
