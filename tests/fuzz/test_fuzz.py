"""The corpora hold, and so does what is like them."""

from __future__ import annotations

import itertools
import secrets

import pytest

from distrcomp.errors import ProtocolError
from tests.fuzz.corpus import FOLDER, read_corpus
from tests.fuzz.mutations import mutations
from tests.fuzz.targets import TARGETS, Target

MUTATIONS = 30_000
# The case that a target is about, beside S-02: foreign bytes.
CASES = {
    "frame": "S-14",
    "message": "S-14",
    "control": "S-16",
    "passing": "S-26",
    "notice-to-agent": "S-29",
    "manifest": "S-20",
    "peers-file": "F-33",
    "join-line": "S-13",
    "join-message": "S-13",
}


def named(target: str) -> object:
    """The target as a parameter that names its case."""
    return pytest.param(target, marks=[pytest.mark.case(CASES.get(target, "S-02"))])


@pytest.mark.parametrize("target", [named(each) for each in TARGETS])
def test_corpus(target: str) -> None:
    """What was found by fuzzing, and what is taken, ends in a value or the one exception (S-02)."""
    for data in (*TARGETS[target].seeds(), *read_corpus(target)):
        TARGETS[target].hold(data)


@pytest.mark.parametrize("target", [named(each) for each in TARGETS])
def test_mutations(target: str) -> None:
    """From inputs like those of the corpus comes a value or the one exception (S-02)."""
    seed = secrets.randbits(32)
    inputs = [b"", *TARGETS[target].seeds(), *read_corpus(target)]
    for data in itertools.islice(mutations(inputs, seed), MUTATIONS):
        try:
            TARGETS[target].hold(data)
        except Exception as error:
            raise AssertionError(
                f"add this line to tests/fuzz/corpus/{target}.txt: {data.hex()}"
            ) from error


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_are_taken(target: str) -> None:
    """Each target takes some input: one that refuses everything would prove nothing."""
    taken = 0
    for data in TARGETS[target].seeds():
        try:
            TARGETS[target].act(data)
            taken += 1
        except TARGETS[target].refusals:
            pass
    assert taken > 0


def test_corpora_have_targets() -> None:
    """No corpus lies there unused."""
    assert {path.stem for path in FOLDER.glob("*")} <= set(TARGETS)


def test_canary() -> None:
    """A parser with a fault is found by the mutator, and by a sentence that is none."""

    def act(data: bytes) -> None:
        if len(data) > 2 and data[1] == 0xFF:
            raise IndexError
        raise ProtocolError("no")

    def hold_all() -> None:
        for data in itertools.islice(mutations([b"abc"], 1), MUTATIONS):
            Target(act, (ProtocolError,), list).hold(data)

    with pytest.raises(IndexError):
        hold_all()

    def speak(_: bytes) -> None:
        raise ProtocolError("a\x1bb")

    with pytest.raises(AssertionError, match="cursor"):
        Target(speak, (ProtocolError,), list).hold(b"")


def test_same_seed_same_inputs() -> None:
    """A seed decides all inputs."""
    one, other = (itertools.islice(mutations([b"abc", b"d"], 5), 100) for _ in range(2))
    assert list(one) == list(other)
