"""Where credentials and the agent's store lie, and how secret files are written and read.

A file of secrets is made with O_EXCL under a name nobody can guess, with mode 0600 whatever the
umask, in a folder nobody else may write, and then renamed into place. It is read only if it still
is what was written: a regular file of ours that nobody else may read (S-41). What was wrong is
said with the command that mends it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shlex
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from .. import limits
from ..errors import BadUsage, CannotStart
from ..records import record

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600
_ADVICE = "set DISTRCOMP_HOME to a folder of your own that can be written"


@record
class Home:
    """The two folders of one user's distrcomp; neither exists before it is needed.

    Args:
        config: credentials.
        cache: what the agent can fetch again.
    """

    config: Path
    cache: Path
    _runtime: Path | None = None

    @classmethod
    def find(cls, environ: Mapping[str, str], platform: str = sys.platform) -> Home:
        """The home that `environ` asks for: DISTRCOMP_HOME, else the platform's user folders.

        Raises:
            CannotStart: `environ` names no folder at all.
        """
        chosen = environ.get("DISTRCOMP_HOME")
        if chosen:
            config = Path(chosen).absolute()
            return cls(config, config / "cache")
        config, cache = _user_folders(environ, platform)
        runtime = Path(environ.get("XDG_RUNTIME_DIR") or "")
        return cls(
            config / "distrcomp",
            cache / "distrcomp",
            runtime / "distrcomp" if runtime.is_absolute() else None,
        )

    @property
    def cluster(self) -> Path:
        """The operator's folder."""
        return self.config / "cluster"

    @property
    def runtime(self) -> Path:
        """The folder of what lives no longer than the user's processes."""
        with contextlib.suppress(OSError):  # after `su` it may be somebody else's
            if self._runtime is not None and self._runtime.parent.stat().st_uid == os.geteuid():
                return self._runtime
        return self.cache

    @property
    def operator_credentials(self) -> Path:
        return self.cluster / "operator.pem"

    @property
    def agent_credentials(self) -> Path:
        return self.config / "agent.pem"

    def make_config(self) -> Path:
        """The folder of credentials, made if missing; raises CannotStart."""
        return make_private_folder(self.config)

    def make_cache(self) -> Path:
        """The folder of the agent's store, made if missing; raises CannotStart."""
        return make_private_folder(self.cache)


def make_private_folder(folder: Path) -> Path:
    """`folder`, made with mode 0700 if missing, and its missing parents likewise.

    Raises:
        CannotStart: it cannot be made or written, or others may write it.
    """
    try:
        missing = []
        for place in (folder, *folder.parents):
            if place.exists():
                break
            missing.append(place)
        for place in reversed(missing):
            with contextlib.suppress(FileExistsError):  # two commands at once
                place.mkdir(_FOLDER_MODE)
                place.chmod(_FOLDER_MODE)
        _refuse_unsafe_folder(folder)
    except OSError as error:
        raise CannotStart(f"{folder} cannot be made: {error.strerror}; {_ADVICE}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CannotStart(f"{folder} cannot be written; {_ADVICE}")
    return folder


def write_private(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Writes `data` to `path` with mode 0600, whole or not at all.

    Args:
        replace: whether a file that is there gives way.

    Raises:
        BadUsage: the file is there and `replace` is false.
        CannotStart: it cannot be written.
    """
    target = path.with_name(f".{path.name}.{secrets.token_hex(8)}") if replace else path
    try:
        _write_new(target, data)
        if replace:
            try:
                target.replace(path)
            except OSError:
                target.unlink()
                raise
    except FileExistsError as error:
        raise BadUsage(f"{path} exists already: move it away first") from error
    except OSError as error:
        raise CannotStart(f"{path} cannot be written: {error.strerror}") from error


def read_private(path: Path) -> bytes:
    """The bytes of `path`, a file of secrets.

    Raises:
        CannotStart: it is missing, or is not safe; the message says how to mend it.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError as error:
        raise CannotStart(f"there is no file {path}") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise CannotStart(
                f"{path} is a symbolic link, which is not safe for a secret: put the file "
                "itself there"
            ) from error
        if error.errno == errno.ENXIO:  # a Unix socket
            raise CannotStart(f"{path} is not a regular file") from error
        raise CannotStart(f"{path} cannot be read: {error.strerror}") from error
    try:
        _refuse_unsafe_file(path, os.fstat(descriptor))
        _refuse_unsafe_folder(path.parent)
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(limits.PRIVATE_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise CannotStart(f"{path} cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)
    if len(data) > limits.PRIVATE_FILE_BYTES_MAX:
        raise CannotStart(f"{path} is too long to be a file of distrcomp's")
    return data


def _user_folders(environ: Mapping[str, str], platform: str) -> tuple[Path, Path]:
    """The platform's folders for a user's configuration and cache."""
    if platform == "win32":
        return _folder(environ, "APPDATA"), _folder(environ, "LOCALAPPDATA")
    if platform == "darwin":
        library = _folder(environ, "HOME") / "Library"
        return library / "Application Support", library / "Caches"
    return (
        _folder(environ, "XDG_CONFIG_HOME", ".config"),
        _folder(environ, "XDG_CACHE_HOME", ".cache"),
    )


def _folder(environ: Mapping[str, str], variable: str, below_home: str | None = None) -> Path:
    folder = Path(environ.get(variable) or "")
    if folder.is_absolute():  # the XDG specification: a relative one is to be ignored
        return folder
    if below_home is not None:
        return _folder(environ, "HOME") / below_home
    raise CannotStart(f"{variable} is not set to a folder, so distrcomp has no home: {_ADVICE}")


def _write_new(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, _FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, _FILE_MODE)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError:
        path.unlink()
        raise


def _refuse_unsafe_file(path: Path, status: os.stat_result) -> None:
    quoted = shlex.quote(str(path))
    if not stat.S_ISREG(status.st_mode):
        raise CannotStart(f"{path} is not a regular file")
    if status.st_uid != os.geteuid():
        raise CannotStart(
            f"{path} belongs to user {status.st_uid}, not to you (user {os.geteuid()}): "
            f"chown {os.geteuid()} {quoted}"
        )
    if status.st_mode & 0o077:
        raise CannotStart(
            f"{path} is open to other users (mode {stat.S_IMODE(status.st_mode):04o}): "
            f"chmod 600 {quoted}"
        )


def _refuse_unsafe_folder(folder: Path) -> None:
    """Others who may write a folder can exchange the files in it."""
    status = folder.stat()
    quoted = shlex.quote(str(folder))
    if not stat.S_ISDIR(status.st_mode):
        raise CannotStart(f"{folder} is not a folder")
    if status.st_uid not in (0, os.geteuid()):
        raise CannotStart(
            f"the folder {folder} belongs to user {status.st_uid}, not to you "
            f"(user {os.geteuid()}): chown {os.geteuid()} {quoted}"
        )
    if status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX:
        raise CannotStart(f"other users may write the folder {folder}: chmod go-w {quoted}")
