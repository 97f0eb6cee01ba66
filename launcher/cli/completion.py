"""What a shell is offered where Tab is pressed; it asks nobody and imports next to nothing.

click makes the scripts: `_DISTRCOMP_COMPLETE=bash_source distrcomp`, and so for zsh and fish.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from .. import limits
from ..agent.window_folder import runs_seen
from ..cluster.home import Home
from ..cluster.peers_file import read_peers
from ..errors import LauncherError


def complete_program(ctx: click.Context, _: click.Parameter, word: str) -> list[CompletionItem]:
    """Python files and folders; after the program, or for a module or code, any file."""
    has_program = any(ctx.params.get(name) for name in ("program", "module", "code"))
    if has_program:
        return [CompletionItem(word, type="file")]
    before, slash, begun = word.rpartition("/")
    try:
        with os.scandir((before + slash) or ".") as entries:
            found = sorted((entry.name, entry.is_dir()) for entry in entries)
    except OSError:
        return []
    return [
        CompletionItem(before + slash + name + ("/" if is_folder else ""))
        for name, is_folder in found
        if name.startswith(begun)
        and (is_folder or name.endswith(".py"))
        and (begun or not name.startswith("."))
    ]


def complete_hosts(ctx: click.Context, _: click.Parameter, word: str) -> list[CompletionItem]:
    """The peers of the peers file, after the last comma of what has been typed."""
    named = ctx.params.get("peers") or os.environ.get("DISTRCOMP_PEERS")
    before, comma, last = word.rpartition(",")
    hosts: list[str] = []
    if named:
        with contextlib.suppress(LauncherError):
            hosts = [peer.host for peer in read_peers(Path(named))]
    return [CompletionItem(before + comma + host) for host in hosts if host.startswith(last)]


def complete_variable(_: click.Context, __: click.Parameter, word: str) -> list[CompletionItem]:
    """Variables that are set here."""
    return [CompletionItem(name) for name in sorted(os.environ) if name.startswith(word)]


def complete_run(_: click.Context, __: click.Parameter, word: str) -> list[CompletionItem]:
    """The runs that this user has started on this machine, by the part of the id that ps shows."""
    with contextlib.suppress(LauncherError):
        ids = [
            run_id[: max(limits.RUN_ID_SHOWN, len(word))]
            for run_id in runs_seen(Home.find(os.environ))
        ]
        return [CompletionItem(run_id) for run_id in ids if run_id.startswith(word)]
    return []
