"""distrcomp.requests: waiting for one and for several, testing, cancelling, `with`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from distrcomp import limits
from distrcomp.errors import (
    AlreadyReceived,
    BadTimeout,
    CallError,
    RecvTimeout,
    RequestCancelled,
    SendTimeout,
    Undecodable,
)
from distrcomp.limits import MIB
from distrcomp.requests import Request
from tests.distrcomp.kit import MEMORY, TIMEOUT_S, Nodes, nodes

wait_all, wait_any, wait_some = Request.wait_all, Request.wait_any, Request.wait_some


class Fragile:
    """Breaks at its arrival."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


# --- one request ---


def test_shown(two: Nodes) -> None:
    """A request shows what it is and whether it is done, without a look at the links."""
    one, other = two.worlds
    requests = [
        one.issend(1, "x"),
        one.isend(1, np.zeros(10_000_000)),
        one.irecv(1, 7),
        one.irecv(),
        one.ibarrier(),
    ]
    requests[3].cancel()
    assert other.recv() == "x"
    before = [
        "<Request isend to node 1 with tag 0: under way>",
        "<Request isend to node 1 with tag 0: under way>",
        "<Request irecv from node 1 with tag 7: under way>",
        "<Request irecv from any node with any tag: cancelled>",
        "<Request ibarrier #1: under way>",
    ]
    with two.engines[0].gate:
        assert before == [repr(request) for request in requests]
    requests[0].wait()
    assert "<Request isend to node 1 with tag 0: done>" == repr(requests[0])
    two.engines[0].close(in_order=False)
    assert "<Request isend to node 1 with tag 0: done>" == repr(requests[0])
    assert before[1:] == [repr(request) for request in requests[1:]]


def test_receive(two: Nodes) -> None:
    """A receive is done when it is matched; `wait` returns the object each time."""
    request = two.worlds[1].irecv(0, 3)
    assert (request.test(), request.status) == (False, None)
    two.send(0, 1, "other", 2)
    assert request.test() is False
    two.send(0, 1, "it", 3)
    while not request.test():
        pass
    assert repr(request.status) == "Status(source=0, tag=3, payload_bytes=2)"
    assert [request.wait(), request.wait(0), request.wait(timeout=math.inf)] == ["it"] * 3
    assert request.test() is True
    assert two.receive(1, 0) == "other"


def test_receives_are_matched_in_their_order(two: Nodes) -> None:
    """The request that was made first gets the message that was sent first (MPI-4.1, 3.5)."""
    requests = [two.worlds[1].irecv(0), two.worlds[1].irecv(), two.worlds[1].irecv(0, 7)]
    for number in range(3):
        two.send(0, 1, number, 7)
    assert [request.wait(TIMEOUT_S) for request in reversed(requests)] == [2, 1, 0]


def test_receive_before_a_call_that_waits(two: Nodes) -> None:
    """A call of recv goes after a request that takes the same."""
    request = two.worlds[1].irecv(0)
    for number in range(2):
        two.send(0, 1, number)
    assert two.receive(1, 0) == 1
    assert request.wait() == 0


@pytest.mark.parametrize("begin", ["isend", "issend"])
def test_small_send(two: Nodes, begin: str) -> None:
    """A small send is done at once; a synchronous one when it is received."""
    request = getattr(two.worlds[0], begin)(1, "x", 1)
    assert request.test() is (begin == "isend")
    assert two.receive(1, 0, 1) == "x"
    assert request.wait(TIMEOUT_S) is None
    assert (request.test(), request.status) == (True, None)


def test_large_send(two: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large send is done when the receiver has taken enough, and needs a call to move."""
    monkeypatch.setattr(limits, "SEND_BUFFER_BYTES", 1_000)
    request = two.worlds[0].isend(1, np.arange(2 * MIB))
    assert request.test() is False
    receiving = two.start(two.receive, 1, 0)
    while not request.test():
        pass
    assert request.wait() is None
    assert np.array_equal(receiving.result(TIMEOUT_S), np.arange(2 * MIB))


def test_objects_of_many_sends(two: Nodes) -> None:
    """What was begun arrives in order, small and large, before anything is waited for."""
    values = [np.full(size, size) for size in (1, 300_000, 5, 1_000, 200_000, 2)]
    requests = [two.worlds[0].isend(1, value) for value in values]
    receiving = two.start(lambda: [two.receive(1, 0) for _ in values])
    assert wait_all(requests, TIMEOUT_S) == [None] * len(values)
    two.flush_leftovers(receiving.done)
    assert all(np.array_equal(*pair) for pair in zip(values, receiving.result(), strict=True))


def test_timeouts(two: Nodes) -> None:
    """When the time is over the request goes on."""
    receive, send = two.worlds[1].irecv(0, 1), two.worlds[0].issend(1, "x", 2)
    with pytest.raises(RecvTimeout, match="recv from node 0 with tag 1: nothing came in 0 s"):
        receive.wait(0)
    with pytest.raises(SendTimeout, match=r"send to node 1: not done in 0.01 s"):
        send.wait(0.01)
    two.send(0, 1, "late", 1)
    assert (receive.wait(TIMEOUT_S), two.receive(1, 0, 2)) == ("late", "x")
    assert send.wait(TIMEOUT_S) is None


@pytest.mark.parametrize("timeout", [-1, math.nan, "soon"])
def test_bad_timeouts(two: Nodes, timeout: Any) -> None:
    """What is no timeout is refused by every wait."""
    request = two.worlds[1].irecv(0)
    acts: list[Callable[[], Any]] = [
        lambda: request.wait(timeout),
        lambda: wait_all([request], timeout),
        lambda: wait_any([request], timeout),
        lambda: wait_some([request], timeout),
    ]
    for act in acts:
        with pytest.raises(BadTimeout):
            act()


def test_error_of_a_request(two: Nodes) -> None:
    """An object that can't be rebuilt is the error of its request, each time; others go on."""
    requests = [two.worlds[1].irecv(0, tag) for tag in range(2)]
    two.send(0, 1, Fragile(), 0)
    two.send(0, 1, "whole", 1)
    for _ in range(2):
        with pytest.raises(Undecodable, match="no number"):
            requests[0].wait(TIMEOUT_S)
    assert wait_any(requests, TIMEOUT_S) == (1, "whole")
    assert wait_some(requests) == []


def test_error_among_several(two: Nodes) -> None:
    """It is raised once, and the results of the others come with the next call."""
    requests = [two.worlds[1].irecv(0, tag) for tag in range(3)]
    for tag, value in enumerate(["first", Fragile(), "last"]):
        two.send(0, 1, value, tag)
    while not requests[2].test():
        pass
    with pytest.raises(Undecodable):
        wait_some(requests)
    assert wait_some(requests) == [(0, "first"), (2, "last")]
    with pytest.raises(Undecodable):
        wait_all(requests)


# --- cancelling ---


def test_cancel(two: Nodes) -> None:
    """A receive that is not matched takes nothing any more; to wait for it is a mistake."""
    request = two.worlds[1].irecv(0)
    assert (request.cancel(), request.cancel()) == (True, True)
    two.send(0, 1, "for another")
    for act in (request.wait, request.test):
        with pytest.raises(RequestCancelled, match="this request was cancelled"):
            act()
    assert two.receive(1, 0) == "for another"


def test_cancel_too_late(two: Nodes) -> None:
    """What is matched can't be taken back, nor can a send."""
    request, sending = two.worlds[1].irecv(0), two.worlds[0].isend(1, "x")
    while not request.test():
        pass
    assert (request.cancel(), sending.cancel()) == (False, False)
    assert request.wait() == "x"
    assert request.cancel() is False


# --- several requests ---


def test_wait_all(two: Nodes) -> None:
    """The results of all, in their order, however they came; again the same."""
    requests = [two.worlds[1].irecv(0, tag) for tag in range(4)]
    for tag in (2, 0, 3, 1):
        two.send(0, 1, f"tag {tag}", tag)
    expected = [f"tag {tag}" for tag in range(4)]
    assert [wait_all(requests), wait_all(requests, 0)] == [expected] * 2
    assert wait_all([]) == []


def test_wait_all_timeout(two: Nodes) -> None:
    """One time limit for all together; what came is not lost."""
    requests = [two.worlds[1].irecv(0, tag) for tag in range(2)]
    two.send(0, 1, "here", 0)
    with pytest.raises(RecvTimeout, match="with tag 1"):
        wait_all(requests, 0.01)
    two.send(0, 1, "late", 1)
    assert wait_all(requests, TIMEOUT_S) == ["here", "late"]


def test_wait_any(two: Nodes) -> None:
    """One at a time, each once; with none left it is a mistake."""
    requests = [two.worlds[1].irecv(0, tag) for tag in range(3)]
    assert requests[1].cancel()
    waiting = two.start_and_wait(1, wait_any, requests)
    two.send(0, 1, "two", 2)
    assert waiting.result(TIMEOUT_S) == (2, "two")
    two.send(0, 1, "zero", 0)
    assert wait_any(requests, TIMEOUT_S) == (0, "zero")
    with pytest.raises(AlreadyReceived, match="still to be waited for"):
        wait_any(requests)


def test_wait_any_timeout(two: Nodes) -> None:
    """Nothing is done in time; the run's default holds where all are receives."""
    requests: list[Request] = [two.worlds[1].irecv(0, tag) for tag in range(2)]
    with pytest.raises(RecvTimeout):
        wait_any(requests, 0)
    two.settle(timeout=0.0)
    with pytest.raises(RecvTimeout):
        wait_any([two.worlds[1].irecv(0, 5)])
    with pytest.raises(RecvTimeout):
        wait_some([two.worlds[1].irecv(0, 5)])
    send = two.worlds[1].issend(0, "x")
    waiting = two.start_and_wait(1, wait_any, [two.worlds[1].irecv(0, 6), send])
    assert two.worlds[0].recv(1, timeout=TIMEOUT_S) == "x"
    assert waiting.result(TIMEOUT_S) == (1, None)


def test_wait_some(two: Nodes) -> None:
    """All that are done by then, with their places; later the others; then none."""
    requests = [two.worlds[1].irecv(0, tag) for tag in range(4)]
    for tag in (3, 1):
        two.send(0, 1, tag, tag)
    while not requests[1].test():
        pass
    assert wait_some(requests) == [(1, 1), (3, 3)]
    waiting = two.start_and_wait(1, wait_some, requests)
    two.send(0, 1, 2, 2)
    assert waiting.result(TIMEOUT_S) == [(2, 2)]
    two.send(0, 1, 0, 0)
    assert wait_some(requests, TIMEOUT_S) == [(0, 0)]
    assert wait_some(requests) == []


def test_sends_and_receives_together(two: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both nodes begin everything and then wait: nobody needs the other to go first."""
    monkeypatch.setattr(limits, "SEND_BUFFER_BYTES", 1_000)
    monkeypatch.setattr(limits, "UNREAD_BYTES", 1_000)

    def exchange(node: int) -> list[Any]:
        world = two.worlds[node]
        sends = [world.issend(1 - node, np.full(MIB, tag), tag) for tag in range(4)]
        receives = [world.irecv(1 - node, tag) for tag in range(4)]
        results = wait_all([*sends, *receives])
        return [each if each is None else int(each[-1]) for each in results]

    acts = [two.start(exchange, node) for node in (0, 1)]
    two.flush_leftovers(lambda: all(act.done() for act in acts))
    assert [act.result(TIMEOUT_S) for act in acts] == [[None] * 4 + [0, 1, 2, 3]] * 2


# --- in a with block ---


def test_block(two: Nodes) -> None:
    """A receive that was not matched in its block is cancelled; what was, can be waited for."""
    with two.worlds[1].irecv(0, 1) as open_one, two.worlds[1].irecv(0, 2) as matched:
        two.send(0, 1, "x", 2)
        while not matched.test():
            pass
    with pytest.raises(RequestCancelled):
        open_one.wait()
    assert matched.wait() == "x"


def test_block_of_a_send(two: Nodes) -> None:
    """Its end waits for the send."""

    def send() -> None:
        with two.worlds[0].issend(1, "x"):
            pass

    sending = two.start_and_wait(0, send)
    assert not sending.done()
    assert two.receive(1, 0) == "x"
    sending.result(TIMEOUT_S)


def test_block_that_an_exception_ends(two: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for: the send goes on by itself, with the object as it was."""
    monkeypatch.setattr(limits, "SEND_BUFFER_BYTES", 1_000)
    array = np.zeros(MIB)

    def fail() -> None:
        with two.worlds[0].isend(1, array), two.worlds[0].irecv(1):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    array[:] = 1.0
    receiving = two.start(two.receive, 1, 0)
    two.flush_leftovers(receiving.done)
    assert not receiving.result(TIMEOUT_S).any()
    two.send(1, 0, "not for the cancelled one")
    assert two.receive(0, 1) == "not for the cancelled one"


def test_a_send_that_is_left_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the receiver has begun to copy arrives as it was, though the sender goes on."""
    monkeypatch.setattr(limits, "PIECE_BYTES_MAX", MIB)
    with nodes(2, MEMORY) as two:
        two.send(0, 1, np.ones(100_000))  # finds out that memory can be read
        two.receive(1, 0)
        array = np.zeros(MIB)
        request = two.worlds[1].irecv(0)

        def leave() -> None:
            with two.worlds[0].isend(1, array):
                assert request.test() is False  # some of the eight pieces are copied
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            leave()
        array[:] = 1.0
        assert not request.wait(TIMEOUT_S).any()


@pytest.mark.parametrize("wrong", [None, 5, [1], ["isend"]])
def test_what_is_no_list_of_requests(two: Nodes, wrong: Any) -> None:
    """It is said to be none, whatever is waited for."""
    request = two.worlds[1].irecv(0)
    for given in (wrong, request):
        for wait in (Request.wait_all, Request.wait_any, Request.wait_some):
            with pytest.raises(CallError, match="is no list of requests"):
                wait(given)
    request.cancel()
