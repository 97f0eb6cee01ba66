"""Stands in for the guardian: notes what is watched over."""

from __future__ import annotations

import asyncio


class Keeper:
    """What was watched over, and what no longer is.

    Attributes:
        changed: set when something is watched over.
    """

    def __init__(self) -> None:
        self.watched: list[int | str] = []
        self.forgotten: list[int | str] = []
        self.changed = asyncio.Event()

    def watch_group(self, group: int) -> None:
        """A process group."""
        self.watched.append(group)
        self.changed.set()

    def forget_group(self, group: int) -> None:
        """It is gone."""
        self.forgotten.append(group)

    def watch_run(self, mark: str) -> None:
        """What bears a mark."""
        self.watched.append(mark)

    def forget_run(self, mark: str) -> None:
        """It is gone."""
        self.forgotten.append(mark)

    def watch_folder(self, folder: str) -> None:
        """A folder."""
        self.watched.append(folder)

    def forget_folder(self, folder: str) -> None:
        """It is gone."""
        self.forgotten.append(folder)
