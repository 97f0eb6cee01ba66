"""The list of a bundle's files as it travels, and what it may not contain. No I/O.

Only regular files exist in this format: a name, one of two modes, a size and the hash of the
content. Folders follow from the names. A manifest is refused whole or taken whole (S-20 to S-22).
"""

from __future__ import annotations

import itertools
import unicodedata

from distrcomp.schema import Schema

from .. import limits
from ..errors import BadManifest
from ..records import record

_MODES = (0o600, 0o700)
_SHA256_BYTES = 32
_FORBIDDEN_CATEGORIES = {
    "Cc": "a control character",
    "Cs": "a character that no text has",
    "Zl": "a line break",
    "Zp": "a line break",
}


@record
class FileEntry:
    """One file of a bundle: where it lies in the sandbox, and what lies there."""

    path: str
    mode: int
    size: int
    sha256: bytes


@record
class Manifest:
    """All files of a bundle."""

    files: tuple[FileEntry, ...]


_SCHEMA = Schema(Manifest)


def pack_manifest(manifest: Manifest) -> bytes:
    """A manifest as it travels."""
    return _SCHEMA.pack(manifest)


def unpack_manifest(packed: bytes) -> Manifest:
    """The manifest in `packed`, unchecked; raises ProtocolError if there is none."""
    manifest: Manifest = _SCHEMA.unpack(packed)
    return manifest


def check_manifest(
    manifest: Manifest,
    files_max: int = limits.BUNDLE_FILES_MAX,
    bytes_max: int = limits.BUNDLE_BYTES_MAX,
) -> None:
    """Refuses a manifest that must not be laid into a sandbox.

    Args:
        manifest: what another machine, or our own user, wants laid.
        files_max: how many files it may name.
        bytes_max: how many bytes the files may have together, each copy counted.

    Raises:
        BadManifest: the first thing that is wrong with it; nothing else is raised.

    Example:
        >>> check_manifest(Manifest((FileEntry("../x", 0o600, 0, bytes(32)),)))
        Traceback (most recent call last):
        launcher.errors.BadManifest: the file name '../x' is refused: it has the part '..'
    """
    if len(manifest.files) > files_max:
        raise BadManifest(f"{len(manifest.files)} files are more than the {files_max} allowed")
    size_of: dict[bytes, int] = {}
    total_bytes = path_bytes = 0
    for entry in manifest.files:
        check_path(entry.path)
        _check_content(entry, bytes_max)
        if size_of.setdefault(entry.sha256, entry.size) != entry.size:
            raise BadManifest(f"the file {shown(entry.path)} has another's hash, not its size")
        total_bytes += entry.size
        path_bytes += len(entry.path.encode())
    if total_bytes > bytes_max:
        raise BadManifest(f"the files' {total_bytes} bytes are more than the {bytes_max} allowed")
    if path_bytes > limits.BUNDLE_PATH_BYTES_MAX:
        raise BadManifest(
            f"the file names take {path_bytes} bytes; {limits.BUNDLE_PATH_BYTES_MAX} are allowed"
        )
    _check_together([entry.path for entry in manifest.files])


def check_path(path: str) -> None:
    """Refuses a name that is not a plain relative path with `/` between its parts.

    Raises:
        BadManifest: says what is wrong with the name.
    """
    fault = _path_fault(path)
    if fault:
        raise BadManifest(f"the file name {shown(path)} is refused: {fault}")


def shown(path: str) -> str:
    """`path` for a message: escaped, and cut when it is long."""
    if len(path) <= limits.PATH_SHOWN_CHARACTERS_MAX:
        return repr(path)
    return f"{path[: limits.PATH_SHOWN_CHARACTERS_MAX]!r}..."


def _path_fault(path: str) -> str | None:
    if len(path) > limits.PATH_BYTES_MAX:  # before any work that grows with it
        return f"it is longer than {limits.PATH_BYTES_MAX} bytes"
    for character in "" if path.isprintable() else path:
        fault = _FORBIDDEN_CATEGORIES.get(unicodedata.category(character))
        if fault:
            return f"it holds {fault}"
    if "\\" in path:
        return "it holds a backslash"
    if path.startswith("/"):
        return "it is absolute"
    if path[1:2] == ":" and path[0].isascii() and path[0].isalpha():
        return "it starts with a drive letter"
    if len(path.encode()) > limits.PATH_BYTES_MAX:
        return f"it is longer than {limits.PATH_BYTES_MAX} bytes"
    return next(filter(None, map(_part_fault, path.split("/"))), None)


def _part_fault(part: str) -> str | None:
    if part in ("", ".", ".."):
        return f"it has the part {part!r}"
    if len(part.encode()) > limits.PATH_PART_BYTES_MAX:
        return f"a part of it is longer than {limits.PATH_PART_BYTES_MAX} bytes"
    return None


def _check_content(entry: FileEntry, bytes_max: int) -> None:
    if entry.mode not in _MODES:
        raise BadManifest(f"the file {shown(entry.path)} has mode {entry.mode:o}, not 600 or 700")
    if not 0 <= entry.size <= bytes_max:
        raise BadManifest(
            f"the file {shown(entry.path)} has {entry.size} bytes; 0 to {bytes_max} are allowed"
        )
    if len(entry.sha256) != _SHA256_BYTES:
        raise BadManifest(f"the file {shown(entry.path)} has a hash of {len(entry.sha256)} bytes")


def _check_together(paths: list[str]) -> None:
    """No two names may be one, and none a folder of another, on any peer's file system.

    NUL sorts before every character that a name may hold, so with NUL for `/` a name's children
    come directly after it, and neighbours are all there is to compare.
    """
    ordered = sorted((_folded(path).replace("/", "\0"), path) for path in paths)
    for (first, first_path), (second, second_path) in itertools.pairwise(ordered):
        if first == second:
            raise BadManifest(
                f"the file names {shown(first_path)} and {shown(second_path)} are one name"
                " where case and accents are not told apart"
            )
        if second.startswith(first + "\0"):
            raise BadManifest(
                f"{shown(first_path)} is a file and also a folder of {shown(second_path)}"
            )


def _folded(path: str) -> str:
    """Equal for names that a file system may hold to be equal (Unicode 3.13, D145)."""
    decomposed = unicodedata.normalize("NFD", path).casefold()
    return unicodedata.normalize("NFC", decomposed)
