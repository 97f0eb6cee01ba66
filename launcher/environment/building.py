"""Building one environment by uv, from a lock, in a place of its own."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

from ..records import record
from ..ship.folders import disk_errors
from .lock import key_of
from .own import link_own, own_packages
from .tags import Platform
from .uv import Groups, Said, run_uv

_LOCK_FILE = "requirements.txt"
# Changes when what is built from the same lock changes.
_FORM = "1"


@record
class Recipe:
    """What an environment is made from, here.

    Attributes:
        requirements: the lock, a line for each package.
        links: what it takes from our own installation.
    """

    requirements: str
    links: dict[str, Path]

    @property
    def key(self) -> str:
        """The name under which it is kept: the lock, and whatever else it depends on here."""
        links = "\n".join(f"{name}={target}" for name, target in self.links.items())
        python = os.path.realpath(sys.executable)
        return key_of(self.requirements, _FORM, sys.version, python, links)


def recipe_of(requirements: str) -> Recipe:
    """What an environment with these packages is made from."""
    return Recipe(requirements, own_packages())


def this_platform() -> Platform:
    """What wheels for this Python must be made for."""
    major, minor = sys.version_info[:2]
    try:
        libc, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):
        libc, version = "", ""
    if libc != "glibc":
        libc, version = "musl", "1.2"
    numbers = [int(part) for part in version.split(".")[:2]]
    return Platform(
        (major, minor),
        f"cp{major}{minor}{sys.abiflags}",
        platform.machine(),
        libc,
        (numbers[0], numbers[1]),
    )


async def build(
    recipe: Recipe, place: Path, wheels: Path | None, said: Said, groups: Groups
) -> None:
    """Builds it at `place`, where nothing is; what is there after a failure is for the caller.

    Args:
        wheels: a folder in which all its packages lie; None: they come from an index.

    Raises:
        UvFailed: in uv's own words.
        CannotStart: there is no uv here, or the disk is full.
    """
    folder = place.parent

    async def silent(_line: str) -> None:
        """Making an empty environment takes no time worth a word."""

    venv = ["venv", "--relocatable", "--no-project", "--no-config", "--python", sys.executable]
    await run_uv([*venv, "--", str(place)], folder, silent, groups)
    with disk_errors(folder):
        link_own(place, recipe.links)
    if not recipe.requirements:
        return
    with disk_errors(folder):
        (folder / _LOCK_FILE).write_text(recipe.requirements, "utf-8")
    arguments = [
        *("pip", "install", "--python", str(place / "bin" / "python")),
        *("--require-hashes", "--no-deps"),
        *(() if wheels is None else ("--no-index", "--find-links", str(wheels))),
        *("--requirements", _LOCK_FILE),
    ]
    await run_uv(arguments, folder, said, groups)


def clear(place: Path) -> None:
    """Removes what a failed attempt has left."""
    shutil.rmtree(place, ignore_errors=True)
