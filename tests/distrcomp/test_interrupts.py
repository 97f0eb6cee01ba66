"""distrcomp.interrupts: Ctrl-C cuts no message, and no call loses one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from distrcomp import limits
from distrcomp.communicator import Communicator
from distrcomp.engine import Engine
from distrcomp.gate import CALL_FILES
from distrcomp.interrupts import Signals, put_off_handlers
from distrcomp.limits import MIB
from distrcomp.requests import Request
from tests.distrcomp.kit import (
    KINDS,
    TIMEOUT_S,
    Nodes,
    ctrl_c,
    handler,
    interrupted_once_waiting,
    nodes,
)

# --- the end of a run that no call has told of ---


@pytest.fixture
def main_thread(two: Nodes) -> Iterator[Signals]:
    """The signals of a node whose program the test is, with Python's own handler of SIGINT."""
    put_off_handlers(two.engines[0].signals.arrive)
    yield two.engines[0].signals
    put_off_handlers(lambda handle, number, stack: handle(number, stack))


def test_program_that_has_not_heard(main_thread: Signals) -> None:
    """It is interrupted as by Ctrl-C."""
    with pytest.raises(KeyboardInterrupt):
        main_thread.interrupt_unheard()


def test_program_that_has_heard(main_thread: Signals) -> None:
    """One that was told in a call, or deals with an exception, is left alone."""
    try:
        raise ValueError
    except ValueError:
        main_thread.interrupt_unheard()
    main_thread.hear()
    main_thread.interrupt_unheard()


def test_program_that_ignores_ctrl_c(main_thread: Signals) -> None:
    """It is left alone, too."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        main_thread.interrupt_unheard()
    finally:
        signal.signal(signal.SIGINT, before)


# --- Ctrl-C in a call that waits ---


def test_interrupted_receive(two: Nodes) -> None:
    """Ctrl-C ends a waiting receive, which then takes no message from the next one (F-06)."""
    with interrupted_once_waiting(two, 0), pytest.raises(KeyboardInterrupt):
        two.receive(0, 1)
    two.send(1, 0, "after")
    assert two.receive(0, 1) == "after"


def test_what_was_interrupted_is_told(two: Nodes) -> None:
    """The KeyboardInterrupt carries a note of what the call waited for."""
    with interrupted_once_waiting(two, 0), pytest.raises(KeyboardInterrupt) as caught:
        two.receive(0, 1, 3)
    assert caught.value.__notes__ == ["in recv from node 1 with tag 3"]


WAITS: dict[str, Callable[[Nodes], Any]] = {
    "recv any": lambda made: made.worlds[0].recv(),
    "recv with a limit": lambda made: made.worlds[0].recv(1, timeout=1e6),
    "ssend": lambda made: made.worlds[0].ssend(1, "x", 5),
    "large ssend": lambda made: made.worlds[0].ssend(1, bytes(8 * MIB), 5),
    "probe": lambda made: made.worlds[0].probe(1),
    "mprobe": lambda made: made.worlds[0].mprobe(1),
    "wait of irecv": lambda made: made.worlds[0].irecv(1).wait(),
    "wait of issend": lambda made: made.worlds[0].issend(1, "x", 5).wait(),
    "wait_any": lambda made: Request.wait_any([made.worlds[0].irecv(1), made.worlds[0].irecv(1)]),
    "wait_some": lambda made: Request.wait_some([made.worlds[0].irecv(1)]),
    "wait_all": lambda made: Request.wait_all([made.worlds[0].irecv(1), made.worlds[0].irecv(1)]),
    "sendrecv": lambda made: made.worlds[0].sendrecv(1, "x", 1, tag=5),
}


@pytest.mark.parametrize("wait", WAITS)
def test_every_wait_is_interrupted(two: Nodes, wait: str) -> None:
    """Ctrl-C arrives in each call that waits, and the next calls work (F-06)."""
    with interrupted_once_waiting(two, 0), pytest.raises(KeyboardInterrupt):
        WAITS[wait](two)
    two.engines[0].mailbox.receives.clear()  # of requests that nobody has any more
    two.send(1, 0, "after")
    assert two.receive(0, 1) == "after"


def test_interrupted_receive_beside_another_thread(two: Nodes) -> None:
    """Ctrl-C reaches the main thread also where another thread polls."""
    waiting = two.start_and_wait(0, two.receive, 0, 1, 1)
    with interrupted_once_waiting(two, 0), pytest.raises(KeyboardInterrupt):
        two.receive(0, 1, 2)
    two.send(1, 0, "for the thread", 1)
    assert waiting.result(TIMEOUT_S) == "for the thread"


@pytest.mark.parametrize("call", ["send", "ssend", "sendrecv"])
def test_interrupted_send_leaves_the_stream_whole(
    two: Nodes, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """A send that Ctrl-C ends is sent whole nevertheless, as it was, and what follows after it."""
    monkeypatch.setattr(limits, "SEND_BUFFER_BYTES", 1_000)
    array = np.zeros(MIB)
    world = two.worlds[0]
    acts: dict[str, Callable[[], Any]] = {
        "send": lambda: world.send(1, array),
        "ssend": lambda: world.ssend(1, array),
        "sendrecv": lambda: world.sendrecv(1, array, 1),
    }
    with interrupted_once_waiting(two, 0), pytest.raises(KeyboardInterrupt):
        acts[call]()
    array[:] = 1.0
    sending = two.start(two.send, 0, 1, "after")
    receiving = two.start(lambda: [two.receive(1, 0) for _ in range(2)])
    two.flush_leftovers(receiving.done)
    first, second = receiving.result()
    assert (first.any(), second) == (False, "after")
    sending.result(TIMEOUT_S)


def test_interrupted_wait_of_a_request_leaves_it_as_it_was(two: Nodes) -> None:
    """The request goes on: the next wait gets what came meanwhile."""
    request = two.worlds[0].irecv(1)
    with interrupted_once_waiting(two, 0), pytest.raises(KeyboardInterrupt):
        request.wait()
    two.send(1, 0, "for the request")
    assert request.wait() == "for the request"


def test_interrupted_close(two: Nodes) -> None:
    """Ctrl-C ends an orderly close that waits for its receiver."""
    two.send(0, 1, bytes(8 * MIB))
    with interrupted_once_waiting(two, 0), pytest.raises(KeyboardInterrupt):
        two.engines[0].close(in_order=True)


def test_interrupted_wait_for_a_link(apart: Nodes) -> None:
    """Ctrl-C ends a send that waits for its link; nothing was sent."""
    with interrupted_once_waiting(apart, 0), pytest.raises(KeyboardInterrupt):
        apart.send(0, 1, "never sent")
    apart.link(0, 1)
    apart.send(0, 1, "first")
    assert apart.receive(1, 0) == "first"


def test_interrupt_outside_a_call(two: Nodes) -> None:
    """Outside of a call the handler is Python's own."""
    with pytest.raises(KeyboardInterrupt):
        ctrl_c(two.engines[0])(signal.SIGINT, None)


def test_other_threads_are_not_interrupted(two: Nodes) -> None:
    """A pending Ctrl-C is the main thread's: calls of another thread don't raise it."""
    ctrl_c(two.engines[0])(signal.SIGINT, frame_inside())
    for number in range(2):
        two.send(1, 0, number)
        assert two.start(two.receive, 0, 1).result(TIMEOUT_S) == number
    two.start(two.send, 0, 1, "y").result(TIMEOUT_S)
    assert two.start(two.worlds[1].mprobe).result(TIMEOUT_S).recv() == "y"
    with pytest.raises(KeyboardInterrupt):
        two.receive(0, 1)
    assert threading.current_thread() is threading.main_thread()


# --- Ctrl-C at the worst moment ---


class Wicked:
    """Ctrl-C comes while it is rebuilt, so many times."""

    armed = 0

    def __reduce__(self) -> Any:
        return _rebuild, ()


def _rebuild() -> str:
    while Wicked.armed:
        Wicked.armed -= 1
        os.kill(os.getpid(), signal.SIGINT)
    return "rebuilt"


@pytest.mark.parametrize("by_ring", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_interrupted_while_the_object_is_rebuilt(kind: str, by_ring: bool) -> None:
    """The message is unread again, as the oldest; on the fast path and on the slow one."""
    source = 1 if by_ring else -1
    with (
        nodes(2, kind) as two,
        handler(signal.SIGINT, ctrl_c(two.engines[0])),
    ):
        for number in range(2):
            two.send(1, 0, (Wicked(), number))
        Wicked.armed = 1
        with pytest.raises(KeyboardInterrupt):
            two.receive(0, source)
        assert [two.receive(0, source) for _ in range(2)] == [("rebuilt", 0), ("rebuilt", 1)]


def test_interrupted_while_the_object_of_a_request_is_rebuilt(two: Nodes) -> None:
    """The message stays the request's own, or the matched message's."""
    with handler(signal.SIGINT, ctrl_c(two.engines[0])):
        world = two.worlds[0]
        two.send(1, 0, Wicked())
        request = world.irecv(1)
        Wicked.armed = 1
        with pytest.raises(KeyboardInterrupt):
            request.wait(TIMEOUT_S)
        assert request.wait(TIMEOUT_S) == "rebuilt"
        two.send(1, 0, Wicked())
        matched = world.mprobe(1)
        Wicked.armed = 1
        with pytest.raises(KeyboardInterrupt):
            matched.recv()
        assert matched.recv() == "rebuilt"


def repeat(how: Callable[[list[Request]], Any], requests: list[Request]) -> None:
    """Ctrl-C may come at the end of the first call, for the second one to raise."""
    how(requests)
    how(requests)


@pytest.mark.parametrize("how", [Request.wait_any, Request.wait_some])
def test_interrupted_wait_for_several_takes_nothing(
    two: Nodes, how: Callable[[list[Request]], Any]
) -> None:
    """What was done when Ctrl-C came is returned by the next call."""
    with handler(signal.SIGINT, ctrl_c(two.engines[0])):
        two.send(1, 0, Wicked(), 1)
        requests = [two.worlds[0].irecv(1, 1)]
        Wicked.armed = 1
        with pytest.raises(KeyboardInterrupt):
            repeat(how, requests)
        assert requests[0].wait() == "rebuilt"


def test_exception_in_a_with_block_makes_the_message_unread(two: Nodes) -> None:
    """A matched receive whose block an exception ends takes nothing."""

    def fail() -> None:
        with two.worlds[0].irecv(1) as request:
            two.send(1, 0, "kept")
            while not request.test():
                pass
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert two.receive(0, 1) == "kept"


@pytest.mark.parametrize("source", [1, -1])
def test_second_ctrl_c_while_an_object_is_rebuilt(two: Nodes, source: int) -> None:
    """It is raised at once: the object might never be finished."""
    with handler(signal.SIGINT, ctrl_c(two.engines[0])):
        two.send(1, 0, Wicked())
        two.send(1, 0, "next")
        Wicked.armed = 3
        with pytest.raises(KeyboardInterrupt):
            two.receive(0, source)
        assert Wicked.armed == 1
        Wicked.armed = 0
        assert two.engines[0].gate.interrupted is False
        came = [two.receive(0, source)]
        if came == ["rebuilt"]:  # the long way has given it back
            came = [two.receive(0, source)]
        assert came == ["next"]


def test_second_ctrl_c_inside_a_call(two: Nodes) -> None:
    """It is noted as the first was: raised where the state is not whole it would hang the next."""
    engine = two.engines[0]
    for _ in range(3):
        ctrl_c(engine)(signal.SIGINT, frame_inside())
    with pytest.raises(KeyboardInterrupt):
        two.receive(0, timeout=0)
    two.send(1, 0, "after")
    assert two.receive(0, 1) == "after"


class AtTheLastMoment(Engine):
    """Ctrl-C comes when the receive has been matched."""

    armed = True

    def receive(self, *args: Any) -> Any:
        matched = super().receive(*args)
        if self.armed:
            self.armed = False
            ctrl_c(self)(signal.SIGINT, frame_inside())
        return matched


def frame_inside() -> Any:
    """A frame that stands for one of our modules."""
    code = compile("import sys; frame = sys._getframe()", next(iter(CALL_FILES)), "exec")
    names: dict[str, Any] = {}
    exec(code, names)
    return names["frame"]


def test_interrupted_receive_loses_no_message() -> None:
    """A message that was already matched when Ctrl-C came is unread again, as the oldest."""
    engine = AtTheLastMoment((0, 1), str, lambda _: None, lambda: None)
    world = Communicator(engine)
    for tag in (1, 2):
        world.send(0, tag, tag)
    with pytest.raises(KeyboardInterrupt):
        world.recv()
    assert [world.recv() for _ in range(2)] == [1, 2]
    engine.close(in_order=False)
