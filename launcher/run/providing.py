"""The launcher's part in the environments of a run: one lock, and all peers ready with it."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from distrcomp.errors import ProtocolError

from .. import limits
from ..cluster.home import Home
from ..control import environments as e
from ..control import messages as m
from ..environment.lock import Lock
from ..environment.locking import Keeper, make_lock
from ..environment.need import Need
from ..environment.pythons import fulfils
from ..environment.tags import Platform
from ..environment.wheels import Wheels
from ..errors import BadUsage, CannotStart, ChannelClosed
from .connect import Connection
from .plain import counted, listed
from .table import View


async def provide(
    need: Need,
    connections: Sequence[Connection],
    view: View,
    on_ready: Callable[[str], None],
    keeper: Keeper,
) -> tuple[Lock, tuple[str, ...]]:
    """Has every peer make the environment that the run needs; the lock, and notes for the report.

    Args:
        on_ready: told of each peer that is ready.
        keeper: of what locking makes.

    Raises:
        BadUsage: there is no such environment.
        CannotStart: some peer can't have it; the same reason is told once.
    """
    lock = await lock_for(need, connections, view, keeper)
    wheels = Wheels(lock, Home.find(os.environ).cache / "wheels", need.folder)
    wanted = e.WantEnvironment(lock.requirements, need.requires_python, lock.is_local)
    providers = [Provider(connection, wheels, view) for connection in connections]
    _raise_all(connections, await _outcomes([_ready(each, wanted, on_ready) for each in providers]))
    await asyncio.to_thread(wheels.evict)
    helped = [
        provider.label for provider in providers if provider.has_offered and not lock.is_local
    ]
    if not helped:
        return lock, ()
    return lock, (f"the packages went from here, not from an index, to {listed(helped)}",)


async def lock_for(
    need: Need, connections: Sequence[Connection], view: View, keeper: Keeper
) -> Lock:
    """Which versions these peers would get; raises BadUsage, CannotStart."""

    async def said(line: str) -> None:
        view.preparing("this machine", line)

    if not fulfils(platform.python_version(), need.requires_python):
        raise BadUsage(
            f"the program requires Python {need.requires_python}, and this is "
            f"{platform.python_version()}: run distrcomp and its agents with another Python"
        )
    view.preparing("this machine", "locking the program's packages")
    kept = Home.find(os.environ).cache / "locks"
    lock = await make_lock(need, _lowest(connections), kept, said, keeper)
    view.preparing("this machine", f"locked {counted(len(lock.packages), 'package')}")
    return lock


async def _ready(
    provider: Provider, wanted: e.WantEnvironment, on_ready: Callable[[str], None]
) -> None:
    await provider.provide(wanted)
    on_ready(provider.label)


async def _outcomes(acts: Sequence[Coroutine[Any, Any, None]]) -> list[BaseException | None]:
    """How each ended; after the first failure the others have a moment, and are then given up."""
    tasks = [asyncio.ensure_future(act) for act in acts]
    try:
        _, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        if running:
            await asyncio.wait(running, timeout=limits.LAST_WORD_S)
    finally:
        running = {task for task in tasks if not task.done()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return [None if task in running else task.exception() for task in tasks]


def _lowest(connections: Sequence[Connection]) -> str | None:
    """The lowest x.y among the peers, where they differ."""
    pythons = {connection.welcome.python for connection in connections}
    if len(pythons) < 2:
        return None
    return min(pythons, key=lambda text: [int(part) for part in text.split(".")])


def _raise_all(connections: Sequence[Connection], outcomes: Sequence[Any]) -> None:
    """One error for all that failed, each reason with those whose it is."""
    peers_of: dict[str, list[str]] = {}
    for connection, outcome in zip(connections, outcomes, strict=True):
        if isinstance(outcome, CannotStart):
            peers_of.setdefault(str(outcome), []).append(connection.peer.label)
        elif isinstance(outcome, BaseException):
            raise outcome
    if peers_of:
        raise CannotStart("\n".join(f"{listed(who)}: {why}" for why, who in peers_of.items()))


class Provider:
    """One peer's.

    Attributes:
        has_offered: whether it got wheels from here.
    """

    def __init__(self, connection: Connection, wheels: Wheels, view: View) -> None:
        self.label = connection.peer.label
        self.has_offered = False
        self._channel = connection.channel
        self._wheels = wheels
        self._view = view
        self._offered: dict[bytes, Path] = {}
        self._n_asked = 0

    async def provide(self, wanted: e.WantEnvironment) -> None:
        """Until the peer is ready; raises CannotStart if it will not be."""
        try:
            await self._channel.send(wanted)
            while not await self._answer(await self._channel.receive()):
                pass
        except (ChannelClosed, ProtocolError) as error:
            raise CannotStart(f"it was lost while it made the environment: {error}") from error

    async def _answer(self, message: Any) -> bool:
        """Does what the peer asks for; whether it is ready."""
        match message:
            case e.EnvironmentReady():
                self._view.preparing(self.label, "ready")
                return True
            case e.EnvironmentStep(text):
                self._view.preparing(self.label, text)
            case e.WheelsWanted():
                await self._offer(message)
            case e.WheelsMissing(hashes, offsets):
                await self._send(hashes, offsets)
            case e.EnvironmentFailed(why) | m.Refused(why):
                raise CannotStart(why)
            case m.Pong() | m.Note():
                pass
            case _:
                raise CannotStart(f"it sent {type(message).__name__}, which may not come now")
        return False

    async def _offer(self, wanted: e.WheelsWanted) -> None:
        if len(wanted.python) != 2 or len(wanted.libc_version) != 2:
            raise CannotStart("it sent WheelsWanted with impossible content")
        python, libc = wanted.python, wanted.libc_version
        self._view.preparing(self.label, "fetching wheels for it")
        try:
            wheels, why_not = await self._wheels.offer(
                Platform(
                    (python[0], python[1]),
                    wanted.abi,
                    wanted.machine,
                    wanted.libc,
                    (libc[0], libc[1]),
                )
            )
        except CannotStart as error:
            wheels, why_not = {}, f"nor can the launcher fetch them: {error}"
        files = []
        for name, path in wheels.items():
            sha256 = bytes.fromhex(path.name)
            self._offered[sha256] = path
            files.append(e.WheelFile(name, path.stat().st_size, sha256))
        self.has_offered = bool(files)
        await self._channel.send(e.OfferWheels(tuple(files), why_not))

    async def _send(self, hashes: Sequence[bytes], offsets: Sequence[int]) -> None:
        """Sends the rest of each, from where the peer has it."""
        self._n_asked += 1
        if self._n_asked > limits.MISSING_MAX:
            raise CannotStart("it asked for wheels again and again")
        sizes = {sha256: path.stat().st_size for sha256, path in self._offered.items()}
        if not set(hashes) <= sizes.keys() or len(hashes) != len(offsets):
            raise CannotStart("it asked for a wheel that was not offered")
        total, done = sum(sizes[sha256] for sha256 in hashes), sum(offsets)
        for sha256, offset in zip(hashes, offsets, strict=True):
            if not 0 <= offset <= sizes[sha256]:
                raise CannotStart("it asked for more of a wheel than there is")
            with self._offered[sha256].open("rb") as file:
                file.seek(offset)
                while data := file.read(limits.SHIP_CHUNK_BYTES):
                    await self._channel.send(e.WheelPart(sha256, data, last=False))
                    done += len(data)
                    got = f"{done / limits.MIB:.1f} of {total / limits.MIB:.1f} MiB of wheels"
                    self._view.preparing(self.label, got)
            await self._channel.send(e.WheelPart(sha256, b"", last=True))
