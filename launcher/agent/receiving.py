"""The files of one run on their way into its sandbox on this peer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from .. import limits
from ..control import messages as m
from ..errors import PeerRefused
from ..ship.manifest import FileEntry, Manifest, check_manifest, unpack_manifest
from ..ship.store import BlobWriter, Store
from .guardian import Guardian
from .sandbox import Sandbox


class Receiving:
    """Takes a run's bundle and lays it.

    Args:
        store, sandboxes, guardian: of the agent.
        tell: sends a message to the run's launcher.

    Attributes:
        sandbox: where the files lie; None until all are there, and again after `end`.
    """

    def __init__(
        self,
        store: Store,
        sandboxes: Path,
        guardian: Guardian,
        tell: Callable[[Any], Awaitable[None]],
    ) -> None:
        self.sandbox: Sandbox | None = None
        self._store = store
        self._sandboxes = sandboxes
        self._guardian = guardian
        self._tell = tell
        self._manifest = Manifest(())
        self._awaited: list[FileEntry] = []
        self._writer: BlobWriter | None = None
        self._laying: asyncio.Future[None] | None = None

    async def open(self, packed: bytes) -> None:
        """Takes the manifest and says what is missing; raises BadManifest."""
        manifest = unpack_manifest(packed)
        check_manifest(manifest, limits.BUNDLE_FILES_MAX, limits.BUNDLE_BYTES_MAX)
        self._manifest = manifest
        self._store.pin(entry.sha256 for entry in manifest.files)
        self._awaited = self._store.missing(manifest.files)
        await self._tell(m.Missing(tuple(entry.sha256 for entry in self._awaited)))
        await self._lay_if_complete()

    async def take_blob(self, part: m.BlobPart) -> None:
        """Takes the next bytes of the blobs that were missing, in the order they were named."""
        if not self._awaited or self._awaited[0].sha256 != part.sha256:
            raise PeerRefused("a blob came that was not asked for")
        writer, self._writer = self._writer or self._store.writer(self._awaited[0]), None
        writer.write(part.data)
        if not part.last:
            self._writer = writer
        else:
            writer.commit()
            del self._awaited[0]
            await self._lay_if_complete()

    async def _lay_if_complete(self) -> None:
        if self._awaited:
            return
        self.sandbox = Sandbox.create(self._sandboxes)
        self._guardian.watch_folder(str(self.sandbox.path))
        self._laying = asyncio.ensure_future(
            asyncio.to_thread(self.sandbox.lay, self._manifest, self._store)
        )
        await asyncio.shield(self._laying)
        self._unpin()
        await self._tell(m.Shipped())

    def _unpin(self) -> None:
        """The sandbox holds copies, so the store may drop what it must."""
        self._store.unpin(entry.sha256 for entry in self._manifest.files)
        self._manifest = Manifest(())
        self._store.evict()

    async def end(self) -> m.RunClosed:
        """Removes the files; no node may be left."""
        if self._laying is not None:  # a thread that still writes there cannot be stopped
            await asyncio.wait([self._laying])
        if self._writer is not None:
            self._writer.abandon()
        self._unpin()
        sandbox, self.sandbox = self.sandbox, None
        if sandbox is None:
            return m.RunClosed((), 0, ())
        names, count = await asyncio.to_thread(sandbox.foreign_files, limits.LOST_FILES_MAX)
        remains = await asyncio.to_thread(sandbox.remove)
        if not remains:
            self._guardian.forget_folder(str(sandbox.path))
        return m.RunClosed(tuple(names), count, tuple(str(path) for path in remains))
