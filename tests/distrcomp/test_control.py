"""distrcomp.control: notices over the socket, links that are dialled or accepted, or refused.

What the thread does for a whole node stands in test_node.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any, NoReturn

import pytest

from distrcomp import limits
from distrcomp import notices as n
from distrcomp.communicator import Communicator
from distrcomp.control import Control, NoticeSocket
from distrcomp.engine import Engine
from distrcomp.errors import LinkFailed, NodeLost, ProtocolError
from distrcomp.frames import FrameDecoder, frame
from tests.distrcomp.kit import TIMEOUT_S
from tests.distrcomp.links.kit import listener, ticket
from tests.leaks import wait_until


class Agent:
    """The other end of a node's control socket."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(TIMEOUT_S)
        self.notices = NoticeSocket(theirs)
        self._decoder = FrameDecoder(2**20)
        self._heard: list[Any] = []
        self.members: list[Member] = []

    def tell(self, notice: Any, descriptor: int | None = None) -> None:
        """Sends a notice."""
        data = frame(n.TO_NODE.pack(notice))
        socket.send_fds(self.socket, [data], [] if descriptor is None else [descriptor])

    def hear(self) -> Any:
        """The next notice of the node."""
        while not self._heard:
            data = self.socket.recv(65_536)
            assert data, "the node has hung up"
            self._heard += map(n.TO_AGENT.unpack, self._decoder.feed(data))
        return self._heard.pop(0)

    def hand_over(self, node: int) -> socket.socket:
        """Gives the node a connection on which `node` claims to be; our end of it."""
        ours, theirs = socket.socketpair()
        ours.settimeout(TIMEOUT_S)
        with theirs:
            self.tell(n.LinkMade(node, False), theirs.fileno())
        return ours


@pytest.fixture
def agent() -> Iterator[Agent]:
    """An agent."""
    made = Agent()
    yield made
    made.socket.close()
    for member in made.members:
        member.control.ended.result(TIMEOUT_S)
        member.control.disown()
        member.engine.close(in_order=False)
    made.notices.close()


class Ending(Control):
    """Notes why it would end the whole process, which is the test's."""

    def __init__(self, notices: NoticeSocket, its_ticket: n.Ticket) -> None:
        super().__init__(notices, its_ticket)
        self.ended: Future[str] = Future()

    def _run(self) -> None:
        with contextlib.suppress(SystemExit):
            super()._run()

    def _end(self, why: str) -> NoReturn:
        self.ended.set_result(why)
        sys.exit()  # the thread


class Member:
    """A node with its control."""

    def __init__(self, agent: Agent, its_ticket: n.Ticket) -> None:
        agent.members.append(self)
        self.control = Ending(agent.notices, its_ticket)
        self.engine = Engine(
            (its_ticket.node_id, its_ticket.n_node),
            its_ticket.label,
            self.control.want_link,
            self.control.wake,
        )
        self.control.start(self.engine)

    def links(self) -> set[int]:
        """To whom there is a link."""
        return set(self.engine._links)


def wait_refused(connection: socket.socket) -> None:
    """Waits for the other end to hang up, whatever it says first."""
    with contextlib.suppress(ConnectionResetError):
        while connection.recv(100):
            pass


@pytest.fixture
def unreachable() -> n.Ticket:
    """Node 0's ticket, where nothing listens at node 1's."""
    with listener() as server:
        port: int = server.getsockname()[1]
    return ticket(0, port)


# --- notices ---


def test_notices_in_pieces(agent: Agent) -> None:
    """Each notice comes out whole and once, however the bytes arrive."""
    data = frame(n.TO_NODE.pack(n.NodeEnded(3, "why"))) + frame(n.TO_NODE.pack(n.Go()))
    for byte in data[:-1]:
        agent.socket.sendall(bytes([byte]))
        agent.notices.read_some()
    assert n.NodeEnded(3, "why") == agent.notices.pop()
    assert agent.notices.pop() is None
    agent.socket.sendall(data[-1:])
    assert n.Go() == agent.notices.receive()


def test_agent_that_is_gone(agent: Agent) -> None:
    """Reading tells it, by the end or by a reset; what is said to it is dropped."""
    agent.notices.send(n.Ready())
    agent.socket.close()  # with something unread: a reset
    for _ in range(2):
        with pytest.raises(EOFError):
            agent.notices.receive()
    agent.notices.send(n.Ready())


def test_descriptor_that_did_not_come(agent: Agent) -> None:
    """A link without its descriptor is an error that says what may be wrong."""
    with pytest.raises(ProtocolError, match="too many open files"):
        agent.notices.pop_descriptor()


def test_disowned_once(agent: Agent, unreachable: n.Ticket) -> None:
    """A child that is forked twice never closes descriptors that are somebody else's by then."""
    control = Control(agent.notices, unreachable)
    control.disown()
    others = [os.dup(agent.socket.fileno()) for _ in range(8)]
    control.disown()
    for other in others:
        os.close(other)  # each is still open


# --- dialling ---


def test_link_that_cannot_be_dialled(agent: Agent, unreachable: n.Ticket) -> None:
    """The launcher hears why, and so does a call that wants the link."""
    member = Member(agent, unreachable)
    agent.tell(n.Dial(1))
    down = agent.hear()
    assert (n.LinkDown, 1) == (type(down), down.node)
    assert "node 0 on h1 cannot reach node 1 on h2 (127.0.0.1:" in down.why
    with pytest.raises(LinkFailed, match="cannot reach node 1 on h2"):
        Communicator(member.engine).send(1, "x")


def test_link_that_is_there(agent: Agent, unreachable: n.Ticket) -> None:
    """Asked to dial a node to which there is a link, it says that the link is up."""
    member = Member(agent, unreachable)
    with agent_link(agent):
        wait_until(lambda: member.links() == {1}, TIMEOUT_S, "the link")
        agent.tell(n.Dial(1))
        assert n.LinkUp(1) == agent.hear()


def agent_link(agent: Agent) -> socket.socket:
    """Links node 1, which the test plays, as inside a machine."""
    ours, theirs = socket.socketpair()
    with theirs:
        agent.tell(n.LinkMade(1, True), theirs.fileno())
    return ours


def test_fault_of_ours_while_dialling(agent: Agent, unreachable: n.Ticket) -> None:
    """Whatever goes wrong there never passes for waiting."""
    machines = (unreachable.machines[0], n.Machine("h2", 5, 1))  # type: ignore[arg-type]
    Member(agent, unreachable._replace(machines=machines))
    agent.tell(n.Dial(1))
    down = agent.hear()
    assert down.why.startswith("a fault of ours: ")


# --- being dialled ---


@pytest.fixture
def dialled(agent: Agent, unreachable: n.Ticket) -> Member:
    """Node 1, which node 0 dials."""
    return Member(agent, ticket(1, unreachable.machines[1].port))


def test_stranger_changes_nothing(agent: Agent, dialled: Member) -> None:
    """Who claims to be a node and cannot prove it is cut off; the node's link comes later."""
    with agent.hand_over(0) as stranger:
        stranger.sendall(b"hello " * 20)
        wait_refused(stranger)
    assert set() == dialled.links()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        agent.tell(n.LinkMade(0, True), theirs.fileno())
        wait_until(lambda: dialled.links() == {0}, TIMEOUT_S, "the link")


def test_too_many_at_once(
    agent: Agent, unreachable: n.Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is a bound on handshakes; beyond it a connection is closed at once."""
    monkeypatch.setattr(limits, "ACCEPTS_MAX", 1)
    member = Member(agent, ticket(1, unreachable.machines[1].port))
    with agent.hand_over(0) as first:
        with agent.hand_over(0) as second:
            assert b"" == second.recv(1)
        first.sendall(b"\0" * 100)
        wait_refused(first)
    has_room = partial(member.control._accepting.acquire, blocking=False)
    wait_until(has_room, TIMEOUT_S, "room for the next one")


# --- the run ---


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "the agent on h2 has vanished"),
        (frame(b"nonsense"), "the agent on h2 cannot be understood"),
        (b"\xff" * 4, "the agent on h2 cannot be understood"),
    ],
)
def test_agent_of_no_use(agent: Agent, dialled: Member, data: bytes, why: str) -> None:
    """Without an agent that makes sense the node ends, and says why."""
    agent.socket.sendall(data)
    agent.socket.shutdown(socket.SHUT_WR)
    assert dialled.control.ended.result(TIMEOUT_S).startswith(why)


def test_fault_of_ours(agent: Agent, dialled: Member) -> None:
    """A fault in the thread itself ends the node too: without it nobody would hear of anything."""
    dialled.engine.abort = None  # type: ignore[assignment,method-assign]
    agent.tell(n.Abort(0, "boom"))
    said = dialled.control.ended.result(TIMEOUT_S)
    assert said.startswith("a fault of distrcomp's own, please report it: TypeError")


def test_ends_of_others(agent: Agent, dialled: Member) -> None:
    """Go starts the program; a node's end and the run's failure reach the calls."""
    agent.tell(n.Go())
    assert dialled.control.go.wait(TIMEOUT_S)
    agent.tell(n.NodeEnded(0, "it has finished"))
    wait_until(lambda: dialled.engine._fates.is_lost(0), TIMEOUT_S, "the news")
    agent.tell(n.Abort(0, "boom"))
    wait_until(lambda: dialled.engine._fates.is_aborted, TIMEOUT_S, "the run's failure")
    with pytest.raises(NodeLost, match="boom"):
        dialled.engine._check()
