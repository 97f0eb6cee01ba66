"""distrcomp.notices: what an agent and its nodes tell each other, and who dials whom."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp import notices as n
from distrcomp.errors import ProtocolError

TICKET = n.Ticket(
    run_id=b"r" * 16,
    node_id=1,
    n_node=3,
    machines=(n.Machine("h1", "10.0.0.1", 6969), n.Machine("here", "", 0)),
    machine_of=(0, 0, 1),
    certificate="key and certificate",
    authority="authority",
    data_plane="tls",
    segment=9,
    doorbells=(10, 11),
)

TO_NODE = [
    TICKET,
    n.Go(),
    n.LinkMade(3, True),
    n.Dial(3),
    n.NoLink(3, "why"),
    n.NodeEnded(3, "why"),
    n.Abort(3, "why"),
    n.AskTraffic(),
    n.Abort(None, "why"),
    n.Ask(7),
]
TO_AGENT = [
    n.Ready(),
    n.WritesStacks(61),
    n.Traffic(2**40, None),
    n.WantLink(3),
    n.LinkUp(3),
    n.LinkDown(3, "why"),
    n.Failed("error", "traceback", None),
    n.Failed("error", "traceback", 3),
    n.Waiting(1, "recv(source=1)", "a.py:3", 1.0, False, (1,), n.Envelope(0, 1, -1), (0, 1)),
    n.Waiting(2, "send", "", 1.0, True, (1,), None, ()),
    n.Resumed(1),
    n.Standing(7, False),
    n.Standing(
        *(7, True, (1,), (0, 1), True, 9, (1,), (0,), (1,), True),
        (n.Unread(0, 1, 5, 2, 100),),
    ),
]


@pytest.mark.parametrize("notice", TO_NODE, ids=lambda notice: type(notice).__name__)
def test_to_node(notice: Any) -> None:
    """Each notice to a node comes back as it was; an agent understands none of them."""
    data = n.TO_NODE.pack(notice)
    assert n.TO_NODE.unpack(data) == notice
    with pytest.raises(ProtocolError):
        n.TO_AGENT.unpack(data)


@pytest.mark.parametrize("notice", TO_AGENT, ids=lambda notice: type(notice).__name__)
def test_to_agent(notice: Any) -> None:
    """Each notice to an agent comes back as it was; a node understands none of them (S-12)."""
    data = n.TO_AGENT.pack(notice)
    assert n.TO_AGENT.unpack(data) == notice
    with pytest.raises(ProtocolError):
        n.TO_NODE.unpack(data)


def test_ticket() -> None:
    """A ticket knows on which peer a node runs, whether that is here, and who dials."""
    assert [TICKET.label(node) for node in range(3)] == ["h1", "h1", "here"]
    assert [TICKET.is_local(node) for node in range(3)] == [True, True, False]
    assert TICKET.dials(2) is False
    assert TICKET._replace(node_id=2).dials(1) is True


@pytest.mark.parametrize(("node", "expected"), [(0, (0, 2, 3)), (1, (1, 4)), (3, (0, 2, 3))])
def test_local_nodes(node: int, expected: tuple[int, ...]) -> None:
    """The nodes of a node's own machine, itself included, in order."""
    ticket = TICKET._replace(node_id=node, n_node=5, machine_of=(0, 1, 0, 0, 1))
    assert expected == ticket.local_nodes


@given(st.data())
def test_one_dials(data: st.DataObject) -> None:
    """Of two nodes on two machines exactly one dials, and the other's has a port (F-19).

    This holds for every placement with at most one machine that cannot be dialled.
    """
    n_machine = data.draw(st.integers(2, 5))
    closed = data.draw(st.integers(-1, n_machine - 1))
    machine_of = tuple(data.draw(st.lists(st.integers(0, n_machine - 1), min_size=2, max_size=8)))
    machines = tuple(n.Machine(f"m{i}", f"m{i}", 6969 * (i != closed)) for i in range(n_machine))
    for one, there in enumerate(machine_of):
        for other, elsewhere in enumerate(machine_of[:one]):
            if there == elsewhere:
                continue
            dialler = n.dialler(machines, machine_of, one, other)
            assert dialler == n.dialler(machines, machine_of, other, one)
            dialled = {one: other, other: one}[dialler]
            assert machines[machine_of[dialled]].port != 0
            tickets = [
                TICKET._replace(
                    node_id=node,
                    n_node=len(machine_of),
                    machines=machines,
                    machine_of=machine_of,
                )
                for node in (one, other)
            ]
            assert [tickets[0].dials(other), tickets[1].dials(one)].count(True) == 1
