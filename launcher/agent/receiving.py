"""The files of one run on their way into its sandbox on this peer, and out of it again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrcomp.errors import ProtocolError

from .. import limits
from ..control import files as f
from ..control import messages as m
from ..control import passing as p
from ..control.channel import Channel
from ..errors import CannotStart, DamagedContent, LauncherError, PeerRefused
from ..ship.manifest import FileEntry, Manifest, check_manifest, unpack_manifest
from ..ship.patterns import Patterns
from ..ship.store import Store
from ..ship.writing import BlobWriter
from .guardian import Guardian
from .sandbox import Sandbox

if TYPE_CHECKING:
    from .passing import Pass


class Receiving:
    """Takes a run's bundle and lays it.

    Args:
        run_id: the run.
        store, sandboxes, guardian: of the agent.
        tell: sends a message to the run's launcher.

    Attributes:
        sandbox: where the files lie; None until all are there, and again after `end`.
        own_pass: by what it proves itself to the run's other peers; None: there is no need to.
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
        self.own_pass: Pass | None = None
        self.store = self._store = store
        self._run_id = run_id
        self._sandboxes = sandboxes
        self._guardian = guardian
        self._tell = tell
        self._manifest = Manifest(())
        self._entries: dict[bytes, FileEntry] = {}
        self._unlaid: tuple[FileEntry, ...] = ()
        self._awaited: dict[bytes, FileEntry] = {}
        self._begun: dict[bytes, BlobWriter] = {}
        self._writer: BlobWriter | None = None
        self._spoilt: list[FileEntry] = []
        self._n_asked = 0
        self._is_stock = False
        self._fetching: asyncio.Task[None] | None = None
        self._is_fetching = False
        self._giving: set[asyncio.Task[Any]] = set()
        self._untold_bytes = 0
        self._sending: asyncio.Task[None] | None = None
        self._laying: asyncio.Future[list[FileEntry]] | None = None

    async def open(self, order: m.OpenRun) -> None:
        """Takes the manifest and says what is missing; raises BadManifest."""
        manifest = unpack_manifest(order.manifest)
        check_manifest(manifest)
        self._manifest, self._unlaid = manifest, manifest.files
        self._entries = {entry.sha256: entry for entry in manifest.files}
        self._is_stock = order.is_stock
        self._store.pin(entry.sha256 for entry in manifest.files)
        missing = self._store.missing(manifest.files)
        laid = () if order.is_stock else manifest.files
        self._store.make_room(sum(entry.size for entry in (*missing, *laid)))
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
        await self._tell(m.Missing(tuple(self._awaited), self._offsets()))

    def _offsets(self) -> tuple[int, ...]:
        begun = {sha256: writer.size for sha256, writer in self._begun.items()}
        return tuple(begun.get(sha256, 0) for sha256 in self._awaited)

    async def take_blob(self, part: m.BlobPart) -> None:
        """Takes the next bytes of a blob that was missing; one blob after the other."""
        if self._is_fetching:
            raise PeerRefused("a blob came while others are fetched")
        writer, self._writer = self._writer or self._begin(part.sha256), None
        if writer.entry.sha256 != part.sha256:
            writer.suspend()
            raise PeerRefused("a blob came before the one before it was whole")
        writer.write(part.data)
        if not part.last:
            self._writer = writer
            return
        self._finish(writer)
        await self._lay_if_complete()

    def _begin(self, sha256: bytes) -> BlobWriter:
        entry = self._awaited.get(sha256)
        if entry is None:
            raise PeerRefused("a blob came that was not asked for")
        return self._begun.pop(sha256, None) or self._store.writer(entry)

    def _finish(self, writer: BlobWriter) -> None:
        """All of a blob is here; if it was begun earlier, that may have been wrong."""
        try:
            writer.commit()
        except DamagedContent:
            if not writer.begun_bytes:
                raise
            self._spoilt.append(writer.entry)
        del self._awaited[writer.entry.sha256]

    # --- from another peer, and to others -------------------------------------------------------

    def take_pass(self, order: p.TakePass) -> None:
        """From now on this peer can prove itself to the run's others."""
        from .passing import Pass  # loads much that a run of one machine needs not

        self.own_pass = Pass(self._run_id, order)

    def fetch(self, order: p.FetchFrom) -> None:
        """Gets what is missing from another peer, in the background."""
        if self._fetching is not None or self._writer is not None or self.own_pass is None:
            raise PeerRefused("nothing can be fetched now")
        self._is_fetching = True
        self._fetching = asyncio.ensure_future(self._fetch(order, self.own_pass))

    async def _fetch(self, order: p.FetchFrom, own_pass: Pass) -> None:
        try:
            async with own_pass.dialled(order) as channel:
                await self._fetch_all(channel, list(self._awaited))
            self._is_fetching = False
            await self._lay_if_complete()
        except (LauncherError, ProtocolError, OSError, ValueError) as error:
            if not self._is_fetching:  # all is here, and cannot be laid
                await self._tell(m.Refused(str(error)))
                return
            self._is_fetching = False
            why = str(error) or type(error).__name__
            await self._tell(p.NotFetched(why, tuple(self._awaited), self._offsets()))

    async def _fetch_all(self, channel: Channel, wanted: list[bytes]) -> None:
        """Asks some way ahead, or each small file would take a round trip."""
        n_asked = 0
        for at, sha256 in enumerate(wanted):
            for ahead in wanted[n_asked : at + limits.WANTED_AHEAD]:
                begun = self._begun.get(ahead)
                await channel.send(p.WantBlob(ahead, 0 if begun is None else begun.size))
                n_asked += 1
            await self._fetch_one(channel, sha256)

    async def _fetch_one(self, channel: Channel, sha256: bytes) -> None:
        writer = self._begin(sha256)
        self._begun[sha256] = writer  # if it is cut off, the launcher goes on from there
        is_whole = False
        while not is_whole:
            async with asyncio.timeout(limits.FETCH_STALL_TIMEOUT_S):
                part = await channel.receive()
            if not isinstance(part, m.BlobPart) or part.sha256 != sha256:
                raise PeerRefused(part.why if isinstance(part, m.Refused) else "it sent another")
            if not part.data and not part.last:
                raise PeerRefused("it sent nothing")
            try:
                writer.write(part.data)
            except LauncherError:
                del self._begun[sha256]
                raise
            is_whole = part.last
            await self._tell_of(len(part.data), is_whole)
        del self._begun[sha256]
        self._finish(writer)

    async def _tell_of(self, n_bytes: int, is_whole: bool) -> None:
        self._untold_bytes += n_bytes
        if self._untold_bytes >= limits.FETCH_TOLD_BYTES or (is_whole and self._untold_bytes):
            n_bytes, self._untold_bytes = self._untold_bytes, 0
            await self._tell(p.FetchedSoFar(n_bytes))

    async def give_to(self, channel: Channel) -> None:
        """Gives another peer, which has proven itself, what it asks for; until it has gone."""
        from .passing import give

        task = asyncio.current_task()
        if task is None or len(self._giving) >= limits.GIVEN_AT_ONCE_MAX:
            return
        self._giving.add(task)
        try:
            await give(channel, self._store, self._find)
        finally:
            self._giving.discard(task)

    def _find(self, sha256: bytes) -> FileEntry | None:
        return None if sha256 in self._awaited else self._entries.get(sha256)

    # --- laying ---------------------------------------------------------------------------------

    async def _lay_if_complete(self) -> None:
        """Lays the files once all are there; asks anew for what proves to be damaged."""
        if self._awaited:
            return
        lost, self._spoilt = self._spoilt, []
        if not lost:
            lost = await self._lay()
        if not lost:
            await self._tell(m.Shipped())
            return
        await self._ask(self._store.missing(lost))
        await self._lay_if_complete()

    async def _lay(self) -> list[FileEntry]:
        """Lays what is not laid yet; what of that was damaged."""
        if self._is_stock:
            return await asyncio.to_thread(self._store.damaged, self._unlaid)
        if self.sandbox is None:
            self.sandbox = Sandbox.create(self._sandboxes)
            self._guardian.watch_folder(str(self.sandbox.path))
        self._laying = asyncio.ensure_future(
            asyncio.to_thread(self.sandbox.lay, Manifest(self._unlaid), self._store)
        )
        damaged = await asyncio.shield(self._laying)
        self._unlaid = tuple(damaged)
        return damaged

    def stocked(self) -> Manifest:
        """What has come for the store alone; raises PeerRefused unless all has."""
        if not self._is_stock or self._awaited or self._is_fetching:
            raise PeerRefused("its files have not come")
        return self._manifest

    def release(self) -> None:
        """All peers have the files, or will not get them: the store may drop what it must."""
        for task in self._giving:
            task.cancel()
        self._store.unpin(entry.sha256 for entry in self._manifest.files)
        self._manifest = Manifest(())
        self._entries = {}
        self._store.evict()

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
        for task in (self._fetching, self._sending):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        if self._laying is not None:  # a thread that still writes there cannot be stopped
            await asyncio.wait([self._laying])
        for writer in (self._writer, *self._begun.values()):
            if writer is not None:
                writer.suspend()
        self.release()
        sandbox, self.sandbox = self.sandbox, None
        if sandbox is None:
            return m.RunClosed((), 0, ())
        names, count = await asyncio.to_thread(sandbox.foreign_files, limits.LOST_FILES_MAX)
        remains = await asyncio.to_thread(sandbox.remove)
        if not remains:
            self._guardian.forget_folder(str(sandbox.path))
        return m.RunClosed(tuple(names), count, tuple(str(path) for path in remains))
