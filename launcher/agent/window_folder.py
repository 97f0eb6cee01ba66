"""Where the windows of a user on a machine lie, and what their names tell by themselves."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from ..cluster.home import Home

_OF_A_RUN = re.compile(r"(\d+)-([0-9a-f]{32})")


def windows_folder(home: Home) -> Path:
    """Where the windows of this user on this machine lie; other machines may share the disk."""
    machine = re.sub(r"[^A-Za-z0-9.-]", "-", os.uname().nodename) or "-"
    return home.runtime / "runs" / f"on-{machine}"


def window_name(run_id: bytes | None) -> str:
    """The name of this process's window: a launcher's tells its run."""
    return f"{os.getpid()}-{secrets.token_hex(8) if run_id is None else run_id.hex()}"


def runs_seen(home: Home) -> list[str]:
    """The ids of the runs whose launchers live here."""
    try:
        names = sorted(folder.name for folder in windows_folder(home).iterdir())
    except OSError:
        return []
    found = filter(None, map(_OF_A_RUN.fullmatch, names))
    return [match[2] for match in found if Path(f"/proc/{match[1]}").exists()]
