"""The one gate of an agent: who may ask for what, and when."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.agent import session
from launcher.agent.session import OPERATIONS, Session, State
from launcher.control import environments as e
from launcher.control import files, looks, passing, updates
from launcher.control import messages as m
from launcher.errors import PeerRefused

ROLES = ("operator", "viewer", "agent", "node", "hub", "submitter", "authority", "Operator", "")
SAMPLES: dict[type, Any] = {
    m.Hello: m.Hello(),
    m.Ping: m.Ping(1),
    e.AskInstalled: e.AskInstalled(("numpy",)),
    e.WantEnvironment: e.WantEnvironment("", "", False),
    e.OfferWheels: e.OfferWheels((), ""),
    e.WheelPart: e.WheelPart(b"h" * 32, b"", True),
    m.OpenRun: m.OpenRun(b"r" * 16, b""),
    m.BlobPart: m.BlobPart(b"h" * 32, b"", True),
    passing.TakePass: passing.TakePass(0, "", ""),
    passing.FetchFrom: passing.FetchFrom(0, "", 1),
    m.StartNodes: m.StartNodes((), -1, (), (), (), "", "tls"),
    m.OpenLink: m.OpenLink(0, 1),
    m.RefuseLink: m.RefuseLink(0, 1, ""),
    m.Go: m.Go(),
    m.Input: m.Input(b""),
    m.EndOfNode: m.EndOfNode(0, ""),
    m.AbortRun: m.AbortRun(0, ""),
    m.AskNodes: m.AskNodes(1, (0,)),
    m.SignalNodes: m.SignalNodes(2),
    looks.AskRuns: looks.AskRuns(b""),
    looks.TakeStacks: looks.TakeStacks(b"r" * 16, ()),
    files.CollectFiles: files.CollectFiles(("*",)),
    m.CloseRun: m.CloseRun(),
    updates.AskRelease: updates.AskRelease(),
    updates.TryRelease: updates.TryRelease("0.1"),
    updates.TakeRelease: updates.TakeRelease(),
    updates.KeepRelease: updates.KeepRelease(b"h" * 32),
}
WAY: dict[State, tuple[type, ...]] = {
    State.NEW: (),
    State.GREETED: (m.Hello,),
    State.PROVIDING: (m.Hello, e.WantEnvironment),
    State.SHIPPING: (m.Hello, m.OpenRun),
    State.STARTING: (m.Hello, m.OpenRun, m.StartNodes),
    State.RUNNING: (m.Hello, m.OpenRun, m.StartNodes, m.Go),
    State.TRYING: (m.Hello, m.OpenRun, updates.TryRelease),
    State.CLOSED: (m.Hello, m.OpenRun, m.CloseRun),
}


def session_in(state: State) -> Session:
    """An operator's session that has come to `state`."""
    made = Session("operator")
    for kind in WAY[state]:
        made.admit(SAMPLES[kind])
    assert state is made.state
    return made


def test_every_operation_is_listed() -> None:
    """The table knows exactly what a launcher can send; the samples too."""
    assert set(m.FROM_LAUNCHER) == set(OPERATIONS)
    assert set(OPERATIONS) == set(SAMPLES)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", OPERATIONS)
def test_role_matrix(role: str, kind: type) -> None:
    """S-06: every role times every operation: what is not listed is refused, in any state."""
    for state in State:
        made = session_in(state)
        made.role = role
        if role in OPERATIONS[kind].roles and state in OPERATIONS[kind].states:
            made.admit(SAMPLES[kind])
            continue
        with pytest.raises(PeerRefused):
            made.admit(SAMPLES[kind])
        assert state is made.state


def test_only_operators() -> None:
    """S-06: whoever adds a role to an operation has to change these lines too."""
    looking = {m.Hello, m.Ping, looks.AskRuns, looks.TakeStacks}
    for kind, operation in OPERATIONS.items():
        assert {"operator", *(["viewer"] if kind in looking else [])} == operation.roles


@pytest.mark.parametrize("state", list(State))
def test_every_message_in_every_state(state: State) -> None:
    """S-12: what may come in a state and what follows it, written out once more."""
    allowed = {
        State.NEW: {m.Hello: State.GREETED},
        State.GREETED: {
            **dict.fromkeys((m.Ping, looks.AskRuns, looks.TakeStacks), State.GREETED),
            e.AskInstalled: State.GREETED,
            e.WantEnvironment: State.PROVIDING,
            m.OpenRun: State.SHIPPING,
            **dict.fromkeys((updates.AskRelease, updates.KeepRelease), State.GREETED),
        },
        State.PROVIDING: {
            **dict.fromkeys((m.Ping, looks.AskRuns, looks.TakeStacks), State.PROVIDING),
            **dict.fromkeys((e.AskInstalled, e.OfferWheels, e.WheelPart), State.PROVIDING),
            m.OpenRun: State.SHIPPING,
        },
        State.SHIPPING: {
            **dict.fromkeys((m.Ping, looks.AskRuns, looks.TakeStacks), State.SHIPPING),
            **dict.fromkeys((m.BlobPart, *passing.ORDERS), State.SHIPPING),
            m.StartNodes: State.STARTING,
            m.CloseRun: State.CLOSED,
            updates.TryRelease: State.TRYING,
        },
        State.STARTING: {
            **dict.fromkeys((m.Ping, looks.AskRuns, looks.TakeStacks), State.STARTING),
            **dict.fromkeys((m.OpenLink, m.RefuseLink), State.STARTING),
            **dict.fromkeys((m.EndOfNode, m.AbortRun, m.AskNodes, m.SignalNodes), State.STARTING),
            m.Go: State.RUNNING,
            m.CloseRun: State.CLOSED,
        },
        State.RUNNING: {
            **dict.fromkeys((m.Ping, looks.AskRuns, looks.TakeStacks), State.RUNNING),
            **dict.fromkeys((m.OpenLink, m.RefuseLink, m.Input), State.RUNNING),
            **dict.fromkeys((m.EndOfNode, m.AbortRun, m.AskNodes, m.SignalNodes), State.RUNNING),
            files.CollectFiles: State.RUNNING,
            m.CloseRun: State.CLOSED,
        },
        State.TRYING: {
            **dict.fromkeys((m.Ping, looks.AskRuns, looks.TakeStacks), State.TRYING),
            updates.TakeRelease: State.CLOSED,
        },
        State.CLOSED: dict.fromkeys((m.Ping, looks.AskRuns, looks.TakeStacks), State.CLOSED),
    }[state]
    after: dict[type, State] = {}
    for kind, message in SAMPLES.items():
        made = session_in(state)
        if kind in allowed:
            made.admit(message)
            after[kind] = made.state
            continue
        with pytest.raises(PeerRefused, match=f"{kind.__name__} may not come now"):
            made.admit(message)
        assert state is made.state
    assert allowed == after


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("kind", m.FROM_AGENT)
def test_messages_of_agents(state: State, kind: type) -> None:
    """S-12: what only an agent says, `Welcome` above all, is refused from a launcher."""
    made = session_in(state)
    message = object.__new__(kind)  # its content is nobody's affair at the gate
    with pytest.raises(PeerRefused, match="is not an operation of an agent"):
        made.admit(message)
    assert state is made.state


@given(kinds=st.lists(st.sampled_from([*OPERATIONS, *m.FROM_AGENT]), max_size=30))
def test_any_sequence(kinds: list[type]) -> None:
    """S-12: in any sequence nothing but PeerRefused is raised, and nothing comes before Hello."""
    made = Session("operator")
    admitted: list[type] = []
    for kind in kinds:
        try:
            made.admit(SAMPLES.get(kind) or object.__new__(kind))
            admitted.append(kind)
        except PeerRefused:
            pass
    assert [m.Hello] == admitted[:1] or not admitted
    for once in (m.Hello, m.OpenRun, m.StartNodes, m.Go, m.CloseRun):
        assert admitted.count(once) <= 1
    order = [kind for kind in admitted if kind in (m.Hello, m.OpenRun, m.StartNodes, m.Go)]
    assert [m.Hello, m.OpenRun, m.StartNodes, m.Go][: len(order)] == order


def test_diagram() -> None:
    """The docstring's diagram names exactly the states."""
    diagram = (session.__doc__ or "").split("\n\n")[2]
    words = set(re.findall(r"\b[a-z]{3,}(?:ing|ed)\b|\bnew\b", diagram))
    assert {state.name.lower() for state in State} == words


@pytest.mark.parametrize("foreign", [None, 3, b"x", "Hello", object(), ("Hello", 1)])
def test_no_message_at_all(foreign: object) -> None:
    """What is no message is refused as any other."""
    with pytest.raises(PeerRefused):
        Session("operator").admit(foreign)
