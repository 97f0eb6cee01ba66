"""The files of one run on this peer: into the store, into its sandbox, and out of it again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from .. import limits
from ..control import files as f
from ..control import messages as m
from ..control.channel import Channel
from ..errors import CannotStart, LauncherError, PeerRefused
from ..ship.manifest import FileEntry, Manifest, check_manifest, unpack_manifest
from ..ship.patterns import Patterns
from ..ship.store import Store
from .arriving import Arriving
from .exchange import Exchange
from .guardian import Guardian
from .sandbox import Sandbox


class RunFiles:
    """Takes a run's bundle and lays it; sends back what the program has written.

    Args:
        run_id: the run.
        store, sandboxes, guardian: of the agent.
        tell: sends a message to the run's launcher.

    Attributes:
        sandbox: where the files lie; None until all are there, and again after `end`.
        exchange: what comes from the run's other peers, and goes to them.
        store: where the contents are.
    """

    def __init__(
        self,
        run_id: bytes,
        store: Store,
        sandboxes: Path,
        guardian: Guardian,
        tell: Callable[[Any], Awaitable[None]],
    ) -> None:
        self.sandbox: Sandbox | None = None
        self.store = store
        self._sandboxes = sandboxes
        self._guardian = guardian
        self._tell = tell
        self._manifest = Manifest(())
        self._entries: dict[bytes, FileEntry] = {}
        self._unlaid: tuple[FileEntry, ...] = ()
        self._arriving = Arriving(store)
        self.exchange = Exchange(run_id, self._arriving, tell, self._lay_if_complete)
        self._n_asked = 0
        self._is_stock = False
        self._sending: asyncio.Task[None] | None = None
        self._laying: asyncio.Future[list[FileEntry]] | None = None

    async def open(self, order: m.OpenRun) -> None:
        """Takes the manifest and says what is missing; raises BadManifest."""
        manifest = unpack_manifest(order.manifest)
        check_manifest(manifest)
        self._manifest, self._unlaid = manifest, manifest.files
        self._entries = {entry.sha256: entry for entry in manifest.files}
        self._is_stock = order.is_stock
        self.store.pin(entry.sha256 for entry in manifest.files)
        missing = self.store.missing(manifest.files)
        laid = () if order.is_stock else manifest.files
        self.store.make_room(sum(entry.size for entry in (*missing, *laid)))
        await self._arriving.take_up(missing)
        await self._ask(missing)
        await self._lay_if_complete()

    async def _ask(self, missing: list[FileEntry]) -> None:
        """Has the launcher send what is missing; not for ever."""
        self._n_asked += 1
        if self._n_asked > limits.MISSING_MAX:
            raise CannotStart(f"what is written to {self.store.folder} is damaged again and again")
        self._arriving.awaited = {entry.sha256: entry for entry in missing}
        await self._tell(m.Missing(tuple(self._arriving.awaited), self._arriving.offsets()))

    async def take_blob(self, part: m.BlobPart) -> None:
        """Takes the next bytes of a blob that was missing; one blob after the other."""
        if self.exchange.is_fetching:
            raise PeerRefused("a blob came while others are fetched")
        if self._arriving.take(part):
            await self._lay_if_complete()

    async def give_to(self, channel: Channel) -> None:
        """Gives another peer, which has proven itself, what it asks for; until it has gone."""
        await self.exchange.give_to(channel, self.store, self._find)

    def _find(self, sha256: bytes) -> FileEntry | None:
        return None if sha256 in self._arriving.awaited else self._entries.get(sha256)

    # --- laying ---------------------------------------------------------------------------------

    async def _lay_if_complete(self) -> None:
        """Lays the files once all are there; asks anew for what proves to be damaged."""
        if self._arriving.awaited:
            return
        lost = self._arriving.take_spoilt()
        if not lost:
            lost = await self._lay()
        if not lost:
            await self._tell(m.Shipped())
            return
        await self._ask(self.store.missing(lost))
        await self._lay_if_complete()

    async def _lay(self) -> list[FileEntry]:
        """Lays what is not laid yet; what of that was damaged."""
        if self._is_stock:
            return await asyncio.to_thread(self.store.damaged, self._unlaid)
        if self.sandbox is None:
            self.sandbox = Sandbox.create(self._sandboxes)
            self._guardian.watch_folder(str(self.sandbox.path))
        self._laying = asyncio.ensure_future(
            asyncio.to_thread(self.sandbox.lay, Manifest(self._unlaid), self.store)
        )
        damaged = await asyncio.shield(self._laying)
        self._unlaid = tuple(damaged)
        return damaged

    def stocked(self) -> Manifest:
        """What has come for the store alone; raises PeerRefused unless all has."""
        if not self._is_stock or self._arriving.awaited or self.exchange.is_fetching:
            raise PeerRefused("its files have not come")
        return self._manifest

    def release(self) -> None:
        """All peers have the files, or will not get them: the store may drop what it must."""
        self.exchange.stop_giving()
        self.store.unpin(entry.sha256 for entry in self._manifest.files)
        self._manifest = Manifest(())
        self._entries = {}
        self.store.evict()

    # --- what the program has written -----------------------------------------------------------

    def send_back(
        self,
        patterns: Patterns,
        folders: Mapping[int, str],
        end_nodes: Callable[[], Awaitable[None]],
    ) -> None:
        """Sends files to the launcher, in the background, once no node is left.

        Args:
            patterns: which ones.
            folders: the folder in the sandbox in which each node has started.
            end_nodes: sees to it that no node is left.
        """
        if self._sending is not None:
            raise PeerRefused("its files are being sent already")
        self._sending = asyncio.ensure_future(self._send_back(patterns, folders, end_nodes))

    async def _send_back(
        self,
        patterns: Patterns,
        folders: Mapping[int, str],
        end_nodes: Callable[[], Awaitable[None]],
    ) -> None:
        from .collecting import send_files

        await end_nodes()
        try:
            if self.sandbox is not None:
                await send_files(self.sandbox, folders, patterns, self._tell)
        except (LauncherError, OSError) as error:
            await self._tell(f.FilesSent((str(error),)))

    async def end(self) -> m.RunClosed:
        """Removes the files; no node may be left."""
        await self.exchange.stop_fetching()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])
        if self._laying is not None:  # a thread that still writes there cannot be stopped
            await asyncio.wait([self._laying])
        self._arriving.suspend()
        self.release()
        sandbox, self.sandbox = self.sandbox, None
        if sandbox is None:
            return m.RunClosed((), 0, ())
        names, count = await asyncio.to_thread(sandbox.foreign_files, limits.LOST_FILES_MAX)
        remains = await asyncio.to_thread(sandbox.remove)
        if not remains:
            self._guardian.forget_folder(str(sandbox.path))
        return m.RunClosed(tuple(names), count, tuple(str(path) for path in remains))
