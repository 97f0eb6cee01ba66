# ruff: noqa: N802
"""Hints of communicators, windows and files, shared by all handles of one state."""

from __future__ import annotations

from typing import Any

from .info import Info


class Hinted:
    """Mixin: `Get_info`, `Set_info` and `info`, kept as `hints` of the handle's state."""

    __slots__ = ()

    _live: Any

    def Set_info(self, info: Info) -> None:
        """Set hints."""
        self._live.hints.update(info.items())

    def Get_info(self) -> Info:
        """Return the hints in use."""
        return Info._of(self._live.hints)

    @property
    def info(self) -> Info:
        """Hints."""
        return self.Get_info()

    @info.setter
    def info(self, info: Info) -> None:
        self.Set_info(info)
