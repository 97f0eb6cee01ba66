"""Objects of the stress test, and whether their fingerprints tell them apart."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from distrcomp import codec
from tests.stress.values import KINDS, Maker, Spec, fingerprint, is_writable, overwrite, parts

SIZES = (0, 1, 100, 2047, 5000)
SPECS = [
    Spec(kind, nbytes, at)
    for kind, nbytes, at in itertools.product(KINDS, SIZES, (*range(1000, 1160, 3), 7 * 2**30))
]


def travelled(value: Any) -> Any:
    """What arrives of an object."""
    number, meta, buffers = codec.encode(value)
    return codec.decode(number, meta, [bytearray(each) for each in buffers])


@pytest.mark.parametrize("kind", KINDS)
def test_same_object_has_the_same_fingerprint(kind: str) -> None:
    """However often it is made, and after it has travelled; what arrived is writable."""
    maker = Maker(3)
    for spec in [each for each in SPECS if each.kind == kind]:
        arrived = travelled(maker.make(spec).value)
        assert maker.fingerprint(spec) == fingerprint(arrived), spec
        assert all(map(is_writable, parts(arrived)))


def test_another_seed_has_other_content() -> None:
    """The seed decides what is sent."""
    spec = Spec("bytes", 100, 5)
    assert Maker(1).fingerprint(spec) == Maker(1).fingerprint(spec)
    assert Maker(1).fingerprint(spec) != Maker(2).fingerprint(spec)


@pytest.mark.parametrize("kind", ["array", "bytearray", "memoryview", "dict of arrays"])
def test_changed_byte_is_found(kind: str) -> None:
    """One bit in the memory of an object changes its fingerprint."""
    maker = Maker(3)
    found = 0
    for spec in [each for each in SPECS if each.kind == kind and each.nbytes >= 100]:
        made = maker.make(spec)
        before = fingerprint(made.value)
        for memory in made.memory[:1]:
            memory.flags.writeable = True
            memory[0] ^= 1
            found += 1
            assert before != fingerprint(made.value), spec
    assert found > 10


def test_all_of_the_memory_can_be_overwritten() -> None:
    """What lies below a sent object, and what a received one consists of."""
    maker = Maker(3)
    for spec in SPECS:
        for memory in maker.make(spec).memory:
            memory.flags.writeable = True
            overwrite(memory, 0xEE)
            assert {0xEE} >= set(memory.tolist())
        for part in parts(travelled(maker.make(spec).value)):
            overwrite(part, 0xDD)
            assert {0xDD} >= set(np.asarray(part).tobytes())


def test_every_kind_of_array_is_made() -> None:
    """0-d, empty, two-dimensional in both orders, with gaps, read-only, of all types."""
    maker = Maker(3)
    arrays = [maker.make(spec).value for spec in SPECS if spec.kind == "array"]
    assert {0, 1, 2} == {array.ndim for array in arrays}
    assert 9 < len({array.dtype.str for array in arrays})
    flags = [array.flags for array in arrays]
    assert {True, False} == {each.writeable for each in flags}
    assert {(True, True), (True, False), (False, True), (False, False)} == {
        (each.c_contiguous, each.f_contiguous) for each in flags
    }
