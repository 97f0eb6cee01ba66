"""Whom the commands ask that look at live runs."""

from __future__ import annotations

from pathlib import Path

from ..run.connect import operator_here
from ..run.looking import Looker
from .options import chosen_peers


def looker(peers: Path | None, host: str | None) -> Looker:
    """What runs on this machine, and the peers that the options name."""
    chosen = chosen_peers(peers, host)
    if chosen is None or all(peer.is_here for peer in chosen):
        return Looker()
    return Looker(chosen, operator_here())
