"""Whom the commands ask that look at live runs."""

from __future__ import annotations

import os
from pathlib import Path

from ..cluster.home import Home
from ..run.looking import Looker
from .options import chosen_peers


def looker(peers: Path | None, host: str | None) -> Looker:
    """What runs on this machine, and the peers that the options name."""
    chosen = chosen_peers(peers, host)
    if chosen is None or all(peer.is_here for peer in chosen):
        return Looker()
    from ..cluster.credentials import load_operator
    from ..cluster.members import Members
    from ..run.connect import Operator

    home = Home.find(os.environ)
    return Looker(chosen, Operator(load_operator(home), Members(home.cluster)))
