"""Contents that a store lacks, on their way into it: what was asked for, and what is half there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from .. import limits
from ..control import environments as e
from ..control import messages as m
from ..errors import DamagedContent, PeerRefused
from ..ship.manifest import FileEntry
from ..ship.store import Store
from ..ship.writing import BlobWriter


class Arriving:
    """Those of one run, or of its environment, from its launcher or from another peer.

    Args:
        store: where they go.

    Attributes:
        awaited: what was asked for and is not whole yet, in the order asked for, by hash.
    """

    def __init__(self, store: Store) -> None:
        self.awaited: dict[bytes, FileEntry] = {}
        self._store = store
        self._begun: dict[bytes, BlobWriter] = {}
        self._writer: BlobWriter | None = None
        self._spoilt: list[FileEntry] = []

    @property
    def is_within_one(self) -> bool:
        """Whether the launcher has sent a part of one, and not the last."""
        return self._writer is not None

    async def take_up(self, missing: Iterable[FileEntry]) -> None:
        """Goes on where contents were cut off, as far as their beginnings are in the store.

        `suspend` ends all that was gone on with, though this be cancelled.
        """
        for entry in self._store.begun(missing)[: limits.RESUMED_MAX]:
            reading = asyncio.ensure_future(asyncio.to_thread(self._store.resumed, entry))
            try:
                await asyncio.shield(reading)
            finally:
                await asyncio.wait([reading])  # a thread cannot be stopped, and holds a descriptor
                if reading.exception() is None and (writer := reading.result()) is not None:
                    self._begun[entry.sha256] = writer

    def offset(self, sha256: bytes) -> int:
        """How many bytes of a content are here."""
        writer = self._begun.get(sha256)
        return 0 if writer is None else writer.size

    def offsets(self) -> tuple[int, ...]:
        """The same for each that is awaited."""
        return tuple(map(self.offset, self.awaited))

    def take(self, part: m.BlobPart | e.WheelPart) -> bool:
        """Takes what the launcher sends, one content after the other; whether one is whole now."""
        writer, self._writer = self._writer or self.begin(part.sha256), None
        if writer.entry.sha256 != part.sha256:
            writer.suspend()
            raise PeerRefused("a blob came before the one before it was whole")
        writer.write(part.data)
        if part.last:
            self.finish(writer)
        else:
            self._writer = writer
        return part.last

    def begin(self, sha256: bytes) -> BlobWriter:
        """What takes a content that is awaited."""
        entry = self.awaited.get(sha256)
        if entry is None:
            raise PeerRefused("a blob came that was not asked for")
        return self._begun.pop(sha256, None) or self._store.writer(entry)

    def finish(self, writer: BlobWriter) -> None:
        """All of a content is here; if it was begun earlier, that may have been wrong."""
        try:
            writer.commit()
        except DamagedContent:
            if not writer.begun_bytes:
                raise
            self._spoilt.append(writer.entry)
        del self.awaited[writer.entry.sha256]

    def put_back(self, writer: BlobWriter) -> None:
        """It was cut off: whoever begins this content anew goes on from there."""
        self._begun[writer.entry.sha256] = writer

    def take_spoilt(self) -> list[FileEntry]:
        """Those whose beginnings were wrong, once."""
        spoilt, self._spoilt = self._spoilt, []
        return spoilt

    def suspend(self) -> None:
        """Nothing comes any more: keeps what is half there for a later run."""
        for writer in (self._writer, *self._begun.values()):
            if writer is not None:
                writer.suspend()
