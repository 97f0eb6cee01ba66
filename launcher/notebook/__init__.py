"""`%%nodes` in a notebook: cells on nodes that live on between them."""

from __future__ import annotations

from typing import Any

__all__ = ["load"]


def load(shell: Any) -> None:
    """Gives an IPython shell the magics; what `%load_ext distrcomp` comes to."""
    from .magics import Magics

    Magics(shell).register()
