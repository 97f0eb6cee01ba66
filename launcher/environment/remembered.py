"""Locks of the last minutes, so that who runs a program again and again waits for uv but once.

A lock is remembered as long as uv itself takes an index's word for granted, which is what indexes
ask for: so a new release is seen no later than without this. What may change without that the
question does, a wheel or a file that another one names, is not remembered.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from .. import limits
from ..ship.folders import open_private_folder, unpredictable_name
from .lock import Lock, parse_lock
from .metadata import block_of
from .need import Need

_NAMES_A_FILE = re.compile(
    r"^\s*(-[rce]\b|--(requirement|constraint|editable)\b)|[./]/|file:", re.M
)
_SUFFIX = ".toml"


class Remembered:
    """The lock for one need, if it is known.

    Args:
        folder: where locks are kept.
        need, python: what is locked, and for which Python.
        environ: variables, of which uv reads some.
    """

    def __init__(
        self, folder: Path, need: Need, python: str | None, environ: Mapping[str, str]
    ) -> None:
        self._folder = folder
        texts = list(_texts(need))
        digest = hashlib.sha256()
        of_uv = [f"{name}={environ[name]}" for name in sorted(environ) if name.startswith("UV_")]
        for text in (sys.version, python or "", str(need.folder), *of_uv, *texts):
            digest.update(hashlib.sha256(text.encode(errors="surrogateescape")).digest())
        self._path = folder / f"{digest.hexdigest()}{_SUFFIX}"
        self._is_closed = any(_NAMES_A_FILE.search(text) for text in texts)

    def find(self) -> Lock | None:
        """The lock, unless it is too old or was never kept."""
        with contextlib.suppress(OSError, ValueError):
            if not self._is_closed and self._is_fresh(self._path):
                return parse_lock(self._path.read_text("utf-8"))
        return None

    def keep(self, text: str, lock: Lock) -> None:
        """Remembers what uv has written; a disk that is full is no matter here."""
        if self._is_closed or lock.is_local:
            return
        with contextlib.suppress(OSError):
            os.close(open_private_folder(self._folder))
            for path in self._folder.iterdir():
                if not self._is_fresh(path):
                    path.unlink()
            partial = self._folder / unpredictable_name("writing-")
            partial.touch(0o600)
            partial.write_text(text, "utf-8")
            partial.rename(self._path)

    def _is_fresh(self, path: Path) -> bool:
        return 0 <= time.time() - path.stat().st_mtime < limits.LOCK_REMEMBERED_S


def _texts(need: Need) -> Iterator[str]:
    """All that is asked for, as it was written."""
    yield from need.packages
    for path in need.requirements:
        yield path.read_text("utf-8", "replace")
    for path in need.programs:
        yield block_of(path.read_text("utf-8", "replace"))
