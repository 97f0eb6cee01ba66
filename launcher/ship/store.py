"""The content store: what an agent keeps on disk, so that it need not be sent again.

A blob lies in one private folder under the hex form of its sha256. Its file's modification time is
the time of its last use. A blob under its name is whole, save for a crash of the machine or a
program that tampers with it, so its hash is checked again on each copy.

A writer fills a file with an unpredictable name, holds an flock on it, and renames it when its hash
is right; where the lock is free the writer is dead and the file is swept.

Order of use for one run: `pin`, then `missing`, then a `writer` for each blob missing, then
`copy_to` for each file, then `unpin`, then `evict`. While any process has a pin on this folder no
other one evicts: pins hold a shared record lock, evicting takes it exclusively. (Record locks,
because a process can raise its own from shared to exclusive without letting go in between. They
belong to the process: keep one Store per folder and process.)

`pin`, `unpin` and `evict` are for one thread; the rest may run in any, on different blobs.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from .. import limits
from ..errors import BadManifest, CannotStart
from .folders import (
    OPEN_SAFELY,
    claim,
    disk_errors,
    is_named,
    names_in,
    open_private_folder,
    unpredictable_name,
    write_all,
)
from .manifest import FileEntry, shown

_BLOB_NAME = re.compile(r"[0-9a-f]{64}")
_WRITING_PREFIX = "writing-"
_PINS_NAME = "pins.lock"
_ALREADY_THERE = os.O_RDONLY | os.O_NONBLOCK | OPEN_SAFELY  # a FIFO put there must not hold us up


class Store:
    """Blobs by their sha256, in one folder, bounded in bytes.

    Args:
        folder: where they lie; made if missing, mode 0700.
        bytes_max: what `evict` leaves at most.

    Raises:
        CannotStart: the folder can't be used.
    """

    def __init__(self, folder: Path, bytes_max: int) -> None:
        self.folder = folder
        self._bytes_max = bytes_max
        self._folder = open_private_folder(folder)
        self._pins: Counter[str] = Counter()
        with disk_errors(folder):
            self._pins_lock = os.open(
                _PINS_NAME, os.O_RDWR | os.O_CREAT | OPEN_SAFELY, 0o600, dir_fd=self._folder
            )
            self._sweep()

    def close(self) -> None:
        """Gives the descriptors back, and with them all pins."""
        os.close(self._pins_lock)
        os.close(self._folder)

    def missing(self, entries: Iterable[FileEntry]) -> list[FileEntry]:
        """Those entries whose content must be sent: one for each hash, in the order given.

        The others' contents count as used now.
        """
        firsts: dict[bytes, FileEntry] = {}
        for entry in entries:
            firsts.setdefault(entry.sha256, entry)
        with disk_errors(self.folder):
            return [entry for entry in firsts.values() if not self._touch(entry)]

    def writer(self, entry: FileEntry) -> BlobWriter:
        """Takes the content of `entry` as it arrives."""
        with disk_errors(self.folder):
            for _ in range(limits.NAME_TRIES_MAX):
                name = unpredictable_name(_WRITING_PREFIX)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | OPEN_SAFELY
                descriptor = os.open(name, flags, 0o600, dir_fd=self._folder)
                writer = BlobWriter(entry, descriptor, name, self._folder, self.folder)
                if claim(descriptor, name, self._folder):
                    return writer
                writer.abandon()  # another process swept it before we held it
        raise CannotStart(f"{self.folder} is swept again and again: is another agent using it?")

    def open(self, sha256: bytes) -> BinaryIO:
        """The content with this hash, as it lies on the disk.

        Raises:
            BadManifest: the store doesn't have it.
        """
        name = sha256.hex()
        try:
            descriptor = os.open(name, _ALREADY_THERE, dir_fd=self._folder)
        except OSError as error:
            raise BadManifest(f"the store in {self.folder} has no content {name}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BadManifest(f"{name} in {self.folder} is not a file: remove it")
        return os.fdopen(descriptor, "rb", buffering=0)

    def copy_to(self, entry: FileEntry, target: int) -> None:
        """Writes the content of `entry` to the descriptor `target`, checking it on the way.

        Raises:
            BadManifest: the store doesn't have it, or had it damaged and has now dropped it.
            OSError: it can't be read or written.
        """
        digest, size = hashlib.sha256(), 0
        with self.open(entry.sha256) as blob:
            while data := blob.read(limits.SHIP_CHUNK_BYTES):
                digest.update(data)
                size += len(data)
                write_all(target, data)
            if digest.digest() != entry.sha256:
                name = entry.sha256.hex()
                if is_named(blob.fileno(), name, self._folder):
                    os.unlink(name, dir_fd=self._folder)
                raise BadManifest(
                    f"the stored content of {shown(entry.path)} was damaged and has been dropped: "
                    "run again, and it will be sent anew"
                )
        if size != entry.size:
            raise BadManifest(f"{shown(entry.path)} has {size} bytes, not {entry.size} as listed")

    def pin(self, hashes: Iterable[bytes]) -> None:
        """Keeps these contents, present or still to come, from being evicted; counted."""
        if not self._pins:
            with disk_errors(self.folder):
                fcntl.lockf(self._pins_lock, fcntl.LOCK_SH)  # waits while another one evicts
        self._pins.update(sha256.hex() for sha256 in hashes)

    def unpin(self, hashes: Iterable[bytes]) -> None:
        """Takes back one `pin` of the same hashes."""
        self._pins.subtract(sha256.hex() for sha256 in hashes)
        self._pins = +self._pins
        if not self._pins:
            fcntl.lockf(self._pins_lock, fcntl.LOCK_UN)

    def evict(self) -> int:
        """Removes what was longest unused and isn't pinned, until the rest fits `bytes_max`.

        Returns:
            How many contents were removed; 0 too when another process has pins just now.
        """
        with disk_errors(self.folder):
            try:
                fcntl.lockf(self._pins_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                return 0
            try:
                return self._evict_alone()
            finally:
                fcntl.lockf(self._pins_lock, fcntl.LOCK_SH if self._pins else fcntl.LOCK_UN)

    def _evict_alone(self) -> int:
        blobs = sorted((status.st_mtime_ns, name, status.st_size) for name, status in self._blobs())
        excess_bytes = sum(size for _, _, size in blobs) - self._bytes_max
        evicted = 0
        for _, name, size in blobs:
            if excess_bytes <= 0:
                break
            if name not in self._pins:
                os.unlink(name, dir_fd=self._folder)
                excess_bytes -= size
                evicted += 1
        return evicted

    def _blobs(self) -> Iterator[tuple[str, os.stat_result]]:
        for name in names_in(self._folder):
            if _BLOB_NAME.fullmatch(name):
                with contextlib.suppress(FileNotFoundError):  # dropped as damaged meanwhile
                    status = os.stat(name, dir_fd=self._folder, follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        yield name, status

    def _touch(self, entry: FileEntry) -> bool:
        """Whether the content is here with the size listed; if so it counts as used now."""
        name = entry.sha256.hex()
        try:
            status = os.stat(name, dir_fd=self._folder, follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode) or status.st_size != entry.size:
                return False
            os.utime(name, dir_fd=self._folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _sweep(self) -> None:
        """Removes what writers that are dead left behind."""
        for name in names_in(self._folder):
            if not name.startswith(_WRITING_PREFIX):
                continue
            with contextlib.suppress(OSError):  # gone meanwhile, or nothing that a writer makes
                descriptor = os.open(name, _ALREADY_THERE, dir_fd=self._folder)
                try:
                    if claim(descriptor, name, self._folder):
                        os.unlink(name, dir_fd=self._folder)
                finally:
                    os.close(descriptor)


class BlobWriter:
    """One content on its way into the store; made by `Store.writer`.

    It ends by `commit`, by `abandon` or by an exception of `write`; but for `commit` nothing stays.
    """

    def __init__(
        self, entry: FileEntry, descriptor: int, name: str, folder: int, where: Path
    ) -> None:
        self._entry = entry
        self._descriptor: int | None = descriptor
        self._name = name
        self._folder = folder
        self._where = where
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        """Takes the next bytes.

        Raises:
            BadManifest: they are more than the entry lists.
            CannotStart: the disk is full.
        """
        if self._descriptor is None:
            raise ValueError("this writer has ended")
        try:
            self._size += len(data)
            if self._size > self._entry.size:
                raise BadManifest(
                    f"{shown(self._entry.path)} brings more than its {self._entry.size} bytes"
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
            BadManifest: size or hash is not what the entry lists.
        """
        if self._descriptor is None:
            raise ValueError("this writer has ended")
        try:
            if self._size != self._entry.size or self._digest.digest() != self._entry.sha256:
                raise BadManifest(
                    f"{shown(self._entry.path)} arrived with other content than was announced"
                )
            name, folder = self._entry.sha256.hex(), self._folder
            with disk_errors(self._where):
                os.rename(self._name, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            self.abandon()
            raise
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
