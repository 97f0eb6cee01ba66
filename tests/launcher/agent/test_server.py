"""The listening agent on real sockets: who belongs here is served."""

from __future__ import annotations

import _pickle
import asyncio
import contextlib
import marshal
import pickle
import re
import socket
from collections.abc import Callable
from typing import Any

import cloudpickle
import pytest

from distrcomp.preamble import Preamble, pack_preamble
from launcher.agent.server import Server, listen
from launcher.control import messages as m
from launcher.errors import CannotStart
from launcher.run.connect import dial_agent
from tests.launcher.agent.agent_kit import RUN_ID, Launcher, play, until
from tests.launcher.agent.server_kit import Agent
from tests.launcher.lab import peer_at

pytestmark = pytest.mark.processes


class FakeHost:
    """Takes every connection for a node, and no session."""

    def __init__(self) -> None:
        self.taken: list[tuple[Preamble, socket.socket]] = []

    def hand_over(self, preamble: Preamble, connection: socket.socket) -> bool:
        self.taken.append((preamble, connection))
        return True


# --- who belongs here ----------------------------------------------------------------------------


def test_operator(on_agent: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    """The operator of the cluster is welcomed, by name and role, and may run programs."""

    async def act(agent: Agent) -> None:
        connection = await dial_agent(peer_at(agent.port), agent.lab.operator)
        assert ("h1", 4) == (connection.welcome.name, connection.welcome.slots)
        launcher = Launcher(connection.channel, asyncio.ensure_future(asyncio.sleep(0, None)))
        launcher.greet = _greeted  # type: ignore[method-assign]
        await launcher.run("print('hello')")
        await launcher.hear(m.NodeExited)
        assert b"hello\n" == launcher.printed()
        await launcher.say(m.CloseRun())
        await launcher.hear(m.RunClosed)
        await connection.channel.close()
        assert 0 == agent.n_refused
        assert "operator connected from 127.0.0.1" in caplog.text
        assert re.search(r"run [0-9a-f]{8} .*: 1 node starts\n", caplog.text)
        assert re.search(r"run [0-9a-f]{8}: ended\n", caplog.text)

    on_agent(act)


def test_no_unpickling(on_agent: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """S-03: an agent loads no pickle and no marshalled code, in a whole run with failing nodes."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was unpickled")

    async def act(agent: Agent) -> None:
        connection = await dial_agent(peer_at(agent.port), agent.lab.operator)
        launcher = Launcher(connection.channel, asyncio.ensure_future(asyncio.sleep(0, None)))
        launcher.greet = _greeted  # type: ignore[method-assign]
        with monkeypatch.context() as patch:
            for module in (pickle, cloudpickle, marshal, _pickle):
                for name in ("load", "loads", "Unpickler"):
                    if hasattr(module, name):
                        patch.setattr(module, name, refuse)
            await launcher.run("print('hello')\nraise ValueError(lambda: 1)")
            failed = await launcher.hear(m.NodeFailed)
            await launcher.hear(m.NodeExited)
            await launcher.say(m.CloseRun())
            await launcher.hear(m.RunClosed)
        assert "ValueError" in failed.error
        await connection.channel.close()

    on_agent(act)


async def _greeted() -> Any:
    return None


def test_end_of_the_server(on_agent: Callable[..., None]) -> None:
    """A server that is stopped ends the sessions it has, with their nodes."""

    async def act(agent: Agent) -> None:
        connection = await dial_agent(peer_at(agent.port), agent.lab.operator)
        launcher = Launcher(connection.channel, asyncio.ensure_future(asyncio.sleep(0, None)))
        launcher.greet = _greeted  # type: ignore[method-assign]
        await launcher.run("import time\nprint('up')\ntime.sleep(1000)")
        await launcher.hear(m.Output)

    on_agent(act)


# --- nodes ---------------------------------------------------------------------------------------


def test_unknown_run(on_agent: Callable[..., None]) -> None:
    """S-26: a preamble for a run or a node that is not here is refused, without an answer."""

    async def act(agent: Agent) -> None:
        for preamble in (Preamble(RUN_ID, 0, 1), Preamble(bytes(16), 2**32 - 1, 0)):
            why = "it asks for a node that does not run here"
            assert b"" == await agent.check_refuses(pack_preamble(preamble), why)

    on_agent(act)


def test_hand_over(credentials: Any) -> None:
    """A node's connection is handed over with not a byte read beyond its preamble."""
    host = FakeHost()

    async def act() -> None:
        listeners = listen("127.0.0.1", 0)
        task = asyncio.ensure_future(Server(host, credentials).serve(listeners))  # type: ignore[arg-type]
        address = listeners[0].getsockname()
        _, writer = await asyncio.open_connection(*address)
        preamble = Preamble(RUN_ID, 3, 4)
        for byte in pack_preamble(preamble):
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        writer.write(b"the node's own")
        await until(lambda: host.taken)
        ((taken, connection),) = host.taken
        assert preamble == taken
        got = b""
        while len(got) < len(b"the node's own"):
            got += await asyncio.get_running_loop().sock_recv(connection, 100)
        assert b"the node's own" == got
        connection.close()
        writer.transport.abort()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    play(act)


def test_many_nodes_at_once(credentials: Any) -> None:
    """All nodes of a machine may dial at once, each a moment before it says for whom (F-19)."""
    host = FakeHost()

    async def act() -> None:
        listeners = listen("127.0.0.1", 0)
        server = Server(host, credentials)  # type: ignore[arg-type]
        task = asyncio.ensure_future(server.serve(listeners))
        address = listeners[0].getsockname()
        dialled = [await asyncio.open_connection(*address) for _ in range(200)]
        await until(lambda: 200 == len(server._strangers))
        for number, (_, writer) in enumerate(dialled):
            writer.write(pack_preamble(Preamble(RUN_ID, number, 300)))
        await until(lambda: 200 == len(host.taken))
        assert 0 == server.refusals.total
        for _, writer in dialled:
            writer.transport.abort()
        for _, connection in host.taken:
            connection.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    play(act)


# --- the port ------------------------------------------------------------------------------------


def test_pause(credentials: Any) -> None:
    """While it pauses whoever dials waits, and may be taken by others; later it is served."""

    async def act() -> None:
        host, listeners = FakeHost(), listen("127.0.0.1", 0)
        server = Server(host, credentials)  # type: ignore[arg-type]
        task = asyncio.ensure_future(server.serve(listeners))
        await server.pause()
        clients = [await _dial_node(listeners) for _ in range(2)]
        loop = asyncio.get_running_loop()
        taken, _ = await loop.sock_accept(listeners[0])
        assert [] == host.taken
        server.resume()
        await until(lambda: host.taken)
        await server.pause()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for connection in (taken, *clients, *(each for _, each in host.taken)):
            connection.close()
        assert 1 == len(host.taken)

    play(act)


async def _dial_node(listeners: list[socket.socket]) -> socket.socket:
    """A connection of a node."""
    client = socket.socket()
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, listeners[0].getsockname())
    await loop.sock_sendall(client, pack_preamble(Preamble(RUN_ID, 0, 1)))
    return client


def test_port_in_use() -> None:
    """F-16: a port that is taken is named, with who holds it."""
    (holder,) = listen("127.0.0.1", 0)
    with contextlib.closing(holder):
        port = holder.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"port {port} is in use by .*\(pid \d+\)"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-name.invalid"])
def test_foreign_address(host: str) -> None:
    """An address that is not this machine's is one clear sentence."""
    with pytest.raises(CannotStart, match=host):
        listen(host, 0)


def test_listens_where_told() -> None:
    """S-45: on loopback means on loopback."""
    (listener,) = listen("127.0.0.1", 0)
    with contextlib.closing(listener):
        assert "127.0.0.1" == listener.getsockname()[0]
