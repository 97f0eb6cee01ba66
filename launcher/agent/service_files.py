"""The systemd unit of an agent as a file: in its place whole or not at all, and a foreign one left.

Who reads, writes and removes it may be root, in a folder that only root writes; or a user, in one
of their own.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
import tempfile
from pathlib import Path

from .. import limits
from ..errors import BadUsage, CannotStart
from ..records import record
from .service_unit import UNIT_NAME, Service, is_ours, unit_text, wanted_by

_SYSTEM_FOLDER = Path("/etc/systemd/system")
_RUNS_HERE = Path("/run/systemd/system")  # as sd_booted(3) tells it


@record
class Installed:
    """A unit that stands in its place.

    Attributes:
        path: its place.
        was_there: whether one of ours stood there before.
        is_changed: whether it had to be written.
    """

    path: Path
    was_there: bool
    is_changed: bool


def install_unit(service: Service) -> Installed:
    """Sees to it that the unit stands where systemd looks; raises BadUsage, CannotStart."""
    path, text = _folder(service.user) / UNIT_NAME, unit_text(service)
    known = _read_ours(path)
    if known != text:
        _write(path, text)
    return Installed(path, known is not None, known != text)


def remove_unit(user: str) -> Path:
    """Removes the unit, and what has it started at boot; where it stood.

    Args:
        user: whom it runs as, by the system's manager; empty: by the user's own.

    Raises:
        BadUsage: there is none, or none of ours.
        CannotStart: it can't be removed.
    """
    path = _folder(user) / UNIT_NAME
    if _read_ours(path) is None:
        raise BadUsage(f"there is no {path}")
    enabled = path.parent / f"{wanted_by(user)}.wants" / UNIT_NAME
    try:
        path.unlink()
        if enabled.is_symlink():
            enabled.unlink()
    except OSError as error:
        raise CannotStart(f"{path} cannot be removed: {error.strerror}") from error
    return path


def is_run_by_systemd() -> bool:
    """Whether systemd runs this machine: what is installed is started by it, if at all."""
    return _RUNS_HERE.is_dir()


def require_user(user: str) -> None:
    """Raises BadUsage unless this user exists, and is not root."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise BadUsage(
            f"there is no user {user!a} on this machine: `useradd --system {user}` makes one, or "
            "name another by --run-as"
        ) from None
    if entry.pw_uid == 0:
        raise BadUsage("programs of the cluster would run as root: name another user by --run-as")


def _folder(user: str) -> Path:
    if user:
        return _SYSTEM_FOLDER
    base = os.environ.get("XDG_CONFIG_HOME")
    if not base and not os.environ.get("HOME"):
        raise CannotStart("HOME is not set: where do your service units lie?")
    return (Path(base) if base else Path(os.environ["HOME"]) / ".config") / "systemd" / "user"


def _read_ours(path: Path) -> str | None:
    """The unit that stands there, None where there is none; raises BadUsage for a foreign one."""
    foreign = BadUsage(f"{path} was not made by `distrcomp agent --install`: it is left alone")
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise foreign
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(limits.SERVICE_UNIT_BYTES_MAX)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CannotStart(f"{path} cannot be read: {error.strerror}") from error
    if not is_ours(text):
        raise foreign
    return text


def _write(path: Path, text: str) -> None:
    """Puts the unit in its place, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        advice = "; run this as root" if isinstance(error, PermissionError) else ""
        raise CannotStart(f"{path} cannot be written: {error.strerror}{advice}") from error
