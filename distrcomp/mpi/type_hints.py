"""`mpi4py.typing`: names for what the calls of `MPI` take, for annotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, SupportsIndex, TypeVar, Union

from . import MPI

if TYPE_CHECKING:
    from collections.abc import Buffer as SupportsBuffer
else:
    from .MPI import buffer as _buffer

    class SupportsBuffer(Protocol):
        """What has a buffer: bytes, arrays, memoryviews, `MPI.buffer`."""

        def __buffer__(self, flags: int, /) -> memoryview:
            """The memory (PEP 688)."""

    del _buffer


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


Buffer = Union[SupportsBuffer, SupportsDLPack, SupportsCAI]
Bottom = Union["MPI.BottomType", None]
InPlace = Union["MPI.InPlaceType", None]
Aint = SupportsIndex
Count = SupportsIndex
Displ = SupportsIndex
Offset = SupportsIndex
TypeSpec = Union["MPI.Datatype", str]

_Counts = Union[Sequence[Count], tuple[Sequence[Count], Sequence[Displ]]]
_Of = Union[Buffer, Bottom]

BufSpec = Union[
    Buffer,
    tuple[Buffer, Union[Count, TypeSpec]],
    tuple[_Of, Count, TypeSpec],
    list[Any],
]
BufSpecB = BufSpec
BufSpecV = Union[
    Buffer,
    tuple[Buffer, Union[_Counts, TypeSpec]],
    tuple[_Of, _Counts, TypeSpec],
    tuple[_Of, Sequence[Count], Sequence[Displ], TypeSpec],
    list[Any],
]
BufSpecW = Union[
    tuple[Buffer, Sequence["MPI.Datatype"]],
    tuple[_Of, _Counts, Sequence["MPI.Datatype"]],
    tuple[_Of, Sequence[Count], Sequence[Displ], Sequence["MPI.Datatype"]],
    list[Any],
]
TargetSpec = Union[
    Displ,
    tuple[()],
    tuple[Displ],
    tuple[Displ, Count],
    tuple[Displ, Count, TypeSpec],
    list[Any],
]

S = TypeVar("S")
T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")
