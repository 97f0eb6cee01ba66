"""One content on its way into a store.

The file has an unpredictable name and an flock on it, and is renamed to its hash when that is
right. What was cut off keeps the name `partial-HASH` until the rest comes: whoever goes on with it
takes it by its lock and gives it an unpredictable name again. Whether its bytes are right is seen
by the hash of the whole, at the end.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from .. import limits
from ..errors import BadManifest, CannotStart, DamagedContent
from .folders import OPEN_SAFELY, claim, disk_errors, is_named, unpredictable_name, write_all
from .manifest import FileEntry, shown

WRITING_PREFIX = "writing-"
PARTIAL_PREFIX = "partial-"


class BlobWriter:
    """One content that arrives; made by `fresh` or `resumed`.

    It ends by `commit`, `suspend`, `abandon` or an exception of `write`; after the last two, and
    after a `commit` that fails, nothing stays.

    Attributes:
        entry: what it shall be.
        size: how many bytes of it are here.
        begun_bytes: how many of them were here when this writer was made.
    """

    def __init__(
        self, entry: FileEntry, descriptor: int, name: str, folder: int, where: Path
    ) -> None:
        self.entry = entry
        self.size = self.begun_bytes = 0
        self._descriptor: int | None = descriptor
        self._name = name
        self._folder = folder
        self._where = where
        self._digest = hashlib.sha256()

    @classmethod
    def fresh(cls, entry: FileEntry, folder: int, where: Path) -> BlobWriter:
        """A writer that begins at the beginning; raises CannotStart.

        Args:
            entry: what is to come.
            folder, where: the store's, open and for people.
        """
        with disk_errors(where):
            for _ in range(limits.NAME_TRIES_MAX):
                name = _writing_name(entry)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | OPEN_SAFELY
                descriptor = os.open(name, flags, 0o600, dir_fd=folder)
                writer = cls(entry, descriptor, name, folder, where)
                if claim(descriptor, name, folder):
                    return writer
                writer.abandon()  # another process swept it before we held it
        raise CannotStart(f"{where} is swept again and again: is another agent using it?")

    @classmethod
    def resumed(cls, entry: FileEntry, folder: int, where: Path) -> BlobWriter | None:
        """A writer that goes on where another one was cut off; reads all of that.

        None: there is nothing to go on with, or somebody else does.
        """
        partial, name = partial_name(entry.sha256), _writing_name(entry)
        with contextlib.suppress(OSError):
            descriptor = os.open(partial, os.O_RDWR | os.O_NONBLOCK | OPEN_SAFELY, dir_fd=folder)
            writer = cls(entry, descriptor, name, folder, where)
            try:
                if claim(descriptor, partial, folder):
                    os.rename(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
                    if is_named(descriptor, name, folder) and writer._read_again(descriptor):
                        return writer
            except BaseException:
                writer.abandon()
                raise
            writer.abandon()
        return None

    @property
    def has_ended(self) -> bool:
        """Whether it takes nothing any more."""
        return self._descriptor is None

    def _read_again(self, descriptor: int) -> bool:
        """Takes note of what is there already; False: it is too much."""
        while data := os.read(descriptor, limits.SHIP_CHUNK_BYTES):
            self._digest.update(data)
            self.size += len(data)
        self.begun_bytes = self.size
        return self.size <= self.entry.size

    def write(self, data: bytes) -> None:
        """Takes the next bytes.

        Raises:
            BadManifest: they are more than the entry lists.
            CannotStart: the disk is full.
        """
        if self._descriptor is None:
            raise ValueError("this writer has ended")
        try:
            self.size += len(data)
            if self.size > self.entry.size:
                raise BadManifest(
                    f"{shown(self.entry.path)} brings more than its {self.entry.size} bytes"
                )
            self._digest.update(data)
            with disk_errors(self._where):
                write_all(self._descriptor, data)
        except BaseException:
            self.abandon()
            raise

    def commit(self) -> None:
        """Puts the content into the store, where it stands under its hash at once and whole.

        Raises:
            DamagedContent: size or hash is not what the entry lists.
        """
        if self._descriptor is None:
            raise ValueError("this writer has ended")
        try:
            if self.size != self.entry.size or self._digest.digest() != self.entry.sha256:
                raise DamagedContent(
                    f"{shown(self.entry.path)} arrived with other content than was announced"
                )
            name, folder = self.entry.sha256.hex(), self._folder
            with disk_errors(self._where):
                os.rename(self._name, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            self.abandon()
            raise
        with contextlib.suppress(OSError):  # of another one that was cut off
            os.unlink(partial_name(self.entry.sha256), dir_fd=self._folder)
        os.close(self._descriptor)
        self._descriptor = None

    def suspend(self) -> None:
        """Keeps what is here for a later writer, if it is worth that."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            keep_partial(self._name, self._folder, self.entry.sha256.hex())
        os.close(self._descriptor)
        self._descriptor = None

    def abandon(self) -> None:
        """Gives up and leaves nothing; after the writer's end it does nothing."""
        if self._descriptor is None:
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._folder)
        os.close(self._descriptor)
        self._descriptor = None


def partial_name(sha256: bytes) -> str:
    """What the beginning of a content is called."""
    return f"{PARTIAL_PREFIX}{sha256.hex()}"


def keep_partial(name: str, folder: int, sha256_hex: str) -> None:
    """Makes the file of a writer that has ended the beginning of its content, or removes it."""
    partial = f"{PARTIAL_PREFIX}{sha256_hex}"
    kept = 0
    with contextlib.suppress(FileNotFoundError):
        kept = os.stat(partial, dir_fd=folder, follow_symlinks=False).st_size
    size = os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
    if size > kept and size >= limits.RESUMED_BYTES_MIN:
        os.rename(name, partial, src_dir_fd=folder, dst_dir_fd=folder)
    else:
        os.unlink(name, dir_fd=folder)


def _writing_name(entry: FileEntry) -> str:
    return unpredictable_name(f"{WRITING_PREFIX}{entry.sha256.hex()}-")
