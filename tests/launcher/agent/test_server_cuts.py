"""A launcher's connection to an agent that is cut after any number of bytes."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from launcher import limits
from launcher.control import messages as m
from launcher.errors import CannotStart, ChannelClosed
from launcher.run.connect import dial_agent
from tests.faults.proxy import FaultProxy, Faults, Way
from tests.launcher.agent.agent_kit import opening, until
from tests.launcher.agent.server_kit import Agent
from tests.launcher.lab import peer_at

BYTES_MAX = 4096
STEP = 61  # a prime, so that it falls on all kinds of places in the records of TLS


async def outcome(agent: Agent, faults: Faults) -> str:
    """What a launcher says whose connection has these faults."""
    with FaultProxy(("127.0.0.1", agent.port), control=faults) as proxy:
        try:
            connection = await dial_agent(peer_at(proxy.address[1]), agent.lab.operator)
        except CannotStart as error:
            return "CannotStart" if "\n" not in str(error) else str(error)
        with contextlib.closing(_Abort(connection.channel)):
            try:
                await connection.channel.send(m.Ping(1))
                assert 1 == (await connection.channel.receive()).number
            except ChannelClosed:
                return "ChannelClosed"
    return "served"


class _Abort:
    """Ends a channel without waiting for an end that may never come."""

    def __init__(self, channel: Any) -> None:
        self._writer = channel._writer
        self._heart = channel._heart

    def close(self) -> None:
        self._heart.cancel()
        self._writer.transport.abort()


def cuts(step: int) -> Iterator[Faults]:
    """A cut after each number of bytes, in either direction, by reset and in order."""
    for after in range(0, BYTES_MAX, step):
        way = Way(cut_after=after, cut_by_reset=bool(after % 2))
        yield Faults(there=way)
        yield Faults(back=way)


@pytest.mark.parametrize(
    "step", [STEP, pytest.param(1, marks=[pytest.mark.full_matrix, pytest.mark.timeout(600)])]
)
def test_cut_after_any_number_of_bytes(on_agent: Callable[..., None], step: int) -> None:
    """It is one sentence for the launcher, and no matter for the agent's others (F-13)."""

    async def act(agent: Agent) -> None:
        seen = Counter([await outcome(agent, faults) for faults in cuts(step)])
        assert {"CannotStart", "ChannelClosed", "served"} >= set(seen)
        assert seen["CannotStart"] > 20  # the proxy does cut
        await agent.check_serves()
        await until(lambda: not agent._server._strangers)

    on_agent(act)


def test_refused_while_sending(on_agent: Callable[..., None]) -> None:
    """Why an agent takes no more arrives, although the launcher is still sending (F-20)."""

    async def act(agent: Agent) -> None:
        channel = (await dial_agent(peer_at(agent.port), agent.lab.operator)).channel
        await channel.send(opening({"a": "x"}))
        assert 1 == len((await channel.receive()).hashes)
        part = m.BlobPart(bytes(32), bytes(limits.SHIP_CHUNK_BYTES), last=False)
        with contextlib.suppress(ChannelClosed):
            for _ in range(64):
                await channel.send(part)
        assert m.Refused("a blob came that was not asked for") == await channel.receive()
        await channel.close()

    on_agent(act)
