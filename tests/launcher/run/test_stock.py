"""A bundle goes to the stores of real agents on loopback, and from there to others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from distrcomp.preamble import AGENT_ITSELF, Preamble, pack_preamble
from launcher import limits
from launcher.agent.host import Host
from launcher.agent.passing import Pass
from launcher.agent.refusals import Refusals
from launcher.agent.server import Server, listen
from launcher.cluster.credentials import Credentials
from launcher.cluster.peers_file import Peer
from launcher.cluster.run_credentials import RunAuthority
from launcher.control import messages as m
from launcher.control import passing as p
from launcher.run.connect import Connection, connect_all
from launcher.run.stock import Stocked, stock
from launcher.run.table import View
from launcher.ship.bundle import Bundle, Wanted, collect
from launcher.ship.manifest import pack_manifest
from tests.launcher.agent.agent_kit import play, until
from tests.launcher.lab import Lab

pytestmark = pytest.mark.processes

SIZE = 300_000
N = 6


class Field:
    """Agents on loopback, and a bundle with a file that is worth passing on.

    Attributes:
        hosts, servers: of the agents; peers: how to reach them; bundle: what is shipped.
    """

    def __init__(self, folder: Path, lab: Lab, members: list[Credentials]) -> None:
        self.folder = folder
        self.lab = lab
        self._members = members
        self.hosts: list[Host] = []
        self.servers: list[Server] = []
        self.peers: list[Peer] = []
        self._tasks: list[asyncio.Task[None]] = []
        (folder / "big").write_bytes(b"0123456789" * (SIZE // 10))
        (folder / "small").write_text("s")
        self.bundle: Bundle = collect(Wanted(None, None, ("big", "small"), (), folder))

    async def add(self, name: str) -> None:
        """One agent more."""
        listeners = listen("127.0.0.1", 0)
        self.peers.append(Peer("127.0.0.1", listeners[0].getsockname()[1], None, name))
        self.hosts.append(Host(self.folder / name, name, 1))
        self.servers.append(Server(self.hosts[-1], self._members[len(self._tasks)]))
        self._tasks.append(asyncio.ensure_future(self.servers[-1].serve(listeners)))

    async def end(self, peer: int) -> None:
        """An agent ends."""
        if self._tasks[peer].done():
            return
        self._tasks[peer].cancel()
        await asyncio.gather(self._tasks[peer], return_exceptions=True)
        await self.hosts[peer].close()

    async def connect(self) -> list[Connection]:
        """A connection to each."""
        return await connect_all(self.peers, self.lab.operator, None)

    async def stock(self) -> Stocked:
        """Brings the bundle to all."""
        return await stock(self.bundle, await self.connect(), View())

    def n_held(self) -> int:
        """How many agents have all of it."""
        sha256s = [entry.sha256.hex() for entry in self.bundle.manifest.files]
        stores = [self.folder / peer.label / "store" for peer in self.peers]
        return sum(all((store / sha256).exists() for sha256 in sha256s) for store in stores)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The cluster of the agents."""
    return Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def members(lab: Lab) -> list[Credentials]:
    """Those of the agents."""
    return [lab.agent(f"a{number}") for number in range(N)]


@pytest.fixture
def on_field(
    tmp_path: Path,
    lab: Lab,
    members: list[Credentials],
    leaks: object,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Callable[[Field], Awaitable[None]]], None]:
    """Plays an act among six agents; at the end nothing of it lies there but the contents."""
    monkeypatch.setattr(limits, "PASSED_BYTES_MIN", SIZE // 2)

    @contextlib.asynccontextmanager
    async def field() -> AsyncIterator[Field]:
        made = Field(tmp_path, lab, members)
        try:
            for number in range(N):
                await made.add(f"a{number}")
            yield made
        finally:
            for peer in range(len(made.hosts)):
                await made.end(peer)

    def run(act: Callable[[Field], Awaitable[None]]) -> None:
        async def go() -> None:
            async with field() as made:
                await act(made)
                assert [{}] * N == [host._runs for host in made.hosts]

        play(go)
        assert [] == list(tmp_path.glob("*/sandboxes/*"))
        assert [] == [each for each in tmp_path.glob("*/store/*") if "-" in each.name]

    return run


def test_passed_on(on_field: Any) -> None:
    """Six agents get it, four of them from the launcher; a second time nothing is sent."""

    async def act(field: Field) -> None:
        first, second = await field.stock(), await field.stock()
        assert (4 * (SIZE + 1), (), 0) == (first.sent_bytes, first.problems, first.exit_code)
        assert {f"a{number}": SIZE + 1 for number in range(N)} == first.lacked_bytes
        assert N == field.n_held()
        assert (0, {0}) == (second.sent_bytes, set(second.lacked_bytes.values()))

    on_field(act)


def test_nobody_gives(on_field: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents that can't be reached by the others: the launcher sends to all."""

    async def act(field: Field) -> None:
        connections = [
            Connection(Peer("127.0.0.1", 1, None, each.peer.name), each.channel, each.welcome)
            for each in await field.connect()
        ]
        stocked = await stock(field.bundle, connections, View())
        assert (N * (SIZE + 1), (), 0) == (stocked.sent_bytes, stocked.problems, stocked.exit_code)
        assert N == field.n_held()

    on_field(act)


def test_a_giver_that_lies(on_field: Any) -> None:
    """What is passed on is believed by its hash: the launcher sends it instead (S-24)."""

    async def act(field: Field) -> None:
        first = await field.stock()
        assert 0 == first.exit_code
        big = field.bundle.manifest.files[0].sha256.hex()
        for peer in range(1, N):
            (field.folder / f"a{peer}/store" / big).unlink()

        async def lie(*_: object) -> None:
            (field.folder / "a0/store" / big).write_bytes(b"x" * SIZE)

        give_to = field.hosts[0].give_to

        async def give_lies(*told: Any) -> None:
            await lie()
            await give_to(*told)

        field.hosts[0].give_to = give_lies  # type: ignore[method-assign]
        stocked = await field.stock()
        assert ((), 0) == (stocked.problems, stocked.exit_code)
        assert N - 1 == len(list(field.folder.glob(f"a[1-5]/store/{big}")))
        contents = {each.read_bytes() for each in field.folder.glob(f"a[1-5]/store/{big}")}
        assert {b"0123456789" * (SIZE // 10)} == contents

    on_field(act)


def test_a_giver_that_stops(on_field: Any) -> None:
    """A connection between two peers that breaks: the launcher goes on where it was cut off."""

    class Breaking:
        """A channel that closes behind the first part of a large file."""

        def __init__(self, channel: Any) -> None:
            self._channel = channel
            self.receive = channel.receive
            self.close = channel.close

        async def send(self, message: Any) -> None:
            await self._channel.send(message)
            if len(getattr(message, "data", "")) == limits.SHIP_CHUNK_BYTES:
                await self._channel.close()

    async def act(field: Field) -> None:
        assert 0 == (await field.stock()).exit_code
        for peer in range(1, N):
            for blob in (field.folder / f"a{peer}/store").glob("[0-9a-f]*[0-9a-f]"):
                blob.unlink()
        n_given = 0

        def breaking(give: Any) -> Any:
            async def give_to(preamble: Preamble, channel: Any) -> None:
                nonlocal n_given
                n_given += 1
                await give(preamble, Breaking(channel))

            return give_to

        for host in field.hosts:
            host.give_to = breaking(host.give_to)  # type: ignore[method-assign]
        stocked = await field.stock()
        assert ((), 0) == (stocked.problems, stocked.exit_code)
        assert 1 <= n_given
        here = n_given * limits.SHIP_CHUNK_BYTES
        assert (N - 1) * (SIZE + 1) - here == stocked.sent_bytes
        assert N == field.n_held()

    on_field(act)


def test_a_peer_that_disappears(on_field: Any) -> None:
    """The others get everything, and who has gone is named."""

    async def act(field: Field) -> None:
        connections = await field.connect()
        await field.end(5)
        stocked = await stock(field.bundle, connections, View())
        assert 3 == stocked.exit_code
        assert ["a5"] == [problem.split(":")[0] for problem in stocked.problems]
        assert N - 1 == field.n_held() == len(stocked.lacked_bytes)

    on_field(act)


def test_strangers(on_field: Any, caplog: pytest.LogCaptureFixture) -> None:
    """S-26: who only knows the run's id, or bears a node's or another peer's name, gets nothing."""
    caplog.set_level(logging.INFO, "distrcomp.agent")
    run_id = b"i" * 16

    async def act(field: Field) -> None:
        authority, other = RunAuthority(run_id), RunAuthority(run_id)
        channel = (await field.connect())[0].channel
        await channel.send(m.OpenRun(run_id, pack_manifest(field.bundle.manifest), is_stock=True))
        port = field.peers[0].port

        async def ask(own: p.TakePass, peer: int = 0) -> Any:
            async with Pass(run_id, own).dialled(p.FetchFrom(peer, "127.0.0.1", port)) as there:
                await there.send(p.WantBlob(field.bundle.manifest.files[1].sha256, 0))
                return await there.receive()

        async def refused(act: Awaitable[Any], why: str) -> None:
            field.servers[0].refusals = Refusals()  # which would leave lines out
            caplog.clear()
            with pytest.raises(Exception):  # noqa: B017, PT011
                await act
            await until(lambda: why in caplog.text)

        def own(peer: int, maker: RunAuthority, certificate: str = "") -> p.TakePass:
            return p.TakePass(peer, maker.ca_pem, certificate or maker.peer(peer))

        await refused(ask(own(1, authority)), "passes none on")
        await channel.send(own(0, authority))
        await until(lambda: field.hosts[0]._runs[run_id].files.exchange.own_pass)
        missing = await channel.receive()
        for sha256 in missing.hashes:
            data = field.bundle.sources[sha256].read_bytes()
            await channel.send(m.BlobPart(sha256, data, last=True))
        assert m.Shipped() == await channel.receive()
        await refused(ask(own(1, authority, other.peer(1))), "its TLS handshake failed")
        await refused(ask(own(1, authority, authority.node(1))), "not the peer that it said")
        await refused(ask(own(1, authority, authority.peer(2))), "not the peer that it said")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(pack_preamble(Preamble(run_id, 1, AGENT_ITSELF)) + b"GET / HTTP/1.0\r\n\r\n")
        await refused(reader.readexactly(1000), "its TLS handshake failed")
        writer.transport.abort()
        part = await ask(own(1, authority))
        assert m.BlobPart(field.bundle.manifest.files[1].sha256, b"s", last=False) == part

        async with Pass(run_id, own(1, authority)).dialled(
            p.FetchFrom(0, "127.0.0.1", port)
        ) as there:
            await there.send(p.WantBlob(bytes(32), 0))
            assert m.Refused("it asked for what is not here") == await there.receive()
        await channel.close()
        await until(lambda: not field.hosts[0]._runs)
        await refused(ask(own(1, authority)), "passes none on")

    on_field(act)
