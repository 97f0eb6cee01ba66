"""A run on one peer, driven as a host drives it, and a launcher that only listens."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from launcher.agent.guardian import Guardian
from launcher.agent.peer_run import PeerRun
from launcher.agent.starter import Starter
from launcher.control import messages as m
from launcher.ship.store import Store
from tests.launcher.agent.agent_kit import RUN_ID, opening, order


class Told:
    """All that the run tells its launcher."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.changed = asyncio.Event()

    async def __call__(self, message: Any) -> None:
        self.messages.append(message)
        self.changed.set()

    def all(self, kind: type) -> list[Any]:
        """The messages of one class so far."""
        return [message for message in self.messages if isinstance(message, kind)]

    async def wait(self, kind: type, count: int = 1) -> list[Any]:
        """Returns once there are so many of one class."""
        while len(found := self.all(kind)) < count:
            self.changed.clear()
            await self.changed.wait()
        return found

    def printed(self, node: int = 0, stream: int = 1) -> str:
        """What a node has printed."""
        parts = [
            each.data for each in self.all(m.Output) if (each.node, each.stream) == (node, stream)
        ]
        return b"".join(parts).decode()


@contextlib.asynccontextmanager
async def opened(
    folder: Path, make_store: Callable[[Path, int], Store] = Store
) -> AsyncIterator[tuple[PeerRun, Told]]:
    """A run that has not begun; closed at the end, when nothing may lie there."""
    told = Told()
    guardian = Guardian()
    with contextlib.closing(make_store(folder / "store", 10**7)) as store:
        starter = Starter(guardian)
        run = PeerRun(RUN_ID, store, folder / "sandboxes", guardian, starter, told)
        try:
            yield run, told
        finally:
            await run.close()
            starter.close()
            guardian.release()
    assert [] == list((folder / "sandboxes").glob("*"))


async def ship(run: PeerRun, told: Told, files: dict[str, str]) -> None:
    """Gives the run these files."""
    await run.files.open(opening(files))
    contents = {hashlib.sha256(text.encode()).digest(): text for text in files.values()}
    for sha256 in told.all(m.Missing)[0].hashes:
        await run.files.take_blob(m.BlobPart(sha256, contents[sha256].encode(), last=False))
        await run.files.take_blob(m.BlobPart(sha256, b"", last=True))
    await told.wait(m.Shipped)


async def start(run: PeerRun, told: Told, program: str, n_node: int = 1, **other: Any) -> None:
    """Ships a program and has it run on so many nodes."""
    await ship(run, told, {"prog.py": program})
    await run.start(order(n_node, **other))
    await told.wait(m.NodeReady, n_node)
    run.go()
