"""How a command adds a peer to a peers file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from ..cluster.peers_file import Peer, append_peer, format_peer
from ..run.plain import plain


def add_peer(path: Path, peer: Peer) -> None:
    """Adds a line, and says on stderr what became of it: stdout may be a peers file itself."""
    line = format_peer(peer)
    standing = append_peer(path, peer)
    if standing is None:
        said = f"added `{line}` to {path}"
    else:
        where, other = standing
        known = format_peer(other)
        if format_peer(replace(other, slots=None)) == line:
            said = f"{where} is `{known}` already"
        else:
            said = (
                f"{where} is `{known}` and was not changed; for {peer.label} it would be `{line}`"
            )
    click.echo(f"distrcomp: {plain(said)}", err=True)
