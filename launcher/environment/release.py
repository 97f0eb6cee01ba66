"""This installation's distrcomp as a list of files, by whose hash it is known: a release.

It is what an operator brings to agents, and by what both know whether they have the same. It holds
the sources of the two packages and as much of their metadata as counts when they are imported, made
here word by word, so that it doesn't depend on what has built the installation. What was compiled
for one machine is left out: the plain modules do the same.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES
from pathlib import Path

import distrcomp

from ..errors import CannotStart
from ..records import record
from ..ship.manifest import FileEntry, Manifest, pack_manifest
from .need import OURS

PACKAGES = ("distrcomp", "launcher")
_LEFT_OUT = (*EXTENSION_SUFFIXES, *BYTECODE_SUFFIXES)
_MODE = 0o600


@record
class Release:
    """One state of distrcomp.

    Attributes:
        version: how it calls itself; two releases may have the same.
        manifest: its files, relative to a folder on Python's path.
        contents: what they hold, by sha256.
    """

    version: str
    manifest: Manifest
    contents: dict[bytes, bytes]

    @property
    def sha256(self) -> bytes:
        """By what it is known."""
        return release_hash(self.manifest)


def release_hash(manifest: Manifest) -> bytes:
    """The hash of a release with these files."""
    return hashlib.sha256(pack_manifest(manifest)).digest()


def own_release() -> Release:
    """What this process would import; raises CannotStart if it can't be read."""
    files: dict[str, bytes] = {}
    try:
        for package in PACKAGES:
            spec = importlib.util.find_spec(package)
            for folder in (spec and spec.submodule_search_locations) or ():
                files.update((f"{package}/{name}", data) for name, data in _read(Path(folder)))
    except OSError as error:
        raise CannotStart(f"{error.filename} cannot be read: {error.strerror}") from error
    files.update(_metadata(list(files)))
    contents = {hashlib.sha256(data).digest(): data for data in files.values()}
    entries = (
        FileEntry(path, _MODE, len(data), hashlib.sha256(data).digest())
        for path, data in sorted(files.items())
    )
    return Release(distrcomp.__version__, Manifest(tuple(entries)), contents)


def _read(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a package, by their path in it."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.split("/"))
        if not hidden and not name.endswith(_LEFT_OUT) and path.is_file():
            yield name, path.read_bytes()


def _metadata(paths: list[str]) -> dict[str, bytes]:
    """What importlib.metadata shall find: version, requirements, entry points, the files."""
    requires: list[str] = []
    entry_points: list[str] = []
    try:
        distribution = importlib.metadata.distribution(OURS)
    except importlib.metadata.PackageNotFoundError:  # run from its sources
        pass
    else:
        requires = sorted(distribution.requires or ())
        ordered = sorted((each.group, each.name, each.value) for each in distribution.entry_points)
        for group in dict.fromkeys(group for group, _, _ in ordered):
            entry_points.append(f"[{group}]")
            entry_points += [f"{name} = {value}" for own, name, value in ordered if own == group]
    head = ["Metadata-Version: 2.1", f"Name: {OURS}", f"Version: {distrcomp.__version__}"]
    folder = f"{OURS}-{distrcomp.__version__}.dist-info"
    texts = {
        f"{folder}/METADATA": [*head, *(f"Requires-Dist: {each}" for each in requires)],
        f"{folder}/entry_points.txt": entry_points,
        f"{folder}/RECORD": [f"{path},," for path in sorted(paths)]
        + [f"{folder}/{name},," for name in ("METADATA", "RECORD", "entry_points.txt")],
    }
    return {path: "".join(f"{line}\n" for line in lines).encode() for path, lines in texts.items()}
