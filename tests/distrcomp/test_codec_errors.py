"""distrcomp.codec: what cannot travel, or not be rebuilt, and whose error it is."""

from __future__ import annotations

import pickle
import re
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from distrcomp.codec import ARRAY, BYTEARRAY, BYTES, INT, RAW, TEXT, VIEW, decode, encode
from distrcomp.errors import Undecodable, Unpicklable
from tests.distrcomp.test_codec import Point, sent, through


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
    value = [np.arange(3000), lambda: 1, np.arange(4000)]
    _, _, buffers = encode(value)
    assert len(buffers) == 2
    assert [len(through(value)[i]) for i in (0, 2)] == [3000, 4000]


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


class Stubborn:
    """Raises what it is told to, at its sender or at its receiver."""

    def __init__(self, error: type[BaseException], *, at_sender: bool) -> None:
        self.error, self.at_sender = error, at_sender

    def __reduce__(self) -> Any:
        if self.at_sender:
            raise self.error
        return raise_it, (self.error,)


def raise_it(error: type[BaseException]) -> None:
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
@pytest.mark.parametrize("at_sender", [False, True])
def test_not_the_objects_fault(error: type[BaseException], at_sender: bool) -> None:
    """Ctrl-C, an exit and a lack of memory are no fault of the object: they pass as they are."""
    with pytest.raises(error):
        through([Stubborn(error, at_sender=at_sender)])


def test_deep_recursion_at_the_receiver() -> None:
    """An object that recurses too deep when rebuilt is Undecodable."""
    with pytest.raises(Undecodable, match="RecursionError"):
        through(Stubborn(RecursionError, at_sender=False))


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


@pytest.mark.parametrize("value", [{"a": [1, 2, "x"]}, np.arange(3.0), [np.arange(3000)], 7])
def test_cut(value: Any) -> None:
    """A description that is cut anywhere is Undecodable, at no place anything else."""
    codec, meta, buffers = sent(value)
    for cut in range(len(meta)):
        with pytest.raises(Undecodable):
            decode(codec, meta[:cut], buffers)


# pickle makes room for every number that a body gives to a value (LONG_BINPUT): up to 32 GiB.
_HUGE_NUMBER = re.compile(rb"r...[\x01-\xff]", re.DOTALL)


@given(st.sampled_from([0, *range(ARRAY, 16), 300]), st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes(codec: int, meta: bytes, buffer: bytes) -> None:
    """Any description gives an object of its codec or Undecodable; an unknown codec is named."""
    assume(not _HUGE_NUMBER.search(meta) and not _HUGE_NUMBER.search(buffer))
    kinds = {INT: int, TEXT: str, BYTES: bytes, BYTEARRAY: bytearray, VIEW: memoryview}
    try:
        kind: Any = {**kinds, ARRAY: np.ndarray, RAW: object}[codec]
    except KeyError:
        with pytest.raises(Undecodable, match=rf"\(codec {codec}\)"):
            decode(codec, meta, [bytearray(buffer)])
        return
    try:
        assert isinstance(decode(codec, meta, [bytearray(buffer)]), kind)
    except Undecodable:
        return
