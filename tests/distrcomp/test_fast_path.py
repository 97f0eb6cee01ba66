"""distrcomp.fast_path: what goes the short way and what does not arrives alike, and in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from distrcomp import fast_path
from distrcomp.communicator import Communicator
from distrcomp.engine import Engine
from distrcomp.errors import (
    BadTag,
    DistrcompError,
    NodeLost,
    NoSuchNode,
    RecvTimeout,
    Undecodable,
    Unpicklable,
)
from distrcomp.fast_path import FastPath
from distrcomp.limits import TAG_MAX
from tests.distrcomp.kit import MEMORY, TIMEOUT_S, Nodes, nodes


class Mutable:
    """Compares by what it holds."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mutable) and self.value == other.value

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Mutable({self.value!r})"


class SubInt(int):
    """Not quite an int."""


VALUES: list[Any] = [
    0,
    -1,
    2**63 - 1,
    -(2**63),
    2**63,
    2**64,
    10**400,
    True,
    SubInt(7),
    1.5,
    None,
    "",
    "ascii",
    "ümlaut \udcff",
    "x" * 2047,
    "x" * 2048,
    "ü" * 2047,
    b"",
    b"1234567",
    b"12345678",
    b"x" * 2047,
    b"x" * 2048,
    bytearray(b"bytes"),
    bytearray(100_000),
    (1, "two", [3.0, None]),
    {"dict": {"of": "dicts"}},
    Mutable([1, 2]),
    [b"x" * 16_370],
    [b"x" * 17_000],
    ["x" * 100_000],
    np.arange(0),
    np.arange(3),
    np.arange(300.0).reshape(3, 100),
    np.asfortranarray(np.arange(300.0).reshape(3, 100)),
    np.arange(1_000)[::3],
    np.array(5),
    np.array(["a", None], dtype=object),
    np.arange(2_000.0),
    np.arange(50_000),
    {"array": np.arange(10)},
    [np.arange(20_000), "beside", np.arange(3)],
    [np.full(5, ord("0"), np.uint8), np.full(5, ord("1"), np.uint8)],
    {"bytes": bytearray(b"000")},
    np.float64(2.5),
]


def alike(one: Any, other: Any) -> bool:
    """Whether two values are of one type and equal, whatever they hold."""
    if isinstance(one, np.ndarray):
        return (
            type(one) is type(other)
            and (one.dtype, one.shape, one.flags.f_contiguous)
            == (other.dtype, other.shape, other.flags.f_contiguous)
            and bool((one == other).all())
        )
    return type(one) is type(other) and repr(one) == repr(other)


@pytest.mark.parametrize("by", ["source", "any source", "request"])
def test_every_kind_of_object(two: Nodes, by: str) -> None:
    """Each arrives as it was, is the receiver's own and writable; twice, also after the first."""

    def receive() -> Any:
        if by == "request":
            return two.worlds[1].irecv(0).wait(TIMEOUT_S)
        return two.receive(1, 0 if by == "source" else -1)

    with two.control_threads():
        for value in [each for each in VALUES for _ in range(2)]:
            two.send(0, 1, value)
            came = receive()
            if isinstance(value, np.ndarray) and not value.flags.forc:
                value = np.ascontiguousarray(value)
            assert alike(value, came), repr(value)[:100]
            if isinstance(came, np.ndarray) and came.size:
                came.flat[0] = came.flat[0]


def test_short_way_is_taken() -> None:
    """Inside a machine small objects reach the engine only where the end of a ring does."""
    with nodes(2, MEMORY) as two:
        counts = [Counting(two.engines[node]) for node in (0, 1)]
        for number in range(20_000):
            value: Any = (number, f"{number}", [number], b"%d" % number)[number % 4]
            two.send(0, 1, value, number % 7)
            assert two.receive(1, 0, number % 7) == value
        assert all(each.n_call < 50 for each in counts)


class Counting:
    """Counts the calls that reach an engine."""

    def __init__(self, engine: Engine) -> None:
        self.n_call = 0
        self._send, self._receive = engine.send, engine.receive
        engine.send = self.send  # type: ignore[method-assign]
        engine.receive = self.receive  # type: ignore[method-assign]

    def send(self, *args: Any) -> Any:
        self.n_call += 1
        return self._send(*args)

    def receive(self, *args: Any) -> Any:
        self.n_call += 1
        return self._receive(*args)


def test_array_in_the_ring_is_the_receivers_own() -> None:
    """What an array holds does not change when the ring is used again."""
    with nodes(2, MEMORY) as two:
        kept = []
        for number in range(2_000):
            two.send(0, 1, np.full(100, number))
            kept.append(two.receive(1, 0))
        assert [int(each[0]) for each in kept] == list(range(2_000))
        assert all((each == each[0]).all() for each in kept)


N_MANY = 60_000


def test_full_ring(two: Nodes) -> None:
    """What no longer fits is kept, in order, and goes when there is room."""
    for number in range(N_MANY):
        two.send(0, 1, (number, "x"))
    receiving = two.start(lambda: [two.receive(1, 0)[0] for _ in range(N_MANY)])
    two.flush_leftovers(receiving.done)
    assert receiving.result() == list(range(N_MANY))


@pytest.mark.parametrize("tag", [0, 1, 2**16, TAG_MAX])
def test_tags(two: Nodes, tag: int) -> None:
    """Every tag is told from every other, on each path."""
    two.send(0, 1, "other", TAG_MAX - tag if tag != 0 else 5)
    two.send(0, 1, "mine", tag)
    assert two.receive(1, 0, tag) == "mine"
    assert two.receive(1, 0) == "other"


@pytest.mark.parametrize("tag", [-1, -2, TAG_MAX + 1, 2**70, "a", None, 1.5, []])
def test_bad_tags(two: Nodes, tag: Any) -> None:
    """They are refused on the short way too, and nothing is sent."""
    with pytest.raises(BadTag):
        two.send(0, 1, 5, tag)
    if tag != -1:
        with pytest.raises(BadTag):
            two.receive(1, 0, tag, 0)
    with pytest.raises(RecvTimeout):
        two.receive(1, 0, timeout=0)


class Broken:
    """Breaks at its arrival."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


def test_broken_objects(two: Nodes) -> None:
    """One that can't be sent sends nothing, one that can't be rebuilt is consumed (F-28, F-29)."""
    with pytest.raises(Unpicklable):
        two.send(0, 1, [(each for each in ())])
    for source in (0, -1):
        two.send(0, 1, Broken())
        two.send(0, 1, "next")
        with pytest.raises(Undecodable, match="no number"):
            two.receive(1, source)
        assert two.receive(1, source) == "next"


def test_errors_tell_of_nothing_but_themselves(two: Nodes) -> None:
    """What the short way could not do is no part of the error that the long way raises."""
    calls: list[Callable[[], Any]] = [
        lambda: two.receive(1, 0, timeout=0),
        lambda: two.receive(1, timeout=0),
        lambda: two.receive(1, 5),
        lambda: two.send(0, 5, "x"),
        lambda: two.send(0, 0, "x", TAG_MAX + 1),
    ]
    for call in calls:
        with pytest.raises(DistrcompError) as caught:
            call()
        assert caught.value.__context__ is None


@pytest.mark.parametrize("wrong", [[1], {}, "1", None, 1 + 2j])
def test_what_is_no_node_or_tag(two: Nodes, wrong: Any) -> None:
    """What is no node, or no tag, is said to be so, unhashable or not."""
    two.warm_up()
    for call in (
        lambda: two.send(0, wrong, "x"),
        lambda: two.send(0, wrong, np.ones(100_000)),
        lambda: two.receive(0, wrong, timeout=None),
    ):
        with pytest.raises(NoSuchNode, match="there is no node"):
            call()
    for call in (
        lambda: two.send(0, 1, "x", wrong),
        lambda: two.send(0, 1, np.ones(100_000), wrong),
        lambda: two.receive(0, 1, wrong, timeout=None),
    ):
        with pytest.raises(BadTag, match="is no tag"):
            call()


class FailsOnce:
    """Raises when it is first pickled, as a signal handler might that runs at that moment."""

    def __init__(self) -> None:
        self.has_failed = False

    def __reduce__(self) -> Any:
        if not self.has_failed:
            self.has_failed = True
            raise TimeoutError("time is up")
        return str, ("pickled",)


def test_an_error_while_pickling_is_not_swallowed(two: Nodes) -> None:
    """What is raised while an object is pickled ends the call; nothing is sent."""
    with pytest.raises(Unpicklable, match="time is up") as caught:
        two.send(0, 1, [FailsOnce()])
    assert isinstance(caught.value.__cause__, TimeoutError)
    two.send(0, 1, "next")
    assert two.receive(1, 0) == "next"


def test_an_abort_in_the_middle_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """An abort that comes while an array is being sent is NodeLost, now or in the next call."""
    with nodes(2, MEMORY) as two:
        two.warm_up()
        inner = FastPath._send_array

        def aborting(*args: Any) -> None:
            two.engines[0].abort(1, "it failed")
            inner(*args)

        array = np.ones(10)
        two.send(0, 1, array)  # from now on it is known
        monkeypatch.setattr(Communicator, "_send_array", aborting)
        two.send(0, 1, array)
        with pytest.raises(NodeLost, match="it failed"):
            two.send(0, 1, array)


def test_any_source_is_fair(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that floods keeps nobody from being heard, on the short way from ANY neither."""

    def not_taken(*_: Any) -> None:
        raise AssertionError("this should go the short way")

    with nodes(3, MEMORY) as three:
        three.warm_up()
        for number in range(50):
            three.send(0, 2, ("flood", number))
        for number in range(5):
            three.send(1, 2, ("heard", number))
        monkeypatch.setattr(Communicator, "_recv_long", not_taken)
        received = [three.receive(2) for _ in range(10)]
        assert sorted(["flood", "heard"] * 5) == sorted(kind for kind, _ in received)
        rest = [three.receive(2) for _ in range(45)]
        floods = [number for kind, number in received + rest if kind == "flood"]
        assert list(range(50)) == floods


def test_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """While `recv` looks nobody is inside, and it doesn't look where there is a time limit."""
    with nodes(2, MEMORY) as two:
        two.warm_up()
        gate, insides = two.engines[1].gate, []

        def give_way() -> None:
            insides.append(gate.taken)
            if len(insides) == 5:
                two.send(0, 1, "late")

        monkeypatch.setattr(fast_path, "sched_yield", give_way)
        for timeout in (0, 0.001):
            with pytest.raises(RecvTimeout):
                two.receive(1, 0, timeout=timeout)
        assert [] == insides
        assert two.receive(1, 0, timeout=None) == "late"
        assert [False] * 5 == insides


def test_lambda_by_cloudpickle(two: Nodes) -> None:
    """What plain pickle refuses goes the long way."""
    two.send(0, 1, lambda number: number + 1)
    assert two.receive(1, 0)(1) == 2
