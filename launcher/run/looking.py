"""Looking at live runs: whom to ask, and one picture of what they tell."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import distrcomp
from distrcomp.errors import ProtocolError

from .. import limits
from ..agent.window import look_through_all
from ..cluster.home import Home
from ..cluster.peers_file import Peer
from ..control import looks
from ..control import messages as m
from ..control.channel import Channel
from ..errors import BadUsage, ChannelClosed, LauncherError
from .connect import Operator, dial_agent


class Looker:
    """Those who can be asked; use as `async with`.

    Args:
        peers: whose agents to ask, besides the launchers and agents of this user on this machine.
        operator: what proves to agents that we may ask; None: they are not asked.

    Attributes:
        problems: one sentence for each who could not be asked, or did not answer.
    """

    def __init__(self, peers: Sequence[Peer] = (), operator: Operator | None = None) -> None:
        self._peers = peers
        self._operator = operator
        self._channels: list[Channel] = []
        self.problems: list[str] = []

    async def __aenter__(self) -> Looker:
        here = await look_through_all(Home.find(os.environ))
        welcomes = await asyncio.gather(
            *(self._answer(each, m.Hello(), m.Welcome) for each in here)
        )
        for channel, welcome in zip(here, welcomes, strict=True):
            if welcome is not None and welcome.version == distrcomp.__version__:
                self._channels.append(channel)
                continue
            if welcome is not None:
                self.problems.append("a run here is of another version of distrcomp")
            await channel.close()
        operator, far = self._operator, [peer for peer in self._peers if not peer.is_here]
        asked = [] if operator is None else [dial_agent(peer, operator) for peer in far]
        for outcome in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(outcome, LauncherError):
                self.problems.append(str(outcome))
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                self._channels.append(outcome.channel)
        return self

    async def __aexit__(self, *_: object) -> None:
        for channel in self._channels:
            await channel.close()

    async def runs(self, run_id: bytes = b"") -> list[looks.RunStatus]:
        """The runs that go on, each once, the oldest first."""
        answers = await self._ask(looks.AskRuns(run_id), looks.Runs)
        return merged(run for answer in answers for run in answer.runs)

    async def stacks(self, run_id: bytes, nodes: tuple[int, ...]) -> list[looks.NodeStacks]:
        """Where these nodes of a run are, in node order; none named: all of them."""
        answers = await self._ask(looks.TakeStacks(run_id, nodes), looks.StacksTaken)
        best: dict[int, looks.NodeStacks] = {}
        for taken in (taken for answer in answers for taken in answer.nodes):
            if taken.text or taken.node not in best:
                best[taken.node] = taken
        return [best[node] for node in sorted(best)]

    async def _ask(self, question: Any, kind: type) -> list[Any]:
        asked = (self._answer(channel, question, kind) for channel in self._channels)
        return [answer for answer in await asyncio.gather(*asked) if answer is not None]

    async def _answer(self, channel: Channel, question: Any, kind: type) -> Any | None:
        """The answer; None from one that ends meanwhile, or with a problem."""
        try:
            async with asyncio.timeout(limits.LOOK_WAIT_S + limits.STACKS_WAIT_S):
                await channel.send(question)
                answer = await channel.receive()
        except ChannelClosed:
            return None
        except TimeoutError:
            self.problems.append("a run does not answer (is it stopped?)")
            return None
        except ProtocolError:
            self.problems.append("a run speaks another protocol: it is of another distrcomp")
            return None
        if isinstance(answer, m.Refused):
            self.problems.append(f"it was refused: {answer.why}")
        return answer if isinstance(answer, kind) else None


def merged(told: Iterable[looks.RunStatus]) -> list[looks.RunStatus]:
    """Each run once: as its launcher tells it, else what its agents tell together."""
    by_id: dict[bytes, looks.RunStatus] = {}
    for run in told:
        other = by_id.get(run.run_id)
        if other is None or (run.is_whole and not other.is_whole):
            by_id[run.run_id] = run
        elif run.is_whole == other.is_whole:
            nodes = {node.node: node for node in (*other.nodes, *run.nodes)}
            by_id[run.run_id] = replace(run, nodes=tuple(nodes[node] for node in sorted(nodes)))
    return sorted(by_id.values(), key=lambda run: -(run.seconds or 0.0))


def chosen_run(runs: Sequence[looks.RunStatus], text: str) -> looks.RunStatus:
    """The run whose id begins so; raises BadUsage."""
    found = [run for run in runs if text and run.run_id.hex().startswith(text.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        raise BadUsage(f"{len(found)} runs begin with {text!a}: give more of the id")
    raise BadUsage(f"no run {text!a} goes on: `distrcomp ps` lists those that do")
