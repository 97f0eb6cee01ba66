"""Wheels for agents that can't have them by themselves: found in the lock, fetched, kept here.

They are fetched from where uv has found them, one for all peers that need the same, checked by the
lock's hashes, and kept in the launcher's cache under their hash. An index that asks for a password
gets the one that stands in uv's variables or in ~/.netrc; it stays on this machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import netrc
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO
from urllib.parse import SplitResult, unquote, urlsplit

from .. import limits
from ..errors import CannotStart
from ..ship.folders import disk_errors, open_private_folder, unpredictable_name
from .lock import Lock, Wheel
from .tags import Platform, best_wheel

_ADDRESSES = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_KEPT = re.compile(r"[0-9a-f]{64}")
_PARTIAL = "fetching-"


class Wheels:
    """The wheels of one lock.

    Args:
        folder: where they are kept.
        base: what relative paths in the lock start from.
    """

    def __init__(self, lock: Lock, folder: Path, base: Path) -> None:
        self._lock = lock
        self._folder = folder
        self._base = base
        self._fetching: dict[bytes, asyncio.Task[Path]] = {}

    async def offer(self, platform: Platform) -> tuple[dict[str, Path], str]:
        """The wheels that fit a machine, by name, here by now; and which packages have none.

        Raises:
            CannotStart: one can't be fetched.
        """
        fitting: dict[str, Wheel] = {}
        lacking: list[str] = []
        for package in self._lock.packages:
            wheel = best_wheel(package.wheels, platform)
            if wheel is None:
                lacking.append(f"{package.name} {package.version}")
            else:
                fitting[wheel.name] = wheel
        paths = await asyncio.gather(*(self._fetched(wheel) for wheel in fitting.values()))
        why_not = ""
        if lacking:
            what = f"{platform.abi} on {platform.machine} with {platform.libc}"
            why_not = f"there is no wheel for {what} of {', '.join(lacking)}"
        return dict(zip(fitting, paths, strict=True)), why_not

    async def _fetched(self, wheel: Wheel) -> Path:
        task = self._fetching.get(wheel.sha256)
        if task is None:
            task = asyncio.ensure_future(asyncio.to_thread(self._fetch, wheel))
            self._fetching[wheel.sha256] = task
        return await asyncio.shield(task)

    def _fetch(self, wheel: Wheel) -> Path:
        os.close(open_private_folder(self._folder))
        kept = self._folder / wheel.sha256.hex()
        if kept.exists():
            kept.touch()
            return kept
        partial = self._folder / unpredictable_name(_PARTIAL)
        try:
            digest = hashlib.sha256()
            with _open(wheel.url, self._base) as source, disk_errors(self._folder):
                descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    while data := _read(source, wheel):
                        digest.update(data)
                        file.write(data)
            if digest.digest() != wheel.sha256:
                raise CannotStart(f"{wheel.name} is not what was locked: its hash differs")
            with disk_errors(self._folder):
                partial.rename(kept)
        finally:
            partial.unlink(missing_ok=True)
        return kept

    def evict(self) -> None:
        """Removes what was longest unused, until the rest fits its bound.

        What a killed launcher was fetching goes, too: what is being fetched grows, or is given up.
        """
        with contextlib.suppress(OSError):
            for path in self._folder.glob(f"{_PARTIAL}*"):
                if time.time() - path.stat().st_mtime > limits.WHEEL_ABANDONED_S:
                    path.unlink()
            files = [path for path in self._folder.iterdir() if _KEPT.fullmatch(path.name)]
            kept = sorted((path.stat().st_mtime_ns, path.stat().st_size, path) for path in files)
            excess_bytes = sum(size for _, size, _ in kept) - limits.WHEELS_BYTES_MAX
            for _, size, path in kept:
                if excess_bytes <= 0:
                    return
                path.unlink()
                excess_bytes -= size


def _open(url: str, base: Path) -> BinaryIO:
    split = urlsplit(url)
    try:
        if split.scheme in ("http", "https"):
            opened: BinaryIO = _opener(split).open(
                split._replace(netloc=split.netloc.rpartition("@")[2]).geturl(),
                timeout=limits.WHEEL_TIMEOUT_S,
            )
            return opened
        return (base / unquote(split.path)).open("rb")
    except OSError as error:  # URLError is one
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise CannotStart(f"{_shown(split)} cannot be fetched: {_reason(error)}") from error


def _read(source: BinaryIO, wheel: Wheel) -> bytes:
    try:
        return source.read(limits.SHIP_CHUNK_BYTES)
    except OSError as error:
        raise CannotStart(f"{wheel.name} cannot be fetched: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    reason = getattr(error, "reason", None) or error.strerror or error
    code = f"{error.code} " if isinstance(error, urllib.error.HTTPError) else ""
    return f"{code}{reason}"


def _shown(split: SplitResult) -> str:
    return split._replace(netloc=split.netloc.rpartition("@")[2]).geturl()


def _opener(split: SplitResult) -> urllib.request.OpenerDirector:
    """What asks that host, with the password for it if one is known, which it alone gets."""
    found = password_for(split, os.environ)
    if found is None:
        return urllib.request.build_opener()
    manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
    root = f"{split.scheme}://{split.netloc.rpartition('@')[2]}/"
    manager.add_password(None, root, *found, is_authenticated=True)
    return urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))


def password_for(split: SplitResult, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """User and password for the host of an address, from itself, uv's variables or ~/.netrc."""
    words = [word for name in _ADDRESSES for word in environ.get(name, "").split()]
    for each in (split, *(urlsplit(word.partition("=")[2] or word) for word in words)):
        if each.username and (each.hostname, each.port) == (split.hostname, split.port):
            return unquote(each.username), unquote(each.password or "")
    with contextlib.suppress(OSError, netrc.NetrcParseError):
        entry = netrc.netrc(environ.get("NETRC")).authenticators(split.hostname or "")
        if entry is not None:
            return entry[0], entry[2] or ""
    return None
