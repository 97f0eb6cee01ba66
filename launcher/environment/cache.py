"""The environments that are kept on a machine, each under its key, bounded in bytes.

Who builds one holds an flock on `building-KEY`, builds inside, and renames the finished environment
to KEY: whatever is under a key is whole. Two who want the same at once, in one process or two, meet
at that lock; the second one finds it done. Where the lock is free its holder is dead, and what it
left is cleared away.

Who uses one holds a shared flock on it. Evicting takes the lock exclusively, so nothing in use
goes; it removes what was longest unused, by the time that each taking sets.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from .. import limits
from ..errors import CannotStart
from ..ship.folders import (
    OPEN_FOLDER,
    claim,
    disk_errors,
    is_named,
    names_in,
    open_private_folder,
    unpredictable_name,
)

_KEY = re.compile(r"[0-9a-f]{32}")
_BUILDING = "building-"
_GONE = "gone-"
_SIZE_FILE = ".distrcomp-bytes"
_INSIDE = "environment"

Build = Callable[[Path], Awaitable[None]]
"""Builds an environment at a path at which nothing is, in a folder for its own use."""


class Environment:
    """One that is ready and in use, until `release`.

    Attributes:
        python: its interpreter.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.python = str(_python(path))
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """It may be evicted from now on; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class Environments:
    """All of them.

    Args:
        folder: where they lie; made when the first one is wanted, mode 0700.
        bytes_max: what evicting leaves at most, what is in use not counted.
    """

    def __init__(self, folder: Path, bytes_max: int = limits.ENVIRONMENTS_BYTES_MAX) -> None:
        self._path = folder
        self._bytes_max = bytes_max

    async def obtain(
        self, key: str, build: Build, on_wait: Callable[[], Awaitable[None]]
    ) -> Environment:
        """The environment under `key`, built if it is not there.

        Args:
            build: awaited while nobody else builds the same.
            on_wait: awaited once if somebody else does.

        Raises:
            CannotStart: the disk is full or doesn't allow it; and whatever `build` raises.
        """
        folder = open_private_folder(self._path)
        try:
            has_waited = False
            while True:
                found = self._take(key, folder)
                if found is not None:
                    return found
                site = self._claim(f"{_BUILDING}{key}", folder)
                if site is not None:
                    try:
                        await self._build(key, build, folder)
                    finally:
                        await asyncio.to_thread(self._remove, f"{_BUILDING}{key}", folder)
                        os.close(site)
                    continue
                if not has_waited:
                    has_waited = True
                    await on_wait()
                await asyncio.sleep(limits.ENVIRONMENT_LOOK_S)
        finally:
            os.close(folder)

    def sweep(self) -> None:
        """Clears away what builders and evictors left that are dead, if that can be done."""
        if not self._path.is_dir():
            return
        try:
            folder = open_private_folder(self._path)
        except CannotStart:  # said to whoever wants an environment
            return
        try:
            with disk_errors(self._path):
                names = [name for name in names_in(folder) if name.startswith((_BUILDING, _GONE))]
            for name in names:
                with contextlib.suppress(OSError):
                    site = os.open(name, OPEN_FOLDER, dir_fd=folder)
                    try:
                        if claim(site, name, folder):
                            self._remove(name, folder)
                    finally:
                        os.close(site)
        finally:
            os.close(folder)

    def _take(self, key: str, folder: int) -> Environment | None:
        """The environment, if it is there and nobody is just removing it; it counts as used now."""
        with contextlib.suppress(OSError):
            descriptor = os.open(key, OPEN_FOLDER, dir_fd=folder)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                if is_named(descriptor, key, folder) and self._is_sound(key, folder):
                    os.utime(key, dir_fd=folder)
                    environment = Environment(self._path / key, descriptor)
                    descriptor = -1
                    return environment
            finally:
                if descriptor >= 0:
                    os.close(descriptor)
        return None

    def _is_sound(self, key: str, folder: int) -> bool:
        """Whether its Python can be started; what a removed Python has left is put aside."""
        if os.access(_python(self._path / key), os.X_OK):
            return True
        os.rename(key, unpredictable_name(_GONE), src_dir_fd=folder, dst_dir_fd=folder)
        return False

    def _claim(self, name: str, folder: int) -> int | None:
        """The folder to build in, empty and ours; None while somebody else builds there."""
        with disk_errors(self._path):
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=folder)
            try:
                site = os.open(name, OPEN_FOLDER, dir_fd=folder)
            except FileNotFoundError:  # whoever built there has just finished
                return None
            if not claim(site, name, folder):
                os.close(site)
                return None
            for leftover in names_in(site):
                _remove_tree(self._path / name / leftover)
            return site

    async def _build(self, key: str, build: Build, folder: int) -> None:
        with contextlib.suppress(FileNotFoundError):  # finished since we looked
            os.stat(key, dir_fd=folder, follow_symlinks=False)
            return
        place = self._path / f"{_BUILDING}{key}" / _INSIDE
        await build(place)
        with disk_errors(self._path):
            size = await asyncio.to_thread(_size_of, place)
            (place / _SIZE_FILE).write_text(str(size), "ascii")
            place.chmod(0o700)
            place.rename(self._path / key)
        await asyncio.to_thread(self._evict, key, folder)

    def _evict(self, keep: str, folder: int) -> None:
        """Removes what was longest unused until the rest fits."""
        kept = sorted(self._kept(folder))
        excess_bytes = sum(size for _, _, size in kept) - self._bytes_max
        for _, key, size in kept:
            if excess_bytes <= 0:
                return
            if key != keep and self._evict_one(key, folder):
                excess_bytes -= size

    def _evict_one(self, key: str, folder: int) -> bool:
        try:
            descriptor = os.open(key, OPEN_FOLDER, dir_fd=folder)
        except OSError:
            return False
        try:
            if not claim(descriptor, key, folder):
                return False
            gone = unpredictable_name(_GONE)
            os.rename(key, gone, src_dir_fd=folder, dst_dir_fd=folder)
            self._remove(gone, folder)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True

    def _kept(self, folder: int) -> Iterator[tuple[int, str, int]]:
        """(last use, key, bytes) of each."""
        for key in names_in(folder):
            if _KEY.fullmatch(key):
                with contextlib.suppress(OSError, ValueError):
                    used = os.stat(key, dir_fd=folder, follow_symlinks=False).st_mtime_ns
                    yield used, key, int((self._path / key / _SIZE_FILE).read_text("ascii"))

    def _remove(self, name: str, folder: int) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.stat(name, dir_fd=folder, follow_symlinks=False)
            _remove_tree(self._path / name)


def _python(environment: Path) -> Path:
    return environment / "bin" / "python"


def _remove_tree(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _size_of(folder: Path) -> int:
    """The bytes on disk below a folder."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(parent, name).lstat().st_blocks * 512
    return total
