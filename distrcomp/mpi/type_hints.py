"""`mpi4py.typing`: names for what the calls of `MPI` take, for annotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, SupportsIndex, TypeVar

from . import MPI


class SupportsBuffer(Protocol):
    """What has a buffer (PEP 688): bytes, arrays, memoryviews, `MPI.buffer`."""

    def __buffer__(self, flags: int, /) -> memoryview:
        """Its memory."""


__all__ = [
    "Aint",
    "Bottom",
    "BufSpec",
    "BufSpecB",
    "BufSpecV",
    "BufSpecW",
    "Buffer",
    "Count",
    "Displ",
    "InPlace",
    "Offset",
    "SupportsBuffer",
    "SupportsCAI",
    "SupportsDLPack",
    "TargetSpec",
    "TypeSpec",
]


class SupportsDLPack(Protocol):
    """What can be shared by DLPack."""

    def __dlpack__(self, /, *, stream: Any = None) -> object:
        """A capsule of it."""

    def __dlpack_device__(self) -> tuple[int, int]:
        """Where its memory is."""


class SupportsCAI(Protocol):
    """What has the CUDA array interface."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """The description of its memory."""


Buffer = SupportsBuffer | SupportsDLPack | SupportsCAI
Bottom = MPI.BottomType | None
InPlace = MPI.InPlaceType | None
Aint = SupportsIndex
Count = SupportsIndex
Displ = SupportsIndex
Offset = SupportsIndex
TypeSpec = MPI.Datatype | str

_Counts = Sequence[Count] | tuple[Sequence[Count], Sequence[Displ]]
_Of = Buffer | Bottom
_Types = Sequence[MPI.Datatype]

BufSpec = Buffer | tuple[Buffer, Count | TypeSpec] | tuple[_Of, Count, TypeSpec] | list[Any]
BufSpecB = BufSpec
BufSpecV = (
    Buffer
    | tuple[Buffer, _Counts | TypeSpec]
    | tuple[_Of, _Counts, TypeSpec]
    | tuple[_Of, Sequence[Count], Sequence[Displ], TypeSpec]
    | list[Any]
)
BufSpecW = (
    tuple[Buffer, _Types]
    | tuple[_Of, _Counts, _Types]
    | tuple[_Of, Sequence[Count], Sequence[Displ], _Types]
    | list[Any]
)
TargetSpec = (
    Displ
    | tuple[()]
    | tuple[Displ]
    | tuple[Displ, Count]
    | tuple[Displ, Count, TypeSpec]
    | list[Any]
)

S = TypeVar("S")
T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")
