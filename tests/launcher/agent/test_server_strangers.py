"""The listening agent and those who don't belong: refused, and nobody else notices.

Each time a legitimate client is served afterwards (`Agent.check_refuses`).
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import ssl
import struct
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from distrcomp.frames import frame
from distrcomp.preamble import MAGIC, Preamble, pack_preamble
from launcher import limits
from launcher.cluster.credentials import ALPN
from launcher.control import messages as m
from launcher.control.channel import StreamChannel
from launcher.run.connect import dial_agent, greet
from tests.launcher.agent.agent_kit import RUN_ID, until
from tests.launcher.agent.server_kit import Agent, hello
from tests.launcher.lab import Lab, careless_client, peer_at

pytestmark = pytest.mark.processes


class Canary:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


# --- strangers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("alpn", [(), ("h2",), ("distrcomp-join/1",)])
def test_wrong_alpn(on_agent: Callable[..., None], alpn: tuple[str, ...]) -> None:
    """S-02: TLS with another application protocol, or with none, is refused, whoever it is."""

    async def act(agent: Agent) -> None:
        context = careless_client(agent.lab.operator_path, alpn)
        assert b"" == await agent.check_refuses(hello(), f"does not speak {ALPN}", context)

    on_agent(act)


def test_no_certificate(on_agent: Callable[..., None]) -> None:
    """S-05: who shows no certificate is refused."""

    async def act(agent: Agent) -> None:
        got = await agent.check_refuses(hello(), "TLS handshake failed", careless_client(None))
        assert b"" == got

    on_agent(act)


def test_other_cluster(on_agent: Callable[..., None], tmp_path: Path) -> None:
    """S-05: the operator of another cluster is refused."""
    other = Lab(tmp_path / "other")

    async def act(agent: Agent) -> None:
        context = careless_client(other.operator_path)
        assert b"" == await agent.check_refuses(hello(), "TLS handshake failed", context)

    on_agent(act)


@pytest.mark.parametrize("age", [timedelta(days=2), timedelta(days=-2)])
def test_expired(on_agent: Callable[..., None], age: timedelta) -> None:
    """S-05: a certificate that has expired, or is not valid yet, is refused."""

    async def act(agent: Agent) -> None:
        context = careless_client(agent.lab.certificate("operator", age=age))
        assert b"" == await agent.check_refuses(hello(), "TLS handshake failed", context)

    on_agent(act)


def test_agents_certificate(on_agent: Callable[..., None], credentials: Any) -> None:
    """S-06, S-47: an agent's certificate is made for serving: it opens no session anywhere."""

    async def act(agent: Agent) -> None:
        context = careless_client(credentials.path)
        assert b"" == await agent.check_refuses(hello(), "TLS handshake failed", context)

    on_agent(act)


def test_wrong_role(on_agent: Callable[..., None]) -> None:
    """S-06: a certificate of the cluster in another role may call nothing."""

    async def act(agent: Agent) -> None:
        context = careless_client(agent.lab.certificate("node"))
        got = await agent.check_refuses(hello(), "role 'node' may not call Hello", context)
        assert b"may not call Hello" in got

    on_agent(act)


def test_tls_1_2(on_agent: Callable[..., None]) -> None:
    """S-09: TLS 1.2 is refused, even with the operator's certificate."""

    async def act(agent: Agent) -> None:
        context = careless_client(agent.lab.operator_path)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        assert b"" == await agent.check_refuses(hello(), "TLS handshake failed", context)

    on_agent(act)


FOREIGN = {
    "ssh": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "random": bytes(range(7, 250)),
    "zeros": bytes(1000),
    "plain control message": b"\x00\x00\x00\x10",
    "tls garbage": b"\x16\x03\x01\x02\x00" + bytes(512),
    "tls alert": b"\x16",
    "almost a preamble": MAGIC[:-1] + b"?" + bytes(24),
    "a preamble cut short": pack_preamble(Preamble(RUN_ID, 0, 1))[:-1],
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_protocols(on_agent: Callable[..., None], name: str) -> None:
    """S-02, S-04: bytes of another protocol are refused; nothing of them is answered."""

    async def act(agent: Agent) -> None:
        before = agent.n_refused
        reader, writer = await agent.connect()
        writer.write(FOREIGN[name])
        writer.write_eof()
        with contextlib.suppress(ConnectionError):
            assert len(await reader.read()) <= 7  # a TLS alert at most
        writer.transport.abort()
        await until(lambda: agent.n_refused > before)
        await agent.check_serves()

    on_agent(act)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT"])
def test_browser(on_agent: Callable[..., None], method: str) -> None:
    """S-02: a browser gets one plain line that it is wrong here."""

    async def act(agent: Agent) -> None:
        request = f"{method} / HTTP/1.1\r\nHost: h1:6969\r\n\r\n".encode()
        got = await agent.check_refuses(request, "it speaks another protocol")
        assert got.endswith(b"This is the port of a distrcomp agent, not a web page.\n")

    on_agent(act)


def test_canary(on_agent: Callable[..., None], tmp_path: Path) -> None:
    """S-03: a pickle, first or in any later state, is never loaded."""
    path = tmp_path / "canary"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        pickle.loads(pickle.dumps(Canary(path), protocol))
        path.unlink()  # it would work
    canary = pickle.dumps(Canary(path))

    async def act(agent: Agent) -> None:
        await agent.check_refuses(canary, "it speaks another protocol")
        context = careless_client(agent.lab.operator_path)
        await agent.check_refuses(frame(canary), "not a message", context)
        opening = frame(m.CONTROL.pack(m.OpenRun(RUN_ID, canary)))
        reader, writer = await agent.connect(careless_client(agent.lab.operator_path))
        writer.write(hello() + opening)
        assert b"Refused" in await reader.read()
        writer.transport.abort()
        await agent.check_serves()

    on_agent(act)
    assert not path.exists()


def test_silence(on_agent: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """S-01: who says nothing, or a byte now and then, is cut off at a limit in all."""
    monkeypatch.setattr(limits, "HANDSHAKE_TIMEOUT_S", 1.0)
    client_hello = b"\x16\x03\x01\x02\x00" + bytes(512)
    preamble = pack_preamble(Preamble(RUN_ID, 0, 1))

    async def trickle(agent: Agent, data: bytes) -> float:
        reader, writer = await agent.connect()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for index in range(10**6):
            writer.write(data[index : index + 1])
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(0.1):
                    if not await reader.read(1):
                        break
            if writer.transport.is_closing():
                break
        writer.transport.abort()
        return loop.time() - begun

    async def act(agent: Agent) -> None:
        times = asyncio.gather(*(trickle(agent, each) for each in (b"", client_hello, preamble)))
        await agent.check_serves()
        for seconds in await times:
            assert 0.9 < seconds < 5.0
        assert 3 == agent.n_refused
        await agent.check_serves()

    on_agent(act)


def test_silent_operator(on_agent: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """S-01: neither does a known peer keep a session by its heartbeat alone."""
    monkeypatch.setattr(limits, "HANDSHAKE_TIMEOUT_S", 1.0)

    async def act(agent: Agent) -> None:
        context = careless_client(agent.lab.operator_path)
        await agent.check_refuses(frame(b"") * 3, "no hello came within 1 s", context)

    on_agent(act)


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">I", 2**32 - 1),
        struct.pack(">I", limits.FRAME_BYTES_MAX + 1) + b"x",
        struct.pack(">q", -1),
        struct.pack(">q", 2**63 - 1),
    ],
)
def test_length_attacks(on_agent: Callable[..., None], data: bytes) -> None:
    """S-14: a length that may not be is refused when it is read, under TLS and before it."""

    async def act(agent: Agent) -> None:
        context = careless_client(agent.lab.operator_path)
        got = await agent.check_refuses(data, "a frame of", context)
        assert b"may come" in got

    on_agent(act)


def test_deep_message(on_agent: Callable[..., None]) -> None:
    """S-16: a message nested 100,000 deep, or that announces a million items, is refused."""

    async def act(agent: Agent) -> None:
        context = careless_client(agent.lab.operator_path)
        for body in (b"\x91" * 100_000, b"\xdd\x00\x0f\x42\x40", b"\xdf\xff\xff\xff\xff"):
            await agent.check_refuses(frame(body), "not a message", context)

    on_agent(act)


# --- many strangers ------------------------------------------------------------------------------


CLIENT_HELLO = b"\x16\x03\x01\x02\x00"  # and 512 bytes that never come


async def crowd(agent: Agent, sources: int, each: int) -> list[asyncio.StreamWriter]:
    """Connections from so many sources that say nothing, or begin a handshake and stop."""
    writers = []
    for number in range(sources * each):
        source = (f"127.0.1.{number % sources + 1}", 0)
        _, writer = await asyncio.open_connection("127.0.0.1", agent.port, local_addr=source)
        writer.write(CLIENT_HELLO if number % 2 else b"")
        writers.append(writer)
    return writers


@pytest.mark.parametrize(("sources", "each"), [(1, 800), (8, 100)])
def test_crowds(on_agent: Callable[..., None], sources: int, each: int) -> None:
    """S-15: of strangers so many stay and no more; who belongs here is served at once.

    So is one who comes from the strangers' own address: not the newest one gives way.
    """
    handshakes = min(limits.HANDSHAKES_MAX, sources * limits.HANDSHAKES_PER_SOURCE_MAX)
    mute = min(limits.STRANGERS_MAX, sources * limits.STRANGERS_PER_SOURCE_MAX)

    async def act(agent: Agent) -> None:
        running = await dial_agent(peer_at(agent.port), agent.lab.operator)
        writers = await crowd(agent, sources, each)
        await until(lambda: agent.n_refused >= sources * each - mute)
        await running.channel.send(m.Ping(1))
        assert 1 == (await running.channel.receive()).number
        for source in ("127.0.0.1", "127.0.1.1"):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1",
                agent.port,
                ssl=agent.lab.operator.credentials.client_context(),
                server_hostname="h1",
                local_addr=(source, 0),
            )
            other = await greet(peer_at(agent.port), StreamChannel(reader, writer, m.CONTROL))
            await other.channel.close()
        assert agent.n_strangers <= mute
        assert agent.n_handshakes <= handshakes
        for each_writer in writers:
            each_writer.transport.abort()
        await until(lambda: agent.n_refused >= sources * each)
        await agent.check_serves()
        await running.channel.close()

    on_agent(act)


def test_log_is_bounded(on_agent: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    """S-38: a source that comes again and again gets a line for each tenfold, on one line each."""

    async def act(agent: Agent) -> None:
        for number in range(25):
            reader, writer = await agent.connect()
            writer.write(b"\nrefused 1.2.3.4: forged\n")
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.transport.abort()
            await until(lambda: agent.n_refused > number)  # noqa: B023  awaited here
        lines = [line for line in caplog.text.splitlines() if "refused" in line]
        assert [1, 2, 10] == [int(line.split("(")[1].split()[0]) for line in lines]
        assert "forged" not in caplog.text

    on_agent(act)
