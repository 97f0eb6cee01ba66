"""The releases of distrcomp that an operator has brought to an agent, and which one it starts as.

Each lies in a folder named by its hash, as a virtual environment: its own distrcomp comes first on
its Python's path, and after it what was on the agent's own, where its requirements are. So one
interpreter stands for a release, for nodes and environments too. A file says which release is kept,
that is, started from now on; it is written when the release has answered in the agent's place, and
in one step, so whoever is killed, and when, what is kept was whole and has answered.

Whoever can write these folders can be the agent, so they are their user's alone (mode 0700), and a
release with one byte changed since it was kept is not started.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

from .. import limits
from ..cluster.home import Home, make_private_folder, read_private, write_private
from ..environment.release import PACKAGES, release_hash
from ..errors import BadManifest, CannotStart
from ..records import record
from ..ship.folders import OPEN_SAFELY, disk_errors, unpredictable_name
from ..ship.manifest import Manifest, check_manifest
from ..ship.store import Store

_KEPT = "kept.json"
_LAYING = "laying-"
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+!_-]{0,39}")
_NAME = re.compile(r"[0-9a-f]{64}")
_OTHERS = "_of_the_agent.pth"


@record
class Laid:
    """A release that lies here.

    Attributes:
        version: how it calls itself.
        folder: where.
    """

    version: str
    folder: Path

    @property
    def sha256(self) -> str:
        """By what it is known, in hex."""
        return self.folder.name

    @property
    def python(self) -> str:
        """The interpreter that imports it."""
        return str(self.folder / "bin" / Path(_base_python()).name)


@record
class Kept:
    """The release that the agent starts as.

    Attributes:
        base: the hash of the installation that it was kept in place of: another one counts again.
        tree: what its folder held then (`_tree_hash`).
    """

    release: Laid
    base: str
    tree: str


class Releases:
    """All of them.

    Args:
        home: of the agent's user.
    """

    def __init__(self, home: Home) -> None:
        self.folder = home.config / "releases"

    @property
    def running(self) -> str:
        """The hash of the release that this process runs as; "" where it is the installed one."""
        prefix = Path(sys.prefix)
        with contextlib.suppress(OSError):
            if prefix.parent.samefile(self.folder):
                return prefix.name
        return ""

    def lay(self, version: str, manifest: Manifest, store: Store) -> Laid:
        """Makes a release of these files, whose contents the store has.

        Raises:
            BadManifest: it is none, or the store lacks a content.
            CannotStart: it runs already, or the disk is full, or doesn't allow it.
        """
        check_manifest(manifest, limits.RELEASE_FILES_MAX, limits.RELEASE_BYTES_MAX)
        _require_release(version, manifest)
        laid = Laid(version, self.folder / release_hash(manifest).hex())
        if laid.sha256 == self.running:  # which lives on its files
            raise CannotStart("it runs this release")
        make_private_folder(self.folder)
        place = self.folder / unpredictable_name(_LAYING)
        try:
            with disk_errors(self.folder):
                place.mkdir(0o700)
                _lay_environment(place, self.folder)
                _lay_files(_site(place), manifest, store)
                shutil.rmtree(laid.folder, ignore_errors=True)  # of a trial before
                place.rename(laid.folder)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return laid

    def keep(self, release: Laid, base: str) -> None:
        """From now on the agent starts as `release`, which has answered; raises CannotStart."""
        if release.sha256 == base:  # which agents start as where nothing is kept
            with disk_errors(self.folder):
                (self.folder / _KEPT).unlink(missing_ok=True)
            self._remove_others()
            return
        with disk_errors(self.folder):
            told = {
                "version": release.version,
                "sha256": release.sha256,
                "base": base,
                "tree": _tree_hash(release.folder),
            }
        write_private(self.folder / _KEPT, json.dumps(told).encode())
        self._remove_others()

    def kept(self) -> Kept | None:
        """Which release is kept, unchecked; raises CannotStart for a file that is not ours."""
        path = self.folder / _KEPT
        if not path.exists():
            return None
        try:
            told = json.loads(read_private(path))
            version, sha256, base, tree = (told[n] for n in ("version", "sha256", "base", "tree"))
            if not (_VERSION.fullmatch(version) and _NAME.fullmatch(sha256)):
                raise ValueError
            return Kept(Laid(version, self.folder / sha256), str(base), str(tree))
        except (ValueError, KeyError, TypeError) as error:
            raise CannotStart(f"{path} is damaged") from error

    def check(self, kept: Kept) -> None:
        """Raises CannotStart unless the release is what it was when it was kept."""
        release = kept.release
        for folder in (self.folder, release.folder):
            with disk_errors(folder):
                status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
                raise CannotStart(f"{folder} is not a folder of this user's")
            if stat.S_IMODE(status.st_mode) != 0o700:
                raise CannotStart(f"{folder} is open to other users")
        with disk_errors(release.folder):
            if _tree_hash(release.folder) != kept.tree:
                raise CannotStart(f"what lies in {release.folder} is not what was brought there")

    def sweep(self) -> None:
        """Removes what an agent has left that was killed."""
        if self.folder.is_dir():
            self._remove_others()

    def drop(self, release: Laid) -> None:
        """Removes a release that has not answered; for a thread."""
        for _ in range(limits.RELEASE_DROPS_MAX):
            shutil.rmtree(release.folder, ignore_errors=True)
            if not release.folder.exists():
                return
            time.sleep(limits.RELEASE_DROP_INTERVAL_S)

    def _remove_others(self) -> None:
        """Removes what is neither kept nor running."""
        stay = {_KEPT, self.running}
        with contextlib.suppress(CannotStart):
            kept = self.kept()
            stay.add(kept.release.sha256 if kept else "")
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                if path.name not in stay and (path.is_dir() and not path.is_symlink()):
                    shutil.rmtree(path, ignore_errors=True)


def _require_release(version: str, manifest: Manifest) -> None:
    """Refuses what is no release: it would lie on Python's path."""
    if not _VERSION.fullmatch(version):
        raise BadManifest(f"{version[:40]!a} is not a version")
    tops = {entry.path.partition("/")[0] for entry in manifest.files if "/" in entry.path}
    expected = {*PACKAGES, f"distrcomp-{version}.dist-info"}
    if tops != expected or any("/" not in entry.path for entry in manifest.files):
        raise BadManifest(f"these files are not those of distrcomp {version}")


def _base_python() -> str:
    """The interpreter behind this one's environment, if it is in one."""
    return getattr(sys, "_base_executable", "") or sys.executable


def _site(environment: Path) -> Path:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return environment / "lib" / version / "site-packages"


def _lay_environment(place: Path, releases: Path) -> None:
    """A virtual environment by its definition (PEP 405): a link and two files."""
    base = Path(_base_python())
    (place / "bin").mkdir(0o700)
    (place / "bin" / base.name).symlink_to(base)
    settings = f"home = {base.parent}\ninclude-system-site-packages = false\n"
    (place / "pyvenv.cfg").write_text(f"{settings}executable = {base}\n", "utf-8")
    _site(place).mkdir(0o700, parents=True)
    others = [path for path in sys.path if _is_of_the_agent(Path(path), releases)]
    (_site(place) / _OTHERS).write_text("".join(f"{path}\n" for path in others), "utf-8")


def _is_of_the_agent(path: Path, releases: Path) -> bool:
    """Whether it is on the path because of the agent's installation, and not of Python's own."""
    if not path.is_absolute() or not path.is_dir() or releases in path.parents:
        return False
    paths = sysconfig.get_paths()
    standard = {Path(paths["stdlib"]), Path(paths["platstdlib"])}
    return path not in standard and path.name != "lib-dynload"


def _lay_files(site: Path, manifest: Manifest, store: Store) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | OPEN_SAFELY
    for entry in manifest.files:
        path = site / entry.path
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        target = os.open(path, flags, 0o600)
        try:
            store.copy_to(entry, target)
        finally:
            os.close(target)


def _tree_hash(folder: Path) -> str:
    """The hash of all that Python would read there, but for the bytecode that it writes itself."""
    digest = hashlib.sha256()
    for name, content in _tree(folder):
        for part in (name.encode("utf-8", "surrogateescape"), content):
            digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()


def _tree(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file, in order; of a link where it leads."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            yield name, b"link " + os.fsencode(path.readlink())
        elif path.is_dir():
            continue
        elif path.parent.name != "__pycache__":
            yield name, b"file " + path.read_bytes()
