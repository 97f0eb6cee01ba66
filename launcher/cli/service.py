"""`distrcomp agent --install` and `--uninstall`: the agent as a service of systemd."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from ..agent.service_files import install_unit, is_run_by_systemd, remove_unit, require_user
from ..agent.service_unit import SYSTEM_HOME, UNIT_NAME, Service
from ..agent.succession import words_for
from ..errors import BadUsage


def install(options: dict[str, Any]) -> None:
    """Writes the unit and prints what to type next; raises BadUsage, CannotStart."""
    user = _user(options)
    command = words_for(sys.executable, agent_words(options))
    service = Service(command, _environment(user), user)
    unit = install_unit(service)
    if unit.is_changed:
        click.echo(f"{'replaced' if unit.was_there else 'wrote'} {unit.path}")
    else:
        click.echo(f"{unit.path} is what it should be already")
    if not is_run_by_systemd():
        started = shlex.join(["distrcomp", "agent", *agent_words(options)])
        click.echo(
            "distrcomp: systemd does not run this machine, as in most containers: nobody starts "
            f"the unit here; what it would start is `{started}`",
            err=True,
        )
        return
    manager = _manager(user)
    if unit.was_there:
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
    path = remove_unit(user)
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
    require_user(user)
    return user


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


def _manager(user: str) -> str:
    return "systemctl" if user else "systemctl --user"
