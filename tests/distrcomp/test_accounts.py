"""distrcomp.accounts: what a node leaves behind, counted at its end."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from distrcomp import limits
from distrcomp.accounts import Trace
from distrcomp.frames import Message
from distrcomp.notices import Account, SentFrom, Unreceived, Unwaited
from distrcomp.requests import Request
from distrcomp.spaces import SERVICE, SPACES
from tests.distrcomp.kit import KINDS, STREAM, Nodes, loss, nodes
from tests.leaks import wait_until


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    """Two nodes, over each kind of link; they hear each other out for the wink of an eye."""
    monkeypatch.setattr(limits, "HEAR_OUT_S", 0.05)
    with nodes(2, request.param) as made:
        yield made


def account(made: Nodes, node: int) -> Account:
    """What a node says at its end, after its goodbyes."""
    engine = made.engines[node]

    def is_forsaken(living: object) -> bool:
        return isinstance(living, Request) and living.is_forsaken_in(engine)

    return engine.account(is_forsaken)


def finish(made: Nodes, node: int) -> Account:
    """Ends a node in order; what it then says."""
    made.engines[node].close(in_order=True, hears_out=True)
    return account(made, node)


def test_a_node_that_has_received_all_leaves_nothing(pair: Nodes) -> None:
    """What was received and waited for is not told."""
    pair.send(0, 1, "x")
    request = pair.worlds[1].irecv(0)
    assert "x" == request.wait()
    assert not any(finish(pair, 1))
    assert not any(finish(pair, 0))


def test_unread_messages_are_told_by_kind(pair: Nodes) -> None:
    """What lies in the mailbox and on the way: source, tag, how many, how many bytes."""
    pair.send(0, 1, b"12345", 8)
    assert pair.worlds[1].probe(0, 8).tag == 8  # it lies in the mailbox now
    pair.send(0, 1, b"123", 8)
    pair.send(0, 1, b"1", 9)
    pair.send(1, 1, b"to myself", 9)
    found = finish(pair, 1)
    assert 4 == found.n_message
    assert {
        Unreceived(0, 0, 8, 2, 8, ""),
        Unreceived(0, 0, 9, 1, 1, ""),
        Unreceived(1, 0, 9, 1, 9, ""),
    } == set(found.unreceived)


def test_what_comes_after_the_goodbye_counts(pair: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that ends first hears the others out until they have ended, too."""
    monkeypatch.setattr(limits, "HEAR_OUT_S", 1000.0)
    ending = pair.start_and_wait(1, finish, pair, 1)
    pair.send(0, 1, b"late", 3)
    pair.engines[0].close(in_order=True)
    assert Unreceived(0, 0, 3, 1, 4, "") in ending.result().unreceived


def test_nobody_is_heard_out_for_ever(pair: Nodes) -> None:
    """A node ends though the others go on."""
    assert not any(finish(pair, 1))
    assert "it has finished" in loss(lambda: pair.receive(0, 1))


def test_a_failed_run_is_not_heard_out(pair: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who hears the others out ends at once when the run has failed."""
    monkeypatch.setattr(limits, "HEAR_OUT_S", 1000.0)
    ending = pair.start_and_wait(1, finish, pair, 1)
    pair.engines[1].abort(0, "boom")
    ending.result()


def test_bytes_for_a_node_that_has_finished() -> None:
    """What was queued for a node when it said goodbye is told by its sender."""
    with nodes(2, STREAM) as two:
        sending = two.worlds[0].isend(1, bytes(32 * limits.MIB))
        two.engines[1].close(in_order=True)
        assert "it has finished" in loss(lambda: two.receive(0, 1))
        (undelivered,) = finish(two, 0).undelivered
        assert (1, True) == (undelivered.dest, undelivered.nbytes > limits.MIB)
        del sending


def test_messages_of_a_freed_communicator_count(pair: Nodes) -> None:
    """What lies unread where a communicator is freed was never received."""
    parts = pair.communicators(SPACES, (0, 1))
    parts[0].send(1, b"12", 4)
    assert parts[1].probe(0, 4).tag == 4
    pair.engines[1].drop_communicator(SPACES, (0, 1))
    assert (Unreceived(0, SPACES, 4, 1, 2, ""),) == finish(pair, 1).unreceived


def test_a_collective_without_this_node(pair: Nodes) -> None:
    """An unread message of a collective says which one it was, and is no message of the program."""
    pair.worlds[0].bcast("x", 0)
    found = finish(pair, 1)
    assert (0, ["bcast #1 with root 0"]) == (
        found.n_message,
        [kind.collective for kind in found.unreceived],
    )


def test_services_and_cards_are_no_messages(pair: Nodes) -> None:
    """What the nodes tell each other beside the program doesn't count, nor what is none of ours."""
    pair.worlds[0].post_service(1, b"serve me")
    pair.worlds[0]._all.enter(0, 0)
    pair.worlds[0]._all.tell(1, [1])
    pair.engines[0].send(1, Message(0, 20 << 26, 1, 4, b"no kind", []))
    assert SERVICE == 2
    assert not any(finish(pair, 1))


def test_kinds_beyond_the_limit_are_only_counted(pair: Nodes) -> None:
    """The list has a bound, the count has not."""
    for tag in range(limits.LEFT_TOLD_MAX + 5):
        pair.send(0, 1, None, tag)
    found = finish(pair, 1)
    assert limits.LEFT_TOLD_MAX + 5 == found.n_message
    assert limits.LEFT_TOLD_MAX == len(found.unreceived)


# --- requests ---


def begun(made: Nodes) -> dict[str, Any]:
    """A request of each kind."""
    world = made.worlds[0]
    return {
        "isend to node 1 with tag 5": world.isend(1, "x", 5),
        "irecv from node 1 with tag 6": world.irecv(1, 6),
        "irecv from any node with any tag": world.irecv(),
        "ibcast #1 with root 1": world.ibcast(None, 1),
    }


@pytest.mark.parametrize("are_kept", [True, False])
def test_requests_never_waited_for(pair: Nodes, are_kept: bool) -> None:
    """Each is told, whether the program still has it or has dropped it long ago."""
    requests = begun(pair)
    names = list(requests)
    if not are_kept:
        requests.clear()
        gc.collect()
    found = finish(pair, 0)
    assert 4 == found.n_request
    assert {Unwaited(name, 1, "") for name in names} == set(found.unwaited)
    for request in requests.values():  # what dies after the end is told to nobody
        request.cancel()


def test_requests_that_somebody_has_heard_of(pair: Nodes) -> None:
    """Waited for, tested with success, cancelled, in a block: nothing is left."""
    world = pair.worlds[0]
    for _ in range(3):
        pair.send(1, 0, "x", 1)
    world.irecv(1, 1).wait()
    Request.wait_some([world.irecv(1, 1)])
    tested = world.irecv(1, 1)
    wait_until(tested.test, 10, "the message")
    assert world.irecv(1, 2).cancel()
    with world.irecv(1, 3):
        pass
    with pytest.raises(TimeoutError):
        world.irecv(1, 4).wait(timeout=0.0)
    del tested
    gc.collect()
    assert 0 == finish(pair, 0).n_request


def test_only_this_nodes_requests(pair: Nodes) -> None:
    """Those of another engine of the process are none of ours."""
    request = pair.worlds[1].irecv(0)
    pair.engines[0].requests.were_begun = True
    assert 0 == finish(pair, 0).n_request
    request.cancel()


# --- every send seen ---


def test_places_of_sends(pair: Nodes) -> None:
    """With a trace the latest places of each kind are known, the short ways are not taken."""
    pair.engines[0].trace = trace = Trace(__file__.rpartition("/")[0])
    pair.settle()
    pair.worlds[0].send(1, "a", 3)
    line = test_places_of_sends.__code__.co_firstlineno + 4
    assert (SentFrom(1, 0, 3, (f"test_accounts.py:{line}",)),) == trace.sent()
    assert "a" == pair.receive(1, 0, 3)


def test_a_trace_has_a_bound() -> None:
    """The oldest kinds and the oldest places are forgotten."""
    trace = Trace("/")
    for tag in range(limits.SENT_REMEMBERED_MAX + 1):
        for _ in range(limits.LEFT_TOLD_MAX + 1):
            trace.remember(1, Message(0, tag, 0, 1, b"", []))
    sent = trace.sent()
    assert (limits.SENT_REMEMBERED_MAX, 1) == (len(sent), sent[0].tag)
    assert {limits.LEFT_TOLD_MAX} == {len(kind.places) for kind in sent}


def test_a_trace_tells_no_more_than_an_agent_takes() -> None:
    """Of long names, in letters of several bytes each, the latest kinds are told."""
    code = compile("remember(1, message)", "/\u6f22" * 300, "exec")
    trace = Trace("/")
    for tag in range(limits.SENT_REMEMBERED_MAX):
        message = Message(0, tag, 0, 1, b"", [])
        for _ in range(limits.LEFT_TOLD_MAX):
            exec(code, {"remember": trace.remember, "message": message})
    sent = trace.sent()
    assert limits.SENT_REMEMBERED_MAX - 1 == sent[-1].tag
    told_bytes = sum(len(place.encode()) for kind in sent for place in kind.places)
    assert limits.SENT_TOLD_BYTES_MAX // 2 < told_bytes <= limits.SENT_TOLD_BYTES_MAX


def test_strict_sends_wait_for_their_receive(pair: Nodes) -> None:
    """Every send of the program is synchronous; collectives and buffered sends go as ever."""
    pair.engines[0].sends_synchronously = True
    pair.settle()
    world = pair.worlds[0]
    sending = pair.start_and_wait(0, world.send, 1, "x")
    requests = [world.isend(1, "y"), world.isend_raw(1, memoryview(b"z"))]
    assert [False, False] == [request.test() for request in requests]
    buffered = world.ibsend_raw(1, memoryview(b"b"), 7)
    assert buffered.test()
    assert ["x", "y"] == [pair.receive(1), pair.receive(1)]
    assert b"z" == bytes(pair.worlds[1].recv_raw(0, 0).data or b"")
    sending.result()
    Request.wait_all(requests)
    assert "root's" == world.bcast("root's", 0)
