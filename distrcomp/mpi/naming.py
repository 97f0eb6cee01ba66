# ruff: noqa: N802
"""Names of communicators, datatypes and windows, shared by all handles of one state."""

from __future__ import annotations

from typing import Any, ClassVar

from .constants import MAX_OBJECT_NAME
from .errors import MPIException


class Named:
    """Mixin: `Get_name`, `Set_name` and `name`, kept as `name` of the handle's state.

    The state has an attribute `name`.
    """

    __slots__ = ()

    _state: Any
    _null: ClassVar[str]
    _null_error: ClassVar[int]

    def Get_name(self) -> str:
        """Get the printable name of this object."""
        state = self._state
        name: str = f"MPI_{self._null}" if state is None else state.name
        return name

    def Set_name(self, name: str) -> None:
        """Set the printable name of this object."""
        state = self._state
        if state is None:
            raise MPIException(self._null_error, "a null handle has no name")
        if not isinstance(name, str):
            raise TypeError(f"a name is a str, not {type(name).__name__}")
        state.name = name.encode()[: MAX_OBJECT_NAME - 1].decode(errors="ignore")

    @property
    def name(self) -> str:
        """Printable name."""
        return self.Get_name()

    @name.setter
    def name(self, value: str) -> None:
        self.Set_name(value)
