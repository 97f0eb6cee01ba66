"""distrcomp.views: memoryviews of any elements, shape and layout."""

from __future__ import annotations

import array
import ctypes
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp import views
from distrcomp.codec import VIEW, decode, encode
from distrcomp.errors import Undecodable, Unpicklable

BLOCK = np.arange(24, dtype=np.int16).reshape(2, 3, 4)

VIEWS: dict[str, Any] = {
    "bytes": b"read-only",
    "bytearray": bytearray(b"abc"),
    "empty": b"",
    "large": bytes(100_000),
    "doubles": array.array("d", [1, 2, 3]),
    "at format": memoryview(bytes(8)).cast("@i"),
    "half precision": np.arange(3, dtype=np.float16),
    "characters": memoryview(b"abc").cast("c"),
    "3-d": BLOCK,
    "0-d": np.array(2.5),
    "Fortran": np.asfortranarray(BLOCK),
    "strided": memoryview(b"abcdefgh")[::2],
    "reversed": memoryview(b"abcdefgh")[::-1],
    "gaps in 3-d": BLOCK[:, ::2, ::-1],
    "empty in 3-d": np.zeros((2, 0, 3), np.int16),
    "empty doubles": array.array("d"),
    "complex": np.array([[1j, 2], [3, 4]]),
    "complex with gaps": np.arange(8, dtype=complex)[::2],
    "text": np.array(["ä", "bcd"]),
    "record": np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
    "big endian": np.arange(3, dtype=">i4"),
}


@pytest.mark.parametrize("name", VIEWS)
def test_round_trip(name: str) -> None:
    """A view arrives with its format, shape and elements, writable and in C order."""
    view = memoryview(VIEWS[name])
    codec, meta, buffers = encode(view)
    arrived = decode(codec, bytearray(meta), [bytearray(buffer) for buffer in buffers])
    assert (VIEW, 1, "B", 1) == (codec, len(buffers), buffers[0].format, buffers[0].ndim)
    assert (view.format, view.shape) == (arrived.format, arrived.shape)
    assert view.tobytes() == arrived.tobytes()
    assert (False, True) == (arrived.readonly, arrived.c_contiguous)


@pytest.mark.parametrize("name", VIEWS)
def test_views_are_left_free(name: str) -> None:
    """What travels doesn't rest on the program's view, which may be released meanwhile."""
    view = memoryview(VIEWS[name])
    nbytes = view.nbytes
    encoded = encode(view)
    view.release()
    assert nbytes == encoded[2][0].nbytes


STRUCTURE = np.zeros(2, [("a", "i4"), ("b", "f8")])


@pytest.mark.parametrize("memory", [bytearray(8), bytearray(), BLOCK, BLOCK.T, STRUCTURE])
def test_content(memory: Any) -> None:
    """The bytes of a view lie where it shows them, and it may be released."""
    view = memoryview(memory)
    wanted = (view.nbytes, view.tobytes(order="A"))
    content = views.content(view)
    view.release()
    assert wanted == (content.nbytes, bytes(content))
    if content.nbytes and not content.readonly:
        content[0] ^= 1
        assert memoryview(memory).tobytes(order="A") == bytes(content)


def test_content_has_to_be_in_one_piece() -> None:
    """As Python's own buffers say it."""
    with pytest.raises(BufferError):
        views.content(memoryview(bytearray(8))[::2])


def test_elements_of_ctypes() -> None:
    """A view whose format spells out the machine's own byte order has it unsaid at its arrival."""
    view = memoryview((ctypes.c_int * 3)(1, 2, 3))
    codec, meta, buffers = encode(view)
    arrived = decode(codec, meta, [bytearray(buffer) for buffer in buffers])
    assert ("i", [1, 2, 3]) == (arrived.format, arrived.tolist())


def test_no_copy() -> None:
    """A view in C order is sent from its own memory and shows the memory into which it was read."""
    memory = bytearray(5000)
    for view in (
        memoryview(memory),
        memoryview(memory).cast("d"),
        memoryview(memory).cast("i", (5, 250)),
    ):
        _, meta, (buffer,) = encode(view)
        memory[0] += 1
        assert buffer[0] == memory[0]
        mine = bytearray(5000)
        arrived = decode(VIEW, meta, [mine])
        mine[:4] = b"\x01\0\0\0"
        assert arrived.tobytes()[0] == 1


def test_released() -> None:
    """A view that was released is an error at the sender."""
    view = memoryview(b"abc")
    view.release()
    with pytest.raises(Unpicklable, match=r"builtins\.memoryview .*released"):
        encode(view)


def test_pointers() -> None:
    """A view of objects is an error at the sender: addresses mean nothing elsewhere."""
    with pytest.raises(Unpicklable, match="mean nothing in another process"):
        encode(memoryview(np.array([{}, []], object)))


@pytest.mark.parametrize("name", ["3-d", "complex", "record"])
def test_cut(name: str) -> None:
    """A description cut anywhere is another description or Undecodable, never anything else."""
    _, meta, (buffer,) = encode(memoryview(VIEWS[name]))
    for cut in range(len(meta)):
        try:
            decode(VIEW, meta[:cut], [bytearray(buffer)])
        except Undecodable:
            continue


def test_memory_too_small() -> None:
    """A view that needs more or less than came is Undecodable."""
    for size in (4, 12):
        with pytest.raises(Undecodable):
            decode(VIEW, encode(memoryview(bytes(8)).cast("d"))[1], [bytearray(size)])


@given(st.binary(min_size=1, max_size=50), st.data())
def test_writable(memory: bytes, data: st.DataObject) -> None:
    """Of any read-only part of memory that its owner may write, the writable one is found."""
    owner = data.draw(st.sampled_from([bytearray(memory), np.frombuffer(bytearray(memory), "u1")]))
    start = data.draw(st.integers(0, len(memory)))
    end = data.draw(st.integers(start, len(memory)))
    part = memoryview(owner)[start:end].toreadonly()
    found = views.writable(part)
    found[:] = b"\x07" * len(found)
    expected = memory[:start] + b"\x07" * (end - start) + memory[end:]
    assert expected == bytes(memoryview(owner))
