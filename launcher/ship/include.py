"""The files that an `--include` pattern means.

A pattern is relative to the tree's root. A wildcard (`*`, `?`, `[a-z]`) stands for files of one
folder and, as in a shell, not for names that begin with a dot; `**` goes into folders; a plain name
of a folder means everything below it, dot files too. Links to folders are never gone through, so
there are no loops; a link to a file of the tree stands for that file's content.
"""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from .. import limits
from ..errors import BadUsage
from .ignore import IgnoreRules
from .patterns import is_wild

_NEVER_SHIPPED = frozenset({"__pycache__", ".git", ".venv"})
_EVERYTHING = -1


def included_files(pattern: str, folder: Path, ignored: IgnoreRules) -> list[str]:
    """The regular files below `folder` that `pattern` means.

    Args:
        pattern: what stood behind `--include`.
        folder: the root of the tree, without links in its own path.
        ignored: what to leave out of the matches.

    Returns:
        Paths relative to `folder`, sorted.

    Raises:
        BadUsage: it matches nothing, leaves the tree, or names something that can't be shipped.
    """
    parts = _parts(pattern, folder)
    exact = not any(map(is_wild, parts))
    found: set[str] = set()
    left_out = 0
    for path in _matches(pattern, folder, parts, ignored):
        if ignored.ignores(path):
            left_out += 1
        elif _can_ship(pattern, folder, path, exact and PurePosixPath(path).parts == parts):
            found.add(path)
            if len(found) > limits.BUNDLE_FILES_MAX:
                raise BadUsage(
                    f"--include {pattern} matches more than {limits.BUNDLE_FILES_MAX} files: "
                    "name fewer, or leave some out with --exclude"
                )
    if not found:
        if left_out or ignored.ignores("/".join(parts), True):
            raise BadUsage(
                f"--include {pattern} matches only what --exclude or .distrcompignore leaves out"
            )
        if not _NEVER_SHIPPED.isdisjoint(parts):
            raise BadUsage(f"--include {pattern} matches only what is never shipped")
        raise BadUsage(
            f"--include {pattern} matches no file below {folder}: "
            "a wildcard stands for files of one folder, ** goes into folders"
        )
    return sorted(found)


def _parts(pattern: str, folder: Path) -> tuple[str, ...]:
    """The pattern's parts relative to `folder`."""
    path = PurePosixPath(pattern)
    if not pattern or "\0" in pattern:
        raise BadUsage("--include takes the name of a file or folder, or a pattern")
    if ".." in path.parts or (path.is_absolute() and not path.is_relative_to(folder)):
        raise BadUsage(
            f"--include {pattern} leaves the folder {folder}: "
            "start distrcomp in a folder that holds all files, or copy them into it"
        )
    return path.relative_to(folder).parts if path.is_absolute() else path.parts


def _matches(
    pattern: str, folder: Path, parts: tuple[str, ...], ignored: IgnoreRules
) -> Iterator[str]:
    """What the parts match: everything but folders.

    A state is a real folder and the index of the part to match in it, so no folder is gone through
    twice for one part, however many `**` there are.
    """
    first = 0 if parts else _EVERYTHING
    waiting, seen = [("", first)], set()
    while waiting:
        state = waiting.pop()
        if state in seen:
            continue
        seen.add(state)
        prefix, index = state
        part = parts[index] if index != _EVERYTHING else ""
        last = index in (_EVERYTHING, len(parts) - 1)
        if part == "**" and not last:
            waiting.append((prefix, index + 1))
        deeper = index if part in ("", "**") else _EVERYTHING if last else index + 1
        for name, is_folder in _entries(pattern, folder / prefix, part):
            path = f"{prefix}{name}"
            if not is_folder:
                if last:
                    yield path
                elif not is_wild(part):
                    _refuse_link(pattern, folder, path)
            elif (not last or part == "**" or not is_wild(part)) and not ignored.ignores(
                path, True
            ):
                waiting.append((f"{path}/", deeper))


def _entries(pattern: str, folder: Path, part: str) -> list[tuple[str, bool]]:
    """What `part` matches in `folder`: names, and whether each is a folder and no link."""
    if part and not is_wild(part):
        status = None if part in _NEVER_SHIPPED else _status(folder / part)
        return [(part, stat.S_ISDIR(status.st_mode))] if status else []
    try:
        with os.scandir(folder) as entries:
            names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except OSError as error:
        raise BadUsage(f"--include {pattern}: cannot read {folder}: {error.strerror}") from error
    return [
        (name, is_folder)
        for name, is_folder in sorted(names)
        if name not in _NEVER_SHIPPED and _fits(name, part)
    ]


def _fits(name: str, part: str) -> bool:
    if not part:
        return True
    if name.startswith(".") and not part.startswith("."):
        return False
    return part == "**" or fnmatch.fnmatchcase(name, part)


def _status(file: Path) -> os.stat_result | None:
    try:
        return file.lstat()
    except OSError:
        return None


def _refuse_link(pattern: str, folder: Path, path: str) -> None:
    """A part named in full, with more parts behind it, must be a real folder."""
    if (folder / path).is_symlink():
        raise BadUsage(
            f"--include {pattern}: {path} is a link, and links to folders are not followed: "
            "name the folder that it leads to"
        )


def _can_ship(pattern: str, folder: Path, path: str, named: bool) -> bool:
    """Whether the match is a regular file; if not and the user named it, that is a mistake."""
    file = folder / path
    try:
        status = file.stat()
    except OSError as error:
        if named:
            raise BadUsage(f"--include {pattern}: cannot read it: {error.strerror}") from error
        return False
    regular = stat.S_ISREG(status.st_mode)
    if (regular or named) and file.is_symlink() and not file.resolve().is_relative_to(folder):
        raise BadUsage(
            f"--include {pattern} leaves the folder {folder}: {path} is a link to {file.resolve()};"
            " copy that into it, or leave the link out with --exclude"
        )
    if named and not regular:
        what = "a link to a folder" if file.is_dir() else "a device, pipe or socket"
        raise BadUsage(f"--include {pattern}: it is {what}, and only files can be shipped")
    return regular
