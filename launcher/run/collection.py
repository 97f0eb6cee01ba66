"""The files that agents send back, on their way to this machine's disk (S-24).

Nothing an agent says is believed: a path must be a plain one that a pattern of the user's means,
may come once, and its content must be what its hash says; files and bytes are counted. Everything
is written below one folder that is made for this run, through no link, as 0600 in 0700; a file gets
its name when it is whole, and before that it has none, where the disk can do that: so a launcher
that is killed leaves no half a file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import Counter
from pathlib import Path

from .. import limits
from ..control.files import FilePart
from ..errors import BadManifest, CannotWrite, PeerRefused
from ..ship.folders import OPEN_FOLDER, OPEN_SAFELY, unpredictable_name, write_all
from ..ship.manifest import check_path, shown
from ..ship.patterns import Patterns
from .course import Course
from .results import CollectedFile

_OPEN_FILES = "/proc/self/fd"


class Collection:
    """The files of one run.

    Args:
        course: of the run; says which files are wanted, and where to.

    Attributes:
        files: those that are whole, in the order in which they came.
        folder: where they lie; "" as long as there are none.
        come_bytes: how much has come from each peer.
    """

    def __init__(self, course: Course) -> None:
        self.files: list[CollectedFile] = []
        self.folder = ""
        self.come_bytes: Counter[int] = Counter()
        self._into = course.collect_into
        self._run_id = course.opening.run_id.hex()
        self._patterns = Patterns(course.collect)
        self._root = -1
        self._coming: dict[int, _Coming] = {}
        self._known: set[tuple[int, str]] = set()

    def take(self, peer: int, part: FilePart) -> None:
        """Takes the next bytes from a peer, whose node it is about.

        Raises:
            PeerRefused: it sends what nobody asked for.
            CannotWrite: this machine's disk doesn't take it.
        """
        where = f"{self.folder or self._into}"
        try:
            self._take(peer, part)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            self.abandon(peer)
            raise PeerRefused(f"it sent {shown(part.path)} beside what contradicts it") from error
        except OSError as error:
            self.abandon(peer)
            raise CannotWrite(
                f"files cannot be brought back into {where}: {error.strerror}"
            ) from error
        except PeerRefused:
            self.abandon(peer)
            raise

    def _take(self, peer: int, part: FilePart) -> None:
        coming = self._coming.get(peer)
        if coming is None:
            self._require_wanted(part)
            coming = self._coming[peer] = self._begin(part)
        self.come_bytes[peer] += len(part.data)
        if (coming.node, coming.path) != (part.node, part.path):
            raise PeerRefused(f"it sent {shown(part.path)} before another file was whole")
        if self.come_bytes.total() > limits.COLLECTED_BYTES_MAX:
            raise PeerRefused(f"it sent more than {limits.COLLECTED_BYTES_MAX:,} bytes of files")
        if not part.data and not part.last:
            raise PeerRefused("it sent a part of a file with nothing in it")
        coming.write(part.data)
        if part.last:
            if coming.digest.digest() != part.sha256:
                raise PeerRefused(f"the content of {shown(part.path)} is not what its hash says")
            self._keep(coming)
            del self._coming[peer]

    def _require_wanted(self, part: FilePart) -> None:
        try:
            check_path(part.path)
        except BadManifest as error:
            raise PeerRefused(str(error)) from error
        if not self._patterns.match(part.path):
            raise PeerRefused(f"it sent {shown(part.path)}, which was not asked for")
        if (part.node, part.path) in self._known:
            raise PeerRefused(f"it sent {shown(part.path)} twice")
        if len(self._known) >= limits.COLLECTED_FILES_MAX:
            raise PeerRefused(f"it sent more than {limits.COLLECTED_FILES_MAX:,} files")
        self._known.add((part.node, part.path))

    def _begin(self, part: FilePart) -> _Coming:
        if self._root < 0:
            self._root = self._make_root()
        return _Coming(part.node, part.path, *_new_file(self._root))

    def _make_root(self) -> int:
        try:
            Path(self._into).mkdir(0o700, exist_ok=True)
        except FileExistsError as error:
            where = f"files cannot be brought back into {self._into}"
            raise CannotWrite(f"{where}: something that is no folder has that name") from error
        for run in (self._run_id[: limits.RUN_ID_SHOWN], self._run_id):
            folder = Path(self._into) / run
            with contextlib.suppress(FileExistsError):
                folder.mkdir(0o700)
                self.folder = str(folder)
                return os.open(folder, OPEN_FOLDER)
        raise PermissionError(0, f"there is a folder {folder} already")

    def _keep(self, coming: _Coming) -> None:
        """Gives a whole file its name."""
        *folders, name = [str(coming.node), *coming.path.split("/")]
        outer = os.open(".", OPEN_FOLDER, dir_fd=self._root)
        try:
            for part in folders:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o700, dir_fd=outer)
                inner = os.open(part, OPEN_FOLDER, dir_fd=outer)
                os.close(outer)
                outer = inner
            if coming.name:
                os.rename(coming.name, name, src_dir_fd=self._root, dst_dir_fd=outer)
            else:
                os.link(f"{_OPEN_FILES}/{coming.descriptor}", name, dst_dir_fd=outer)
        finally:
            os.close(outer)
        os.close(coming.descriptor)
        sha256 = coming.digest.hexdigest()
        self.files.append(CollectedFile(coming.node, coming.path, coming.size, sha256))

    def abandon(self, peer: int) -> None:
        """Nothing more comes from a peer: what is not whole goes."""
        coming = self._coming.pop(peer, None)
        if coming is not None:
            os.close(coming.descriptor)
            if coming.name:
                with contextlib.suppress(OSError):
                    os.unlink(coming.name, dir_fd=self._root)

    def close(self) -> None:
        """Nothing more comes; folders without a file go."""
        for peer in list(self._coming):
            self.abandon(peer)
        if self._root >= 0:
            os.close(self._root)
            self._root = -1
            if not self.files:
                for folder in (Path(self.folder), Path(self._into)):
                    with contextlib.suppress(OSError):
                        folder.rmdir()
                self.folder = ""
        self.files.sort(key=lambda file: (file.node, file.path))


def _new_file(folder: int) -> tuple[str, int]:
    """Its name, "" where it can do without, and its descriptor."""
    if Path(_OPEN_FILES).is_dir():  # by which it gets its name
        with contextlib.suppress(OSError):  # not every disk can do it
            return "", os.open(".", os.O_WRONLY | os.O_TMPFILE | OPEN_SAFELY, 0o600, dir_fd=folder)
    name = unpredictable_name(".coming-")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | OPEN_SAFELY
    return name, os.open(name, flags, 0o600, dir_fd=folder)


class _Coming:
    """A file of which not all is here; without a name as long as that is so, or with one."""

    def __init__(self, node: int, path: str, name: str, descriptor: int) -> None:
        self.node = node
        self.path = path
        self.name = name
        self.descriptor = descriptor
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        write_all(self.descriptor, data)
        self.digest.update(data)
        self.size += len(data)
