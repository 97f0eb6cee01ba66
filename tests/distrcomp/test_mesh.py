"""distrcomp.mesh: links that come late or never."""

from __future__ import annotations

import socket

import pytest

from distrcomp.errors import LinkFailed
from distrcomp.links import StreamLink
from tests.distrcomp.kit import (
    TIMEOUT_S,
    Nodes,
    loss,
)
from tests.leaks import wait_until

# --- links that come late ---


def test_link_is_asked_for_once(apart: Nodes) -> None:
    """The first call that needs a link asks for it; calls of other threads wait with it."""
    sending = [apart.start_and_wait(0, apart.send, 0, 1, number, number) for number in range(3)]
    wait_until(lambda: apart.wanted, TIMEOUT_S, "the wish")
    apart.link(0, 1)
    for each in sending:
        each.result(TIMEOUT_S)
    assert [apart.receive(1, 0, number) for number in range(3)] == [0, 1, 2]
    assert apart.wanted == [(0, 1)]


def test_link_that_is_expected(apart: Nodes) -> None:
    """While a handshake goes on nobody asks for another link."""
    assert apart.engines[0].expect(1) is True
    assert apart.engines[0].expect(1) is False
    sending = apart.start_and_wait(0, apart.send, 0, 1, "x")
    apart.link(0, 1)
    sending.result(TIMEOUT_S)
    assert apart.engines[0].expect(1) is False
    assert apart.wanted == []


def test_second_link_never_displaces_the_first(two: Nodes) -> None:
    """A second connection to a linked node is closed, and the first one goes on (S-27)."""
    ours, theirs = socket.socketpair()
    assert two.engines[0].attach(1, StreamLink(theirs, 1)) is False
    with ours:
        assert ours.recv(1) == b""
    two.send(1, 0, "by the first")
    assert two.receive(0, 1) == "by the first"


@pytest.mark.parametrize("ending", ["lost", "closed"])
def test_link_to_what_is_over(apart: Nodes, ending: str) -> None:
    """A link that comes after the end of either node is closed (F-12)."""
    engine = apart.engines[0]
    if ending == "lost":
        engine.node_ended(1, "it was killed")
    else:
        engine.close(in_order=True)
        assert engine.expect(1) is False
    ours, theirs = socket.socketpair()
    assert engine.attach(1, StreamLink(theirs, 1)) is False
    with ours:
        assert ours.recv(1) == b""


def test_link_failed(apart: Nodes) -> None:
    """The call that wants the link raises LinkFailed with the reason; the next one asks anew."""
    for count in (1, 2):
        sending = apart.start_and_wait(0, apart.send, 0, 1, "x")
        apart.engines[0].link_failed(1, "no route")
        with pytest.raises(LinkFailed, match="no route") as raised:
            sending.result(TIMEOUT_S)
        assert 1 == raised.value.node
        assert apart.wanted == [(0, 1)] * count


def test_link_failed_that_nobody_wants(apart: Nodes) -> None:
    """A failure that concerns no call is no later call's failure."""
    assert apart.engines[0].expect(1)
    apart.engines[0].link_failed(1, "no route")
    sending = apart.start_and_wait(0, apart.send, 0, 1, "x")
    apart.link(0, 1)
    sending.result(TIMEOUT_S)
    assert apart.receive(1, 0) == "x"


def test_link_failed_of_a_dead_node(apart: Nodes) -> None:
    """Where the launcher has told the node's end, that is the reason and not the handshake's."""
    assert apart.engines[0].expect(1)
    sending = apart.start_and_wait(0, apart.send, 0, 1, "x")
    apart.engines[0].node_ended(1, "it was killed")
    apart.engines[0].link_failed(1, "connection reset")
    assert loss(sending) == "node 1 on h1 is gone: it was killed"
