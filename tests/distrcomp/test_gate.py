"""distrcomp.gate: one thread inside at a time, and no thread that waits for itself."""

from __future__ import annotations

import re
import sys
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from distrcomp import gate as gates
from distrcomp.communicator import Communicator
from distrcomp.errors import NestedCall
from distrcomp.gate import CALL_FILES, Gate, is_atomic
from tests.distrcomp.kit import MEMORY, STREAM, TIMEOUT_S, nodes
from tests.leaks import wait_until


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """Has those who wait look after a moment whether they are nested; what they call first."""
    looks: list[Callable[[], None]] = []
    check = gates._check_not_nested

    def look(frame: FrameType) -> None:
        for each in looks:
            each()
        check(frame)

    monkeypatch.setattr(gates, "_check_not_nested", look)
    monkeypatch.setattr(gates, "_WAIT_S", 0.001)
    return looks


@pytest.mark.parametrize("by_lock", [False, True])
def test_who_waits_for_another_thread_waits_on(
    impatient: list[Callable[[], None]], by_lock: bool
) -> None:
    """However long another thread is inside, on the short way or by the lock, one waits for it."""
    gate, looked = Gate(), threading.Semaphore(0)
    impatient.append(looked.release)
    if by_lock:
        gate.acquire()
    else:
        gate.taken = True
    waiting = threading.Thread(target=gate.acquire)
    waiting.start()
    for _ in range(3):
        assert looked.acquire(timeout=TIMEOUT_S)
    if by_lock:
        gate.release()
    else:
        gate.taken = False
    waiting.join(TIMEOUT_S)
    assert not waiting.is_alive()
    assert gate.taken
    gate.release()


@pytest.mark.parametrize("call", ["send", "second recv"])
def test_a_call_that_waits_for_another_thread_waits_on(
    impatient: list[Callable[[], None]], call: str
) -> None:
    """It is no nested one, whether it just comes in or wakes up beside another one."""
    looked = threading.Semaphore(0)
    with nodes(2, MEMORY) as two:
        progress = two.engines[0]._progress
        waiting = []
        if call == "second recv":
            waiting = [two.start_and_wait(0, two.receive, 0, 1) for _ in range(2)]
            wait_until(lambda: progress.condition._waiters, TIMEOUT_S, "the second one")
        two.engines[0].gate.acquire()
        if call == "send":
            waiting = [two.start(two.send, 0, 0, None)]
        else:
            progress.condition.notify_all()
        impatient.append(looked.release)
        try:
            for _ in range(3):
                assert looked.acquire(timeout=TIMEOUT_S)
        finally:
            impatient.clear()
            two.engines[0].gate.release()
        if call == "second recv":
            for _ in waiting:
                two.send(1, 0, None)
        assert [each.result(TIMEOUT_S) for each in waiting] == [None] * len(waiting)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", [STREAM, MEMORY])
@pytest.mark.parametrize("step", ["post", "receive"])
@pytest.mark.parametrize("by_lock", [False, True])
def test_a_call_inside_a_call(
    monkeypatch: pytest.MonkeyPatch, kind: str, step: str, by_lock: bool
) -> None:
    """A handler that cuts into a call and makes one itself gets an error; the outer call ends."""
    with nodes(2, kind) as two:
        two.warm_up()
        one, other = two.worlds
        link = one._links[1]
        errors = []
        inner = getattr(link, step)

        def cut(*args: Any) -> Any:
            with pytest.raises(NestedCall, match="in the middle of another call") as caught:
                one.send(1, [b"nested" * 4000])
            errors.append(caught)
            return inner(*args)

        if by_lock:
            one.forget()
        with monkeypatch.context() as patch:
            patch.setattr(link, step, cut)
            if step == "post":
                one.send(1, [b"y" * 20_000])
            else:
                other.send(0, [b"x" * 20_000])
                assert one.recv(1) == [b"x" * 20_000]
        assert errors
        one.send(1, "after")
        received = [other.recv(0)] if step == "receive" else [other.recv(0), other.recv(0)]
        assert received[-1] == "after"


def test_a_call_below_another_that_is_not_inside(
    impatient: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pickle calls may make calls itself: nobody is inside while it runs."""

    class Talkative:
        def __init__(self, world: Communicator) -> None:
            self.world = world

        def __reduce__(self) -> Any:
            self.world.send(1, "from within")
            return str, ("whole",)

    with nodes(2, MEMORY) as two:
        two.send(0, 1, Talkative(two.worlds[0]))
        assert [two.receive(1, 0), two.receive(1, 0)] == ["from within", "whole"]


def test_a_traced_process_goes_the_long_way() -> None:
    """Under a trace function the test-and-set is none."""
    tracer = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        assert not is_atomic()
        with nodes(2, MEMORY) as two:
            assert {} == two.worlds[0]._writers
            assert {} == two.worlds[0]._links
            two.send(0, 1, "as ever")
            assert two.receive(1, 0) == "as ever"
    finally:
        sys.settrace(tracer)


def test_every_module_that_calls_go_through_is_known() -> None:
    """All layers from the calls down to the links are, but for those that no call stands in."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    (layers,) = (
        contract["layers"]
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["name"] == "layers of distrcomp"
    )
    between = layers[layers.index("(communicator)") : layers.index("(poller)")]
    modules = {name for layer in between for name in re.findall(r"\w+", layer)}
    others = {"gate", "recording", "call_wrappers"}
    assert modules - {"out", "control"} | others == {Path(each).stem for each in CALL_FILES}
