"""What a launcher tells of its run: from its agents' answers, and from what it knows itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from distrcomp.notices import Waiting
from launcher.control import looks
from launcher.control import messages as m
from launcher.run.events import PeerLost
from launcher.run.life import State
from launcher.run.overview import Overview
from tests.launcher.agent.agent_kit import play
from tests.launcher.run.course_kit import Driver, at

RUN_ID = b"r" * 16


class Agents:
    """Agents that answer what they are told to answer, in order; None: never."""

    def __init__(self, driver: Driver) -> None:
        self.asked: list[tuple[int, Any]] = []
        self.answers: dict[int, list[Any]] = {0: [], 1: []}
        self.overview = Overview(driver.machine, "prog.py", self._tell)

    def _tell(self, peer: int, question: Any) -> None:
        self.asked.append((peer, question))
        answer = self.answers[peer].pop(0)
        self.overview.take(peer, answer)


def with_agents(act: Callable[[Driver, Agents], Awaitable[None]]) -> None:
    """Plays an act on a run of nodes 0 and 1 on h0 and node 2 on h1."""

    async def go() -> None:
        driver = at(State.RUNNING)
        await act(driver, Agents(driver))

    play(go)


def status(node: int, state: str = "running") -> looks.NodeStatus:
    """What an agent tells of a node."""
    return looks.NodeStatus(node, "its own name", state, 100 + node, "", None, 1.5, 2**20, 5, 6)


def told(*nodes: looks.NodeStatus) -> looks.Runs:
    """An agent's answer."""
    return looks.Runs((looks.RunStatus(RUN_ID, "", 3, 1.0, False, nodes),))


def test_one_picture() -> None:
    """All nodes in order; states and peers are the launcher's word, figures the agents'."""

    async def act(driver: Driver, agents: Agents) -> None:
        driver.exit(1)
        waiting = Waiting(1, "recv from node 0", "prog.py:3", 1.0, False, (0,), None, ())
        driver.say(1, m.NodeWaiting(2, waiting))
        agents.answers = {
            0: [told(status(0, "suspended"), status(1, "ended"))],
            1: [told(status(2))],
        }
        (run,) = await agents.overview.runs(b"")
        assert [(0, looks.AskRuns(RUN_ID)), (1, looks.AskRuns(RUN_ID))] == agents.asked
        assert ("prog.py", 3, True) == (run.program, run.n_node, run.is_whole)
        seen = [(n.node, n.peer, n.pid, n.state, n.waits_for, n.cpu_s) for n in run.nodes]
        assert [
            (0, "h0", 100, "suspended", "", 1.5),
            (1, "h0", None, "finished", "", None),
            (2, "h1", 102, "running", "recv from node 0 at prog.py:3", 1.5),
        ] == seen
        assert [None, None] == [node.since_s for node in run.nodes[:2]]
        assert run.nodes[2].since_s is not None

    with_agents(act)


def test_another_run() -> None:
    """Nobody is asked about a run that is not this one."""

    async def act(_: Driver, agents: Agents) -> None:
        assert () == await agents.overview.runs(b"x" * 16)
        assert () == await agents.overview.stacks(b"x" * 16, ())
        assert [] == agents.asked

    with_agents(act)


def test_lies() -> None:
    """S-29: what an agent says of another's nodes, or of none there is, counts for nothing."""

    async def act(_: Driver, agents: Agents) -> None:
        agents.answers = {0: [told(status(2), status(77), status(-1))], 1: [looks.Runs(())]}
        (run,) = await agents.overview.runs(RUN_ID)
        assert [None] * 3 == [node.pid for node in run.nodes]
        taken = looks.StacksTaken(RUN_ID, (looks.NodeStacks(2, "wrong", ""),))
        agents.answers = {0: [taken], 1: [looks.StacksTaken(RUN_ID, ())]}
        stacks = await agents.overview.stacks(RUN_ID, ())
        assert [(n, "", "its agent does not answer") for n in range(3)] == [
            (each.node, each.text, each.why) for each in stacks
        ]
        agents.overview.take(1, looks.StacksTaken(RUN_ID, ()))  # nobody has asked

    with_agents(act)


def test_stacks() -> None:
    """Only the peers of the nodes in question are asked; a lost one is not."""

    async def act(driver: Driver, agents: Agents) -> None:
        here = looks.StacksTaken(RUN_ID, (looks.NodeStacks(2, "here", ""),))
        agents.answers[1] = [here]
        (taken,) = await agents.overview.stacks(RUN_ID, (2,))
        assert "here" == taken.text
        assert [(1, looks.TakeStacks(RUN_ID, (2,)))] == agents.asked
        driver.event(PeerLost(1, "gone"))
        (taken,) = await agents.overview.stacks(RUN_ID, (2,))
        assert ("", "it has ended (lost)") == (taken.text, taken.why)
        assert 1 == len(agents.asked)

    with_agents(act)


def test_answers_belong_to_questions() -> None:
    """The answer to what the run itself has asked is nobody else's."""

    async def act(_: Driver, agents: Agents) -> None:
        first = looks.StacksTaken(RUN_ID, (looks.NodeStacks(2, "first", ""),))
        second = looks.StacksTaken(RUN_ID, (looks.NodeStacks(2, "second", ""),))
        agents.overview.expect(1, looks.StacksTaken)
        agents.overview.take(1, first)
        agents.answers[1] = [second]
        (taken,) = await agents.overview.stacks(RUN_ID, (2,))
        assert "second" == taken.text
        assert m.Go() not in agents.asked

    with_agents(act)
