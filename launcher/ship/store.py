"""The content store: what an agent keeps on disk, so that it need not be sent again.

A blob lies in one private folder under the hex form of its sha256. Its file's modification time is
the time of its last use. A blob under its name is whole, save for a crash of the machine or a
program that tampers with it, so its hash is checked again on each copy.

`writing` has the files on their way. Where the lock of one is free its writer is dead, and what it
had is kept as a beginning (`partial-HASH`), to which the rest can be sent later; beginnings are
evicted like the rest.

Order of use for one run: `pin`, then `missing`, then `make_room`, then a `writer` for each blob
missing, then `copy_to` for each file, then `unpin`, then `evict`. While any process has a pin on
this folder no other one evicts: pins hold a shared record lock, evicting takes it exclusively.
(Record locks, because a process can raise its own from shared to exclusive without letting go in
between. They belong to the process: keep one Store per folder and process.)

`pin`, `unpin`, `evict` and `make_room` are for one thread; the rest may run in any, on different
blobs.
"""

from __future__ import annotations

import contextlib
import errno
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
from ..errors import BadManifest, DamagedContent
from .folders import (
    OPEN_SAFELY,
    claim,
    disk_errors,
    is_named,
    names_in,
    open_private_folder,
    write_all,
)
from .manifest import FileEntry, shown
from .writing import PARTIAL_PREFIX, WRITING_PREFIX, BlobWriter, keep_partial, partial_name

_KEPT_NAME = re.compile(rf"(?:{PARTIAL_PREFIX})?([0-9a-f]{{64}})")
_WRITING_NAME = re.compile(rf"{WRITING_PREFIX}([0-9a-f]{{64}})-.*")
_PINS_NAME = "pins.lock"
_TOO_FEW = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # says nothing about what lies there
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
        self._pins: Counter[str] = Counter()
        self._open()

    def _open(self) -> None:
        self._folder = open_private_folder(self.folder)
        with disk_errors(self.folder):
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
        return BlobWriter.fresh(entry, self._folder, self.folder)

    def resumed(self, entry: FileEntry) -> BlobWriter | None:
        """The same from where an earlier writer was cut off, if there is such a beginning.

        Reads all of it: for a thread.
        """
        return BlobWriter.resumed(entry, self._folder, self.folder)

    def begun(self, entries: Iterable[FileEntry]) -> list[FileEntry]:
        """Those entries of whose content there is a beginning."""
        names = set(names_in(self._folder))
        return [entry for entry in entries if partial_name(entry.sha256) in names]

    def open(self, sha256: bytes) -> BinaryIO:
        """The content with this hash, as it lies on the disk.

        Raises:
            DamagedContent: the store doesn't have it.
            OSError: nobody can tell, for want of descriptors or memory.
        """
        name = sha256.hex()
        try:
            descriptor = os.open(name, _ALREADY_THERE, dir_fd=self._folder)
        except OSError as error:
            if error.errno in _TOO_FEW:
                raise
            raise DamagedContent(f"the store in {self.folder} has no content {name}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BadManifest(f"{name} in {self.folder} is not a file: remove it")
        return os.fdopen(descriptor, "rb", buffering=0)

    def damaged(self, entries: Iterable[FileEntry]) -> list[FileEntry]:
        """Those entries whose content is not, or no more, here as it should be; reads all."""
        lost: list[FileEntry] = []
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        try:
            for entry in entries:
                with disk_errors(self.folder):
                    try:
                        self.copy_to(entry, nowhere)
                    except DamagedContent:
                        lost.append(entry)
        finally:
            os.close(nowhere)
        return lost

    def copy_to(self, entry: FileEntry, target: int) -> None:
        """Writes the content of `entry` to the descriptor `target`, checking it on the way.

        Raises:
            DamagedContent: the store had it damaged, and has now dropped it; or doesn't have it.
            BadManifest: it has another size than the entry lists.
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
                raise DamagedContent(
                    f"the stored content of {shown(entry.path)} was damaged and has been dropped: "
                    "run again, and it will be sent anew"
                )
        if size != entry.size:
            raise BadManifest(f"{shown(entry.path)} has {size} bytes, not {entry.size} as listed")

    def pin(self, hashes: Iterable[bytes]) -> None:
        """Keeps these contents, present or still to come, from being evicted; counted."""
        if not self._pins:
            with disk_errors(self.folder):
                self._open_again_if_gone()
                fcntl.lockf(self._pins_lock, fcntl.LOCK_SH)  # waits while another one evicts
        self._pins.update(sha256.hex() for sha256 in hashes)

    def _open_again_if_gone(self) -> None:
        """Somebody may have removed the folder, to have what it held forgotten."""
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(self.folder.stat(), os.fstat(self._folder)):
                return
        gone = self._pins_lock, self._folder
        self._open()
        for descriptor in gone:
            os.close(descriptor)

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
        return self._evict(0)

    def make_room(self, room_bytes: int) -> int:
        """Evicts more than that where the disk would else have less than this free.

        Returns:
            As `evict`; 0 too when there is room.
        """
        with disk_errors(self.folder):
            disk = os.fstatvfs(self._folder)
        wanted_bytes = room_bytes - disk.f_bavail * disk.f_frsize
        return self._evict(wanted_bytes) if wanted_bytes > 0 else 0

    def _evict(self, wanted_bytes: int) -> int:
        with disk_errors(self.folder):
            try:
                fcntl.lockf(self._pins_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                return 0
            try:
                return self._evict_alone(wanted_bytes)
            finally:
                fcntl.lockf(self._pins_lock, fcntl.LOCK_SH if self._pins else fcntl.LOCK_UN)

    def _evict_alone(self, wanted_bytes: int) -> int:
        blobs = sorted((status.st_mtime_ns, name, status.st_size) for name, status in self._blobs())
        excess_bytes = max(wanted_bytes, sum(size for _, _, size in blobs) - self._bytes_max)
        evicted = 0
        for _, name, size in blobs:
            if excess_bytes <= 0:
                break
            if name.removeprefix(PARTIAL_PREFIX) not in self._pins:
                os.unlink(name, dir_fd=self._folder)
                excess_bytes -= size
                evicted += 1
        return evicted

    def _blobs(self) -> Iterator[tuple[str, os.stat_result]]:
        for name in names_in(self._folder):
            if _KEPT_NAME.fullmatch(name):
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
        """Keeps or removes what writers that are dead left behind."""
        for name in names_in(self._folder):
            if not name.startswith(WRITING_PREFIX):
                continue
            known = _WRITING_NAME.fullmatch(name)
            with contextlib.suppress(OSError):  # gone meanwhile, or nothing that a writer makes
                descriptor = os.open(name, _ALREADY_THERE, dir_fd=self._folder)
                try:
                    if not claim(descriptor, name, self._folder):
                        continue
                    if known:
                        keep_partial(name, self._folder, known[1])
                    else:
                        os.unlink(name, dir_fd=self._folder)
                finally:
                    os.close(descriptor)
