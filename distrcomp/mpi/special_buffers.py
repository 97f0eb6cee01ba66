"""BOTTOM, IN_PLACE and BUFFER_AUTOMATIC: values that stand where a buffer would."""

from __future__ import annotations

import sys
from typing import Any, Self

from .raw_memory import exports_buffer

_made: dict[type, Any] = {}


class _Special:
    """A single value that compares and hashes like its number and has an empty buffer."""

    __slots__ = ()
    _name = ""
    _number = 0

    def __new__(cls) -> Self:
        if cls not in _made:
            _made[cls] = object.__new__(cls)
        one: Self = _made[cls]
        return one

    def __hash__(self) -> int:
        return hash(self._number)

    def __eq__(self, other: object) -> bool:
        return self._number == (other._number if isinstance(other, _Special) else other)

    def __bool__(self) -> bool:
        return bool(self._number)

    def __int__(self) -> int:
        return self._number

    def __repr__(self) -> str:
        return self._name

    def __reduce__(self) -> str:
        return self._name

    def __buffer__(self, flags: int, /) -> memoryview | None:
        # Without an object, as in mpi4py, where the language doesn't ask for a memoryview.
        return None if sys.version_info < (3, 12) else memoryview(b"")


@exports_buffer
class BottomType(_Special):
    """Type of BOTTOM."""

    __slots__ = ()
    _name = "BOTTOM"

    def __index__(self) -> int:
        return 0


@exports_buffer
class InPlaceType(_Special):
    """Type of IN_PLACE."""

    __slots__ = ()
    _name = "IN_PLACE"
    _number = -1


@exports_buffer
class BufferAutomaticType(_Special):
    """Type of BUFFER_AUTOMATIC."""

    __slots__ = ()
    _name = "BUFFER_AUTOMATIC"
    _number = -2


BOTTOM = BottomType()
"""Bottom of the address space: displacements of the datatype are addresses."""
IN_PLACE = InPlaceType()
"""Says that a collective's input lies in its output buffer already."""
BUFFER_AUTOMATIC = BufferAutomaticType()
"""Says that buffered sends find their memory themselves."""
