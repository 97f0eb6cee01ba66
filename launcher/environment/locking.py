"""From what a program asks for to its lock, by uv, once for all peers of a run."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ..errors import BadUsage, CannotStart, UvFailed
from ..ship.folders import disk_errors, temporary_folder
from .lock import Lock, parse_lock
from .need import OURS, Need
from .remembered import Remembered
from .uv import Groups, Said, run_uv

# An index's fault, not the user's; words of uv's that change make that a matter of the exit code.
_IS_UNREACHABLE = re.compile("error sending request|Failed to fetch|Request failed")
_IS_LOCK = re.compile(r"pylock(\.[^.]+)?\.toml")


class Keeper(Groups, Protocol):
    """Who sees to it that neither uv nor its files outlive us: the guardian."""

    def watch_folder(self, folder: str) -> None: ...

    def forget_folder(self, folder: str) -> None: ...


async def make_lock(need: Need, python: str | None, kept: Path, said: Said, keeper: Keeper) -> Lock:
    """The versions that fulfil `need`, on any machine.

    distrcomp itself is left out, for each peer has its own, and so is what only it needs; what a
    program asks for of that fits it.

    Args:
        python: the lowest x.y among the peers; None: this one's.
        kept: the folder of locks that are remembered.
        said: told how uv gets on.

    Raises:
        BadUsage: it can't be fulfilled, or not on other machines; in uv's own words.
        CannotStart: there is no uv here, or an index can't be reached.
    """
    if need.is_empty:
        return Lock(())
    for path in need.requirements:
        if _IS_LOCK.fullmatch(path.name):
            return _read_lock(path, need)
    remembered = Remembered(kept, need, python, os.environ)
    if (known := remembered.find()) is not None:
        return known
    with _temporary_folder(keeper) as folder:
        arguments = _arguments(need, python, folder)
        packages = "".join(f"{package}\n" for package in need.packages)
        try:
            text = await run_uv(arguments, need.folder, said, keeper, packages)
        except UvFailed as error:
            kind = CannotStart if _IS_UNREACHABLE.search(str(error)) else BadUsage
            raise kind(f"the program's packages cannot be had; uv says:\n{error}") from error
    lock = parse_lock(text)
    remembered.keep(text, lock)
    return lock


@contextlib.contextmanager
def _temporary_folder(keeper: Keeper) -> Iterator[Path]:
    folder = temporary_folder()
    keeper.watch_folder(str(folder))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        keeper.forget_folder(str(folder))


def _read_lock(path: Path, need: Need) -> Lock:
    """A lock that the user has; it takes the place of what the program says."""
    if need.packages or len(need.requirements) > 1:
        raise BadUsage(
            f"{path.name} is a lock: leave the other --requirements and --with away, or lock them "
            "with the rest"
        )
    try:
        lock = parse_lock(path.read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadUsage(f"{path.name} is no lock as uv and pip write it: {error!r}") from error
    return Lock(tuple(package for package in lock.packages if package.name != OURS))


def _arguments(need: Need, python: str | None, folder: Path) -> list[str]:
    """uv's, with the files that they name made in `folder`."""
    excludes, constraints = folder / "excludes.txt", folder / "constraints.txt"
    with disk_errors(folder):
        excludes.write_text(f"{OURS}\n", "utf-8")
        constraints.write_text("".join(f"{line}\n" for line in _own_requirements()), "utf-8")
    sources = [str(path) for path in (*need.programs, *need.requirements)]
    return [
        *("pip", "compile", "--universal", "--format", "pylock.toml", "--no-header"),
        *("--python", sys.executable),
        *(("--python-version", python) if python else ()),
        *("--excludes", str(excludes), "--constraints", str(constraints), "--", *sources),
        *(("-",) if need.packages else ()),
    ]


def _own_requirements() -> list[str]:
    """What distrcomp asks of the packages that it uses."""
    try:
        return [one for one in importlib.metadata.requires(OURS) or () if "extra ==" not in one]
    except importlib.metadata.PackageNotFoundError:  # run from its sources
        return []
