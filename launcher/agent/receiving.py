"""The files of one run on their way into its sandbox on this peer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from .. import limits
from ..control import messages as m
from ..errors import CannotStart, DamagedContent, PeerRefused
from ..ship.manifest import FileEntry, Manifest, check_manifest, unpack_manifest
from ..ship.store import Store
from ..ship.writing import BlobWriter
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
        self._unlaid: tuple[FileEntry, ...] = ()
        self._awaited: dict[bytes, FileEntry] = {}
        self._begun: dict[bytes, BlobWriter] = {}
        self._writer: BlobWriter | None = None
        self._spoilt: list[FileEntry] = []
        self._n_asked = 0
        self._laying: asyncio.Future[list[FileEntry]] | None = None

    async def open(self, packed: bytes) -> None:
        """Takes the manifest and says what is missing; raises BadManifest."""
        manifest = unpack_manifest(packed)
        check_manifest(manifest, limits.BUNDLE_FILES_MAX, limits.BUNDLE_BYTES_MAX)
        self._manifest, self._unlaid = manifest, manifest.files
        self._store.pin(entry.sha256 for entry in manifest.files)
        missing = self._store.missing(manifest.files)
        for entry in self._store.begun(missing)[: limits.RESUMED_MAX]:
            writer = await asyncio.to_thread(self._store.resumed, entry)
            if writer is not None:
                self._begun[entry.sha256] = writer
        await self._ask(missing)
        await self._lay_if_complete()

    async def _ask(self, missing: list[FileEntry]) -> None:
        """Has the launcher send what is missing; not for ever."""
        self._n_asked += 1
        if self._n_asked > limits.MISSING_MAX:
            raise CannotStart(f"what is written to {self._store.folder} is damaged again and again")
        self._awaited = {entry.sha256: entry for entry in missing}
        begun = {sha256: writer.size for sha256, writer in self._begun.items()}
        offsets = tuple(begun.get(sha256, 0) for sha256 in self._awaited)
        await self._tell(m.Missing(tuple(self._awaited), offsets))

    async def take_blob(self, part: m.BlobPart) -> None:
        """Takes the next bytes of a blob that was missing; one blob after the other."""
        writer, self._writer = self._writer or self._begin(part.sha256), None
        if writer.entry.sha256 != part.sha256:
            writer.suspend()
            raise PeerRefused("a blob came before the one before it was whole")
        writer.write(part.data)
        if not part.last:
            self._writer = writer
            return
        entry = self._awaited.pop(part.sha256)
        try:
            writer.commit()
        except DamagedContent:
            if not writer.was_begun:
                raise
            self._spoilt.append(entry)  # what was kept of it must have been wrong
        await self._lay_if_complete()

    def _begin(self, sha256: bytes) -> BlobWriter:
        entry = self._awaited.get(sha256)
        if entry is None:
            raise PeerRefused("a blob came that was not asked for")
        return self._begun.pop(sha256, None) or self._store.writer(entry)

    async def _lay_if_complete(self) -> None:
        """Lays the files once all are there; asks anew for what proves to be damaged."""
        if self._awaited:
            return
        lost, self._spoilt = self._spoilt, []
        if not lost:
            lost = await self._lay()
        if not lost:
            self._unpin()
            await self._tell(m.Shipped())
            return
        await self._ask(self._store.missing(lost))
        await self._lay_if_complete()

    async def _lay(self) -> list[FileEntry]:
        """Lays what is not laid yet; what of that was damaged."""
        if self.sandbox is None:
            self.sandbox = Sandbox.create(self._sandboxes)
            self._guardian.watch_folder(str(self.sandbox.path))
        self._laying = asyncio.ensure_future(
            asyncio.to_thread(self.sandbox.lay, Manifest(self._unlaid), self._store)
        )
        damaged = await asyncio.shield(self._laying)
        self._unlaid = tuple(damaged)
        return damaged

    def _unpin(self) -> None:
        """The sandbox holds copies, so the store may drop what it must."""
        self._store.unpin(entry.sha256 for entry in self._manifest.files)
        self._manifest = Manifest(())
        self._store.evict()

    async def end(self) -> m.RunClosed:
        """Removes the files; no node may be left."""
        if self._laying is not None:  # a thread that still writes there cannot be stopped
            await asyncio.wait([self._laying])
        for writer in (self._writer, *self._begun.values()):
            if writer is not None:
                writer.suspend()
        self._unpin()
        sandbox, self.sandbox = self.sandbox, None
        if sandbox is None:
            return m.RunClosed((), 0, ())
        names, count = await asyncio.to_thread(sandbox.foreign_files, limits.LOST_FILES_MAX)
        remains = await asyncio.to_thread(sandbox.remove)
        if not remains:
            self._guardian.forget_folder(str(sandbox.path))
        return m.RunClosed(tuple(names), count, tuple(str(path) for path in remains))
