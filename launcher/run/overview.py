"""What a launcher tells those who look at its run: asks its agents, and adds what it knows itself.

Agents answer in the order in which they are asked, so of each kind of answer the first belongs to
the oldest question. Who waits too long gets what has come by then.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from .. import limits
from ..control import looks
from .machine import RunMachine
from .plain import cut

_Answer = asyncio.Future[Any]


class Overview:
    """One run, as others may see it.

    Args:
        machine: the run.
        program: what it runs, in words.
        tell: sends a message to the agent of a peer.
    """

    def __init__(self, machine: RunMachine, program: str, tell: Callable[[int, Any], None]) -> None:
        self._machine = machine
        self._program = cut(program, limits.PROGRAM_CHARACTERS_MAX)
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._awaited: defaultdict[tuple[int, type], deque[_Answer]] = defaultdict(deque)

    async def runs(self, run_id: bytes) -> tuple[looks.RunStatus, ...]:
        """How this run fares."""
        own = self._machine.course.opening.run_id
        if run_id not in (b"", own):
            return ()
        answers = await self._ask(self._machine.peers, looks.AskRuns(own), looks.Runs)
        told = {
            node.node: node
            for peer, answer in answers.items()
            for run in answer.runs
            for node in run.nodes
            if self._peer_of(node.node) == peer
        }
        ledger, now = self._machine.ledger, self._loop.time()
        seconds = None if ledger.started_at is None else now - ledger.started_at
        nodes = tuple(self._status(node, told.get(node), now) for node in range(len(ledger.nodes)))
        programs = self._machine.course.programs
        most = limits.PROGRAM_CHARACTERS_MAX // max(1, len(programs))
        return (
            looks.RunStatus(
                own,
                self._program,
                len(nodes),
                seconds,
                is_whole=True,
                nodes=nodes,
                programs=tuple(cut(program, most) for program in programs),
            ),
        )

    async def stacks(self, run_id: bytes, nodes: tuple[int, ...]) -> tuple[looks.NodeStacks, ...]:
        """Where these nodes are; none named: all of them."""
        ledger = self._machine.ledger
        own = self._machine.course.opening.run_id
        if run_id != own:
            return ()
        asked = [node for node in range(len(ledger.nodes)) if not nodes or node in nodes]
        peers = {ledger.nodes[node].peer for node in asked} & self._machine.peers
        answers = await self._ask(peers, looks.TakeStacks(own, tuple(asked)), looks.StacksTaken)
        taken = {
            node.node: node
            for peer, answer in answers.items()
            for node in answer.nodes
            if self._peer_of(node.node) == peer
        }
        return tuple(taken.get(node) or self._no_stacks(node) for node in asked)

    def expect(self, peer: int, kind: type) -> None:
        """Somebody else has asked an agent something that is answered so."""
        self._awaited[peer, kind].append(self._loop.create_future())

    def take(self, peer: int, answer: Any) -> None:
        """An agent answers."""
        awaited = self._awaited[peer, type(answer)]
        if awaited:
            oldest = awaited.popleft()
            if not oldest.done():
                oldest.set_result(answer)

    async def _ask(self, peers: Iterable[int], question: Any, kind: type) -> dict[int, Any]:
        asked: dict[int, _Answer] = {}
        for peer in sorted(peers):
            asked[peer] = self._loop.create_future()
            self._awaited[peer, kind].append(asked[peer])
            self._tell(peer, question)
        if asked:
            await asyncio.wait(asked.values(), timeout=limits.LOOK_WAIT_S)
        return {peer: answer.result() for peer, answer in asked.items() if answer.done()}

    def _peer_of(self, node: int) -> int | None:
        nodes = self._machine.ledger.nodes
        return nodes[node].peer if 0 <= node < len(nodes) else None

    def _no_stacks(self, node: int) -> looks.NodeStacks:
        known = self._machine.ledger.nodes[node]
        why = f"it has ended ({known.state})" if known.ended else "its agent does not answer"
        return looks.NodeStacks(node, "", why)

    def _status(self, node: int, told: looks.NodeStatus | None, now: float) -> looks.NodeStatus:
        """What the agent told of a node, and what only we know."""
        known, label = self._machine.ledger.nodes[node], self._machine.ledger.name_of_peer(node)
        waits_for, since = self._machine.waiting.get(node, ("", now))
        state = known.state
        if told is not None and not known.ended and told.state == "suspended":
            state = told.state
        program = self._machine.course.program_index(node)
        if told is None or known.ended:
            return looks.NodeStatus(node, label, state, program=program)
        waited_s = now - since if waits_for else None
        return replace(
            told, peer=label, state=state, waits_for=waits_for, since_s=waited_s, program=program
        )
