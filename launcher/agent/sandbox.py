"""The folder on a peer in which a run's files lie and its nodes start.

The program in it may do anything that the agent's user may: swap files and folders for links, take
its own rights away, nest folders without end (S-25, F-41). So a sandbox holds a descriptor of its
folder from its creation and works below that alone, through no link. It also holds an flock on it:
the folder of a dead agent is the one whose lock is free (F-02). No node may inherit the descriptor.

Removing takes every folder out to the sandbox's root, under a new name, before it empties it. Two
descriptors are enough then for any depth, and a mounted file system, which cannot be renamed, is
never entered.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from .. import limits
from ..errors import CannotStart, DamagedContent
from ..ship.folders import (
    OPEN_FOLDER,
    OPEN_SAFELY,
    claim,
    disk_errors,
    is_named,
    names_in,
    open_private_folder,
    unpredictable_name,
)
from ..ship.manifest import FileEntry, Manifest, check_manifest
from ..ship.store import Store

_PREFIX = "run-"
_NEVER_FOREIGN = "__pycache__"


class Sandbox:
    """One run's folder; made by `Sandbox.create`, ended by `remove`.

    Attributes:
        path: where it lies.
        kept: files of the program's that have been sent to the launcher.
    """

    def __init__(self, path: Path, parent: int, folder: int) -> None:
        self.path = path
        self.kept: set[str] = set()
        self._parent = parent
        self._folder = folder
        self._laid: dict[str, tuple[int, int]] = {}
        self._removed = False

    @classmethod
    def create(cls, parent: Path) -> Sandbox:
        """A new, empty sandbox in `parent`, which is made if missing and is ours alone.

        Raises:
            CannotStart: the disk or its rights don't allow it.
        """
        parent_folder = open_private_folder(parent)
        try:
            with disk_errors(parent):
                for _ in range(limits.NAME_TRIES_MAX):
                    name = unpredictable_name(_PREFIX)
                    os.mkdir(name, 0o700, dir_fd=parent_folder)
                    folder = _claimed(name, parent_folder)
                    if folder is not None:
                        return cls(parent / name, parent_folder, folder)
            raise CannotStart(f"{parent} is swept again and again: is another agent using it?")
        except BaseException:
            os.close(parent_folder)
            raise

    def lay(self, manifest: Manifest, store: Store) -> list[FileEntry]:
        """Puts the files of `manifest` into the sandbox, as copies: a program may change its own.

        Returns:
            Those that could not be laid, for the store had their content damaged and has dropped
            it.

        Raises:
            BadManifest: it may not be laid, or the store lacks a content.
            CannotStart: the disk is full.
        """
        damaged: list[FileEntry] = []
        dropped: set[bytes] = set()
        check_manifest(manifest)
        with disk_errors(self.path):
            by_folder = sorted(manifest.files, key=_folder_of)
            for folder_path, entries in itertools.groupby(by_folder, _folder_of):
                folder = self._open_below(folder_path, make=True)
                try:
                    for entry in entries:
                        lost = entry.sha256 in dropped
                        mark = None if lost else _lay_file(entry, folder, store)
                        if mark is None:
                            damaged.append(entry)
                            dropped.add(entry.sha256)
                        else:
                            self._laid[entry.path] = mark
                finally:
                    os.close(folder)
        return damaged

    def written(self) -> Iterator[tuple[str, os.stat_result]]:
        """The regular files that were not laid, or not as they are now, by their paths below."""
        with contextlib.suppress(OSError):
            os.fchmod(self._folder, 0o700)  # the program may have taken its own rights away
        for path, status in self._regular_files():
            if self._laid.get(path) != _mark(status):
                yield path, status

    def open_file(self, path: str) -> int:
        """A descriptor to read a regular file below, reached through no link; raises OSError."""
        folder = self._open_below(path.rpartition("/")[0])
        try:
            flags = os.O_RDONLY | os.O_NONBLOCK | OPEN_SAFELY  # a pipe put there may not hold us up
            file = os.open(path.rpartition("/")[2], flags, dir_fd=folder)
        finally:
            os.close(folder)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise OSError(errno.EINVAL, "it is no file any more")
        return file

    def foreign_files(self, files_max: int) -> tuple[list[str], int]:
        """What the program wrote and nobody has kept.

        Files in `__pycache__` and in folders nested very deep are left out.

        Args:
            files_max: how many names to return.

        Returns:
            The first names, a folder's files before its folders', each sorted, with bytes that are
            no UTF-8 escaped; and how many such files there are in all.
        """
        names: list[str] = []
        total = 0
        for path, _ in self.written():
            if path in self.kept:
                continue
            total += 1
            if len(names) < files_max:
                names.append(os.fsencode(path).decode(errors="backslashreplace"))
        return names, total

    def remove(self) -> list[Path]:
        """Removes the sandbox and all in it, through no link; a second call does nothing.

        To be called when the run's processes are gone.

        Returns:
            What could not be removed, by the path it had; empty when nothing stays. The next
            `sweep` tries again.
        """
        if self._removed:
            return []
        self._removed = True
        try:
            return _remove_folder(self.path, self._parent, self._folder)
        finally:
            os.close(self._folder)
            os.close(self._parent)

    def _open_below(self, path: str, make: bool = False) -> int:
        """A descriptor of a folder of the sandbox, reached through no link."""
        folder = os.open(".", OPEN_FOLDER, dir_fd=self._folder)
        for part in path.split("/") if path else ():
            outer = folder
            try:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=outer)
                    os.close(_open_regained(part, outer))  # whatever the umask has taken away
                folder = os.open(part, OPEN_FOLDER, dir_fd=outer)
            finally:
                os.close(outer)
        return folder

    def _regular_files(self) -> Iterator[tuple[str, os.stat_result]]:
        waiting = [("", 0)]
        while waiting:
            folder_path, depth = waiting.pop()
            folders = []
            try:
                folder = self._open_below(folder_path)
            except OSError:  # gone, unreadable, or a link by now
                continue
            try:
                for name in sorted(names_in(folder)):
                    path = f"{folder_path}/{name}" if folder_path else name
                    with contextlib.suppress(FileNotFoundError):
                        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                        if stat.S_ISREG(status.st_mode):
                            yield path, status
                        elif stat.S_ISDIR(status.st_mode) and name != _NEVER_FOREIGN:
                            folders.append((path, depth + 1))
            finally:
                os.close(folder)
            if depth < limits.SANDBOX_DEPTH_MAX:
                waiting += reversed(folders)


def sweep(parent: Path) -> list[Path]:
    """Removes the sandboxes in `parent` whose agent is dead.

    Returns:
        Those that are gone now. What can't be removed is tried again by the next sweep.

    Raises:
        CannotStart: `parent` can't be used.
    """
    parent_folder = open_private_folder(parent)
    try:
        with disk_errors(parent):
            names = sorted(name for name in names_in(parent_folder) if name.startswith(_PREFIX))
        return [parent / name for name in names if _sweep_one(parent / name, parent_folder)]
    finally:
        os.close(parent_folder)


def _sweep_one(path: Path, parent: int) -> bool:
    try:
        folder = _claimed(path.name, parent)
    except NotADirectoryError:  # a program has put a link or a file there
        with contextlib.suppress(OSError):
            os.unlink(path.name, dir_fd=parent)
            return True
        return False
    except OSError:
        return False
    if folder is None:
        return False
    try:
        return not _remove_folder(path, parent, folder)
    finally:
        os.close(folder)


def _claimed(name: str, parent: int) -> int | None:
    """A descriptor of the sandbox `name` with its lock held; None when it isn't ours to take."""
    try:
        folder = _open_regained(name, parent)
    except FileNotFoundError:
        return None
    owned = False
    try:
        owned = claim(folder, name, parent)
    finally:
        if not owned:
            os.close(folder)
    return folder if owned else None


def _open_regained(name: str, parent: int) -> int:
    """A descriptor of a folder, whose owner's rights are restored first.

    A folder of mode 000 opens only by O_PATH, and such a descriptor takes no fchmod; the link in
    /proc leads to that very folder.
    """
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | OPEN_SAFELY, dir_fd=parent)
    try:
        with contextlib.suppress(OSError):  # another user's: it may open all the same
            Path(f"/proc/self/fd/{handle}").chmod(0o700)
        return os.open(".", OPEN_FOLDER, dir_fd=handle)
    finally:
        os.close(handle)


def _folder_of(entry: FileEntry) -> str:
    return entry.path.rpartition("/")[0]


def _lay_file(entry: FileEntry, folder: int, store: Store) -> tuple[int, int] | None:
    """What `_mark` says of the new file; None, and no file: its content was damaged."""
    name = entry.path.rpartition("/")[2]
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | OPEN_SAFELY
    file = os.open(name, flags, 0o600, dir_fd=folder)
    try:
        store.copy_to(entry, file)
        os.fchmod(file, entry.mode)
        return _mark(os.fstat(file))
    except DamagedContent:
        os.unlink(name, dir_fd=folder)
        return None
    finally:
        os.close(file)


def _mark(status: os.stat_result) -> tuple[int, int]:
    """What changes when a program writes to a file."""
    return status.st_size, status.st_mtime_ns


def _remove_folder(path: Path, parent: int, folder: int) -> list[Path]:
    """Empties the open sandbox and takes its name away; what stayed."""
    emptying = _Emptying(folder)
    emptying.run()
    stayed = [path / shown for shown in emptying.stayed]
    try:
        if is_named(folder, path.name, parent):
            os.rmdir(path.name, dir_fd=parent)
        else:  # the program has moved it away; a link in its place goes, a folder is not ours
            os.unlink(path.name, dir_fd=parent)
    except FileNotFoundError:
        pass
    except OSError:
        stayed = stayed or [path]
    return stayed


class _Emptying:
    """Removes all below one open folder.

    Attributes:
        stayed: what could not be removed, by the paths it had.
    """

    def __init__(self, root: int) -> None:
        self.stayed: list[str] = []
        self._root = root
        self._waiting: list[tuple[str, str]] = []
        self._prefix = unpredictable_name("gone-")
        self._numbers = itertools.count()

    def run(self) -> None:
        with contextlib.suppress(OSError):
            os.fchmod(self._root, 0o700)
        self._clear(self._root, "")
        while self._waiting:
            name, shown = self._waiting.pop()
            n_stayed = len(self.stayed)
            try:
                folder = _open_regained(name, self._root)
                try:
                    self._clear(folder, shown)
                finally:
                    os.close(folder)
                os.rmdir(name, dir_fd=self._root)
            except OSError:
                if len(self.stayed) == n_stayed:
                    self.stayed.append(shown)

    def _clear(self, folder: int, shown: str) -> None:
        """Removes the files of `folder` and takes its folders out to the root."""
        for name in names_in(folder):
            path = f"{shown}/{name}" if shown else name
            if len(path) > limits.PATH_BYTES_MAX:
                path = shown  # deeper than a path can say
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    self._take_out(name, folder, path)
                else:
                    os.unlink(name, dir_fd=folder)
            except FileNotFoundError:
                pass
            except OSError:
                self.stayed.append(path)

    def _take_out(self, name: str, folder: int, path: str) -> None:
        new_name = f"{self._prefix}-{next(self._numbers)}"
        try:
            os.rename(name, new_name, src_dir_fd=folder, dst_dir_fd=self._root)
        except PermissionError:  # a folder must be writable to get another parent
            os.close(_open_regained(name, folder))
            os.rename(name, new_name, src_dir_fd=folder, dst_dir_fd=self._root)
        self._waiting.append((new_name, path))
