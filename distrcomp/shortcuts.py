"""The short ways of a node's communicators: what they must be told."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

from .links import Link


class Shortcuts:
    """Those that there are, for as long as somebody else holds them. Called with the lock held.

    Each has `know(node, link)`, called for every link that is there or comes, and `forget()`, for
    when every call must go the long way, to hear there of an end.
    """

    def __init__(self) -> None:
        self._all: weakref.WeakSet[Any] = weakref.WeakSet()
        self._is_closed = False

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._all))

    def add(self, shortcut: Any, links: dict[int, Link]) -> None:
        """One more; `links` are those that are there."""
        self._all.add(shortcut)
        if self._is_closed:
            shortcut.forget()
            return
        for node, link in links.items():
            shortcut.know(node, link)

    def drop(self, shortcut: Any) -> None:
        """What it stands for is no more."""
        self._all.discard(shortcut)
        shortcut.forget()

    def tell(self, node: int, link: Link) -> None:
        """A link has come."""
        if not self._is_closed:
            for shortcut in self:
                shortcut.know(node, link)

    def close(self) -> None:
        """From now on no call goes a short way."""
        self._is_closed = True
        for shortcut in self:
            shortcut.forget()
