"""`%%nodes` in a notebook: cells on nodes that live on between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from .magics import Magics

__all__ = ["load"]


_loaded: WeakKeyDictionary[Any, Magics] = WeakKeyDictionary()


def load(shell: Any) -> None:
    """Gives an IPython shell the magics; what `%load_ext distrcomp` comes to.

    Another time, as by `%reload_ext`, those that are there stay, and their nodes live on.
    """
    if shell not in _loaded:
        from .magics import Magics

        _loaded[shell] = Magics(shell)
        _loaded[shell].end_with_process()
    _loaded[shell].register()
