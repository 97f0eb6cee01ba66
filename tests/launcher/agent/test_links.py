"""Links of a run's nodes on one peer: what they are told of, and what is handed to them."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import Any, NoReturn

import pytest

from distrcomp import notices as n
from launcher import limits
from launcher.agent.links import Links
from launcher.control import messages as m
from tests.launcher.agent.agent_kit import play
from tests.launcher.agent.peer_run_kit import opened, start

pytestmark = pytest.mark.processes


class Node:
    """Remembers what it is told, and closes what it is given."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def tell(self, notice: Any, connection: socket.socket | None = None) -> None:
        self.told.append(notice)
        if connection is not None:
            connection.close()


def links(*nodes: Node) -> Links:
    """Of these nodes, which are 0 and so on."""
    made: Any = dict(enumerate(nodes))
    return Links(made)


def test_two_nodes_of_a_machine_are_joined_once() -> None:
    """Whichever of them asks, and however often; none with itself."""
    one, other = Node(), Node()
    ours = links(one, other)
    for pair in ((0, 1), (1, 0), (0, 1), (0, 0)):
        ours.join(*pair)
    assert [n.LinkMade(1, local=True)] == one.told
    assert [n.LinkMade(0, local=True)] == other.told


def test_no_descriptor_for_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """F-21: who asked is told why there is none, and may ask again."""

    def refuse() -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    one, other = Node(), Node()
    ours = links(one, other)
    with monkeypatch.context() as scarce:
        scarce.setattr(socket, "socketpair", refuse)
        ours.join(0, 1)
    why = "no socket for it on this machine: Too many open files"
    assert [n.NoLink(1, why)] == one.told
    assert [] == other.told
    ours.join(0, 1)
    assert n.LinkMade(1, local=True) == one.told[-1]


def test_hand_over(tmp_path: Path, leaks: object) -> None:
    """S-26: a connection goes to a node that runs here, from a node of elsewhere; no other way."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            ours, theirs = socket.socketpair()
            assert not run.hand_over(1, 0, theirs)
            await start(run, told, "import time; time.sleep(1000)")
            bad = [(1, 1), (0, 0), (2, 0), (-1, 0), (1, 7), (2**32 - 1, 2**32 - 1)]
            assert [False] * 6 == [run.hand_over(source, dest, theirs) for source, dest in bad]
            assert run.hand_over(1, 0, theirs)
            assert -1 == theirs.fileno()
            ours.close()

    play(act)


def test_links_of_strangers(tmp_path: Path, leaks: object) -> None:
    """Words about nodes that don't run here come to nothing."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, "import time; time.sleep(1000)")
            for node in (1, -1, 2**63):
                run.links.open(node, 0)
                run.links.refuse(node, 0, "no")
            run.signal(9)
            assert [m.NodeExited(0, None, 9)] == await told.wait(m.NodeExited)
            run.end_of_node(1, "x" * limits.KIB)
            run.abort(1, "too late")

    play(act)
