"""`distrcomp agent --install` and `--uninstall`: the agent as a service of systemd."""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from .. import limits
from ..agent.service_unit import SYSTEM_HOME, UNIT_NAME, Service, is_ours, unit_text, wanted_by
from ..errors import BadUsage, CannotStart

_SYSTEM_FOLDER = Path("/etc/systemd/system")
_RUNS_HERE = Path("/run/systemd/system")  # as sd_booted(3) tells it


def install(options: dict[str, Any]) -> None:
    """Writes the unit and prints what to type next; raises BadUsage, CannotStart."""
    user = _user(options)
    service = Service(_command(options), _environment(user), user)
    path, text = _folder(user) / UNIT_NAME, unit_text(service)
    known = _read_ours(path)
    if known == text:
        click.echo(f"{path} is what it should be already")
    else:
        _write(path, text)
        click.echo(f"{'replaced' if known is not None else 'wrote'} {path}")
    if not _RUNS_HERE.is_dir():
        started = shlex.join(["distrcomp", "agent", *agent_words(options)])
        click.echo(
            "distrcomp: systemd does not run this machine, as in most containers: nobody starts "
            f"the unit here; what it would start is `{started}`",
            err=True,
        )
        return
    manager = _manager(user)
    if known is not None:
        click.echo(f"next: {manager} daemon-reload && {manager} restart {UNIT_NAME}")
        return
    click.echo(f"next: {manager} enable --now {UNIT_NAME}")
    if user:
        click.echo(
            f"      its credentials belong into {SYSTEM_HOME}: as {user}, with DISTRCOMP_HOME="
            f"{SYSTEM_HOME}, run `distrcomp agent --join -` once before"
        )
    else:
        click.echo("      loginctl enable-linger  (so that it runs while you are not logged in)")


def uninstall(options: dict[str, Any]) -> None:
    """Removes the unit; raises BadUsage, CannotStart."""
    user = _user(options)
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
    manager = _manager(user)
    click.echo(f"removed {path}")
    click.echo(f"next: {manager} stop {UNIT_NAME} && {manager} daemon-reload")


def _user(options: dict[str, Any]) -> str:
    """Whom the service runs as; empty for the user's own manager."""
    if not options["system"]:
        if options["run_as"]:
            raise BadUsage("--run-as is for --system: a service of yours runs as you")
        return ""
    user: str = options["run_as"] or "distrcomp"
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise BadUsage(
            f"there is no user {user!a} on this machine: `useradd --system {user}` makes one, or "
            "name another by --run-as"
        ) from None
    if entry.pw_uid == 0:
        raise BadUsage("programs of the cluster would run as root: name another user by --run-as")
    return user


def _command(options: dict[str, Any]) -> list[str]:
    """What starts the agent with these options."""
    return [sys.executable, "-P", "-m", "launcher", "agent", *agent_words(options)]


def agent_words(options: dict[str, Any]) -> list[str]:
    """The options of an agent that runs on, as they are typed: joining is over."""
    words = ["--listen", options["listen"]]
    if options["slots"] is not None:
        words += ["--slots", str(options["slots"])]
    if options["credentials"] is not None:
        words += ["--credentials", str(options["credentials"].absolute())]
    return [*words, "--announce"] if options["announce"] else words


def _environment(user: str) -> dict[str, str]:
    if user:
        return {"DISTRCOMP_HOME": SYSTEM_HOME}
    home = os.environ.get("DISTRCOMP_HOME")
    return {"DISTRCOMP_HOME": str(Path(home).absolute())} if home else {}


def _folder(user: str) -> Path:
    if user:
        return _SYSTEM_FOLDER
    base = os.environ.get("XDG_CONFIG_HOME")
    if not base and not os.environ.get("HOME"):
        raise CannotStart("HOME is not set: where do your service units lie?")
    return (Path(base) if base else Path(os.environ["HOME"]) / ".config") / "systemd" / "user"


def _manager(user: str) -> str:
    return "systemctl" if user else "systemctl --user"


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
