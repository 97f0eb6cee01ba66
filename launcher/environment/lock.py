"""A lock: which version of each package, by which hashes, for all machines of a run; no I/O.

uv writes it as pylock.toml (PEP 751), from which we take what we need. Agents get it as lines for
`uv pip install --require-hashes`: name, version, marker, hashes, and no address. So the launcher's
index, and a password in its address, never travel; each agent asks the index that it is set up
with, and the hashes see to it that it gets the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import BadUsage
from ..records import record

_LINE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*"
    r"(?: ; (?!.*--(?!hash=))[\w .<>=!~'\"()*+-]+?)?"
    r"(?: --hash=sha256:[0-9a-f]{64})+"
)
_WHEEL = ".whl"


@record
class Wheel:
    """One file of a package.

    Attributes:
        name: the file's name, which tells what it is for.
        url: where the launcher gets it; a path for one that lies here.
    """

    name: str
    url: str
    sha256: bytes


@record
class Package:
    """One version of one package.

    Attributes:
        marker: where it is needed; "" for everywhere.
        hashes: of all its files, in hexadecimal, sorted.
    """

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    wheels: tuple[Wheel, ...]

    @property
    def line(self) -> str:
        """As `uv pip install` reads it."""
        marker = f" ; {self.marker}" if self.marker else ""
        hashes = "".join(f" --hash=sha256:{one}" for one in self.hashes)
        return f"{self.name}=={self.version}{marker}{hashes}"


@record
class Lock:
    """All packages of an environment."""

    packages: tuple[Package, ...]

    @property
    def requirements(self) -> str:
        """A line for each package."""
        return "".join(f"{package.line}\n" for package in self.packages)

    @property
    def names(self) -> frozenset[str]:
        """The packages' names."""
        return frozenset(package.name for package in self.packages)

    @property
    def is_local(self) -> bool:
        """Whether some of it lies on the launcher's machine only."""
        wheels = [wheel for package in self.packages for wheel in package.wheels]
        return any(urlsplit(wheel.url).scheme not in ("http", "https") for wheel in wheels)


def parse_lock(text: str) -> Lock:
    """The lock that uv has written as pylock.toml.

    Raises:
        BadUsage: something in it can't be had on other machines.
    """
    import tomllib  # only where there is a lock to read

    read = tomllib.loads(text)
    packages = [_package(each) for each in read.get("packages", [])]
    return Lock(tuple(sorted(packages, key=lambda package: package.line)))


def key_of(requirements: str, *parts: str) -> str:
    """The name under which an environment of these requirements is kept.

    Args:
        parts: what else it depends on.
    """
    digest = hashlib.sha256()
    for part in (requirements, *parts):
        digest.update(hashlib.sha256(part.encode()).digest())
    return digest.hexdigest()[:32]


def is_locked(requirements: str) -> bool:
    """Whether each line names one version and its hashes, and nothing else.

    Example:
        >>> is_locked("six==1.0 --hash=sha256:" + "0" * 64 + "\\n"), is_locked("--index-url x\\n")
        (True, False)
    """
    return all(_LINE.fullmatch(line) for line in requirements.splitlines())


def _package(read: Mapping[str, Any]) -> Package:
    name = read["name"]
    for kind, what in (("directory", "a folder"), ("vcs", "a repository")):
        if kind in read:
            raise BadUsage(
                f"{name} is {what}, and other machines can't be sure to get it as it is here: "
                "build a wheel of it (`uv build --wheel`) and name that, or ship it by --include"
            )
    wheels = tuple(_wheels(read))
    version = read.get("version") or (wheels[0].name.split("-")[1] if wheels else "")
    hashes = {wheel.sha256.hex() for wheel in wheels}
    if "sdist" in read:
        hashes.add(_sha256(read["sdist"], name).hex())
    if not hashes or not version:
        raise BadUsage(f"{name}: the package index has no file of it with a hash and a version")
    package = Package(name, version, read.get("marker", ""), tuple(sorted(hashes)), wheels)
    if not is_locked(package.line):
        raise BadUsage(
            f"{name} has a version or marker that is not understood: {package.line[:200]}"
        )
    return package


def _wheels(read: Mapping[str, Any]) -> Iterator[Wheel]:
    for each in (*read.get("wheels", ()), *([read["archive"]] if "archive" in read else ())):
        url = each.get("url") or each.get("path", "")
        name = each.get("name") or unquote(urlsplit(url).path).rpartition("/")[2]
        if name.endswith(_WHEEL):
            yield Wheel(name, url, _sha256(each, read["name"]))


def _sha256(file: Mapping[str, Any], name: str) -> bytes:
    found = file.get("hashes", {}).get("sha256", "")
    if not re.fullmatch(r"[0-9a-f]{64}", found):
        raise BadUsage(f"{name}: the package index has a file of it without a hash by SHA-256")
    return bytes.fromhex(found)
