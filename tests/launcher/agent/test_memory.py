"""What an agent may weigh, as a process of its own, whatever strangers and nodes do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from launcher import limits
from launcher.cluster.credentials import Credentials
from launcher.control import messages as m
from launcher.run.connect import dial_agent
from tests.case_report import Record
from tests.command import Machine
from tests.launcher.agent.agent_kit import Launcher, play, until
from tests.launcher.lab import Lab, careless_client, peer_at

pytestmark = pytest.mark.processes

MIB = 2**20
STRANGERS = 1000
# What an agent may grow by: its bound on handshakes times what TLS keeps for each (some 350 KiB),
# and what it may hold for launchers that don't read.
STRANGERS_BYTES = 96 * MIB
FLOOD_BYTES = 24 * MIB


class RealAgent:
    """An agent in a process of its own.

    Args:
        lab: its cluster.
        pid, port: of it.
    """

    def __init__(self, lab: Lab, pid: int, port: int) -> None:
        self.lab = lab
        self.port = port
        self.process = psutil.Process(pid)
        self._before = self.process.memory_info().rss

    @property
    def grown_bytes(self) -> int:
        """By how much it has grown at most, since it was started."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 - self._before

    async def check_serves(self) -> None:
        """Who belongs here is served."""
        connection = await dial_agent(peer_at(self.port), self.lab.operator)
        await connection.channel.send(m.Ping(7))
        assert 7 == (await connection.channel.receive()).number
        await connection.channel.close()


@pytest.fixture
def agent(machine: Machine, lab: Lab, credentials: Credentials) -> Iterator[RealAgent]:
    """An agent of the cluster, listening on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = f"127.0.0.1:{port}"
    command = machine.start("agent", "--credentials", str(credentials.path), "--listen", address)
    command.wait_for_line("listens on")
    yield RealAgent(lab, command.pid, port)
    command.interrupt()
    command.wait()


async def _idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says nothing."""


async def _begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begins a handshake and stops."""
    writer.write(b"\x16\x03\x01\x3f\xff" + bytes(2**14 - 100))


async def _stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says a whole greeting of TLS, and answers nothing to what comes back."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        careless_client(None).wrap_bio(incoming, outgoing).do_handshake()
    writer.write(outgoing.read())


async def _mesh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Asks for a node."""
    writer.write(b"distrcomp-mesh1\n" + bytes(20))


@contextlib.asynccontextmanager
async def strangers(port: int) -> AsyncIterator[None]:
    """A thousand of them, from ten addresses, of all kinds; none goes by itself."""
    kinds = (_idle, _begin, _stall, _mesh)
    writers: list[asyncio.StreamWriter] = []
    room = asyncio.Semaphore(50)

    async def come(number: int) -> None:
        source = (f"127.0.3.{number % 10 + 1}", 0)
        async with room:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=source)
                writers.append(writer)
                await kinds[number % len(kinds)](reader, writer)

    await asyncio.gather(*(come(number) for number in range(STRANGERS)))
    try:
        yield
    finally:
        for writer in writers:
            writer.transport.abort()


def test_a_thousand_strangers(agent: RealAgent, record_property: Record) -> None:
    """S-14, S-15, S-01: their memory and descriptors are bounded, and the operator is served."""

    async def act() -> None:
        descriptors = agent.process.num_fds()
        async with strangers(agent.port):
            assert agent.process.num_fds() <= descriptors + limits.STRANGERS_MAX + 10
            await agent.check_serves()
        await agent.check_serves()
        await until(lambda: agent.process.num_fds() <= descriptors + 1)

    play(act)
    grown = agent.grown_bytes / MIB
    record_property(
        "figure", f"{STRANGERS:,} hostile connections at once: the agent grows by {grown:.0f} MiB"
    )
    assert agent.grown_bytes < STRANGERS_BYTES


def test_known_peers_with_huge_lengths(agent: RealAgent) -> None:
    """S-14: lengths that may not be cost less than 10 MiB, from who is known, too."""

    async def act() -> None:
        await agent.check_serves()
        for length in (2**32 - 1, 2**31, limits.FRAME_BYTES_MAX + 1):
            context = careless_client(agent.lab.operator_path)
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", agent.port, ssl=context, server_hostname=""
            )
            writer.write(struct.pack(">I", length) + bytes(1000))
            await reader.read()
            writer.transport.abort()
        await agent.check_serves()

    play(act)
    assert agent.grown_bytes < 10 * MIB


FLOOD = """
import os
line = bytes(65536)
while True:
    os.write(1, line)
    os.write(2, line)
"""


def test_nodes_that_flood(agent: RealAgent, record_property: Record) -> None:
    """S-19, F-26: output that nobody takes stops its nodes; the agent holds a few megabytes."""

    async def act() -> None:
        connection = await dial_agent(peer_at(agent.port), agent.lab.operator)
        launcher = Launcher(connection.channel, asyncio.ensure_future(asyncio.sleep(0, None)))
        launcher.greet = _greeted  # type: ignore[method-assign]
        await launcher.run(FLOOD, 4)
        below = agent.process.children(recursive=True)
        nodes = [each for each in below if "distrcomp.node" in each.cmdline()]
        assert 4 == len(nodes)
        await until(Stuck(nodes))
        await agent.check_serves()
        await connection.channel.close()
        await until(lambda: not any(map(psutil.Process.is_running, nodes)))

    play(act)
    grown = agent.grown_bytes / MIB
    record_property("figure", f"4 nodes that flood: the agent grows by {grown:.0f} MiB")
    assert agent.grown_bytes < FLOOD_BYTES


class Stuck:
    """Whether all of these processes have written, and for some looks no byte more."""

    def __init__(self, processes: list[psutil.Process]) -> None:
        self._processes = processes
        self._before: list[int] = []
        self._looks = 0

    def __call__(self) -> bool:
        now = [each.io_counters().write_chars for each in self._processes]
        self._looks = self._looks + 1 if now == self._before else 0
        self._before = now
        return self._looks > 20 and min(now) > 2**16


async def _greeted() -> None:
    return None
