"""Private folders on disk, as the store and the sandboxes use them.

Names are opened relative to a folder's descriptor and never through a link, so nobody who changes
what lies at a path changes what we touch (S-25). A name that others could guess is not used (S-42).
The owner of a file or folder holds an flock on it: where the lock is free, the owner is dead. The
descriptors are close-on-exec, for a child that kept one would keep the lock.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import BadUsage, CannotStart

OPEN_SAFELY = os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | OPEN_SAFELY


def current_folder() -> Path:
    """Where the user is; raises BadUsage."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise BadUsage("the folder you are in has been removed: change to another one") from error


def know_temporary_folder() -> None:
    """Has tempfile use the first of its folders that may be written to, without a try.

    It tries by a file, and who is killed in that moment leaves it there. For a process that is ours
    alone.
    """
    named = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    for folder in filter(None, (*named, "/tmp", "/var/tmp")):  # noqa: S108  where others look, too
        if Path(folder).is_dir() and os.access(folder, os.W_OK | os.X_OK):
            tempfile.tempdir = str(Path(folder).absolute())
            return


def temporary_folder() -> Path:
    """A new one that is ours alone; raises CannotStart."""
    try:
        return Path(tempfile.mkdtemp(prefix="distrcomp-"))
    except OSError as error:  # all that tempfile says of full disks is that there is no folder
        raise CannotStart(
            f"no folder for temporary files can be used: {error.strerror}; free some space, or set "
            "TMPDIR to a folder on a disk that has some"
        ) from error


def open_private_folder(folder: Path) -> int:
    """A descriptor of `folder`, which is made if missing and is ours alone.

    Raises:
        CannotStart: it can't be made, is a link, or belongs to another user.
    """
    with disk_errors(folder):
        for part in reversed([folder, *folder.parents]):
            if not part.exists():
                with contextlib.suppress(FileExistsError):
                    part.mkdir(0o700)
        try:
            descriptor = os.open(folder, OPEN_FOLDER)
        except NotADirectoryError as error:
            raise CannotStart(
                f"{folder} is a link or a file where a private folder is needed: move it away"
            ) from error
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid():
        os.close(descriptor)
        raise CannotStart(
            f"{folder} belongs to user {status.st_uid}, not to you: "
            "have it removed, or set DISTRCOMP_HOME to a folder of your own"
        )
    if stat.S_IMODE(status.st_mode) != 0o700:
        os.fchmod(descriptor, 0o700)
    return descriptor


def names_in(folder: int) -> list[str]:
    """The names in an open folder."""
    return os.listdir(folder)


def unpredictable_name(prefix: str) -> str:
    """A name that starts with `prefix` and that nobody can have made beforehand."""
    return f"{prefix}{secrets.token_hex(16)}"


def claim(descriptor: int, name: str, folder: int) -> bool:
    """Becomes the owner of an open file or folder.

    Args:
        descriptor: the open file; the lock lasts until it is closed.
        name: the file's name in `folder`.
        folder: a descriptor of the folder.

    Returns:
        False when it has a living owner, or another has removed it meanwhile.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return is_named(descriptor, name, folder)


def is_named(descriptor: int, name: str, folder: int) -> bool:
    """Whether `name` in `folder` is still the open file."""
    try:
        named = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(named, os.fstat(descriptor))


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Writes every byte of `data`; the kernel may take them in several pieces."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


@contextlib.contextmanager
def disk_errors(where: Path) -> Iterator[None]:
    """Turns the system's errors about the disk at `where` into CannotStart (F-20, F-40)."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CannotStart(f"no space left on {where}: free some and run again") from error
        raise CannotStart(f"cannot use {where}: {error.strerror or error}") from error
