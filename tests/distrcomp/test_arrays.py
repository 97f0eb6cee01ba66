"""distrcomp.arrays: arrays to a description and memory, and back."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from distrcomp import arrays, limits
from distrcomp.arrays import content, describe, know_array, rebuild

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
    "dates in 2-d F": np.asfortranarray(np.arange(6).astype("M8[s]").reshape(2, 3)),
    "0-d date": np.array("2024-01-01", "M8[D]"),
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

RECORDS = {
    "record": np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
    "nested": np.zeros(2, [("a", "i4", (2, 2)), ("b", [("c", "M8[s]"), ("d", "U3")])]),
    "aligned": np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "titles": np.zeros(2, [(("title", "a"), "i4")]),
    "overlapping": np.ones(
        2, {"names": ["a", "b"], "formats": ["i4", "i2"], "offsets": [0, 2], "itemsize": 16}
    ),
    "metadata inside": np.zeros(2, [("a", np.dtype("i4", metadata={"unit": "m"}))]),
    "no fields": np.zeros(2, []),
}


def same(expected: Any, actual: Any) -> bool:
    """Whether two arrays agree in type, dtype, shape and bytes, and the second is writable."""
    return (
        type(expected) is type(actual)
        and expected.dtype == actual.dtype
        and expected.dtype.isalignedstruct == actual.dtype.isalignedstruct
        and expected.shape == actual.shape
        and expected.tobytes() == actual.tobytes()
        and actual.flags.writeable
    )


@pytest.mark.parametrize("name", [*ARRAYS, *RECORDS])
def test_round_trip(name: str) -> None:
    """An array without gaps is rebuilt from its description and its memory, however often."""
    array = {**ARRAYS, **RECORDS}[name]
    if not array.flags.forc:
        assert describe(array) is None
        return
    for _ in range(2):
        description, memory = describe(array), content(array)
        assert description is not None
        assert ("B", 1, array.nbytes) == (memory.format, memory.ndim, memory.nbytes)
        rebuilt = rebuild(description, bytearray(memory))
        assert same(array, rebuilt)
        assert array.flags.f_contiguous == rebuilt.flags.f_contiguous


@pytest.mark.parametrize(
    "value",
    [
        7,
        [np.zeros(1)],
        np.float64(1),
        np.zeros(2).view(np.recarray),
        np.array([None]),
        np.zeros(1, [("a", "O")]),
        np.zeros(4)[::2],
        np.zeros(2, np.dtype("f8", metadata={"a": 1})),
        np.zeros(2, [("a", np.dtype("f8", metadata={"a": lambda: 1}))]),
    ],
)
def test_no_description(value: Any) -> None:
    """What is no plain array in one piece has no description."""
    assert describe(np.zeros(2)) is not None
    assert describe(value) is None


def test_other_types_of_plain_bytes() -> None:
    """A dtype of which numpy's own string tells only the size has no description."""

    class Foreign:
        kind, metadata, str, names = "V", None, "|V2", None

    assert arrays._plain_text(np.dtype("V2")) == b"|V2"
    assert arrays._plain_text(Foreign()) is None


def test_records_changed_in_place() -> None:
    """Renaming the fields of one array leaves those that come later as they are."""
    array = np.zeros(2, [("a", "i4")])
    description = describe(array)
    assert description is not None
    rebuild(description, bytearray(8)).dtype.names = ("other",)
    assert ("a",) == rebuild(description, bytearray(8)).dtype.names
    array.dtype.names = ("b",)
    description = describe(array)
    assert description is not None
    assert ("b",) == rebuild(description, bytearray(8)).dtype.names


def test_memory_of_descriptions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program with ever new shapes does not fill the memory with their descriptions."""
    monkeypatch.setattr(limits, "REMEMBERED_SHAPES_MAX", 10)
    arrays.KNOWN.clear()
    arrays._meanings.clear()
    for length in range(1000):
        array = np.zeros(length, "i1")
        description = describe(array)
        assert description is not None
        assert same(array, rebuild(description, bytearray(length)))
        assert (description, length, True) == know_array(array)
    assert len(arrays.KNOWN) <= 10
    assert len(arrays._meanings) <= 10


@pytest.mark.parametrize("made", [bytearray, lambda size: np.zeros(size, "u1")])
def test_memory_is_held(made: Any) -> None:
    """The array stands on the very object it was given."""
    memory = made(80)
    description = describe(np.zeros((2, 5)))
    assert description is not None
    assert rebuild(description, memory).base is memory


def test_memory_too_small() -> None:
    """Less memory than the description needs is an error."""
    description = describe(np.zeros(10))
    assert description is not None
    with pytest.raises(TypeError):
        rebuild(description, bytearray(79))


def test_sizes_are_64_bit() -> None:
    """A dimension beyond 32 bits is described whole."""
    array = np.broadcast_to(np.zeros((), "V0"), 2**32 + 1)
    description = describe(array)
    assert description is not None
    assert (2**32 + 1,) == rebuild(description, bytearray()).shape


def test_numpy_is_not_imported() -> None:
    """Asking whether something is an array does not import numpy."""
    program = (
        "import sys; from distrcomp import codec; "
        "codec.encode({1: 'a'}); codec.encode(memoryview(b'a')); "
        "codec.decode(*codec.encode([b'x'])); "
        "print('numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "False\n"
