# ruff: noqa: N802
"""`MPI.buffer` (also `MPI.memory`), memory from MPI, and addresses."""

from __future__ import annotations

from typing import Any

from . import raw_memory
from .checks import exact
from .errors import ERR_ARG, MPIException
from .exporters import Exported, export
from .special_buffers import BOTTOM, _Special

_ZEROED_BYTES = 1 << 16  # from this size on memory comes from numpy, which can leave it uncleared


@raw_memory.exports_buffer
class buffer:  # noqa: N801
    """A run of bytes: any object's memory, or memory of its own.

    Device memory can be named and sent, but not looked at: its bytes aren't Python's to read.
    """

    __slots__ = ("__weakref__", "_exported")

    _exported: Exported

    def __new__(cls, *bufs: Any) -> buffer:
        """The memory of an object; empty without one."""
        if len(bufs) > 1:
            raise TypeError(f"buffer() takes one object, not {len(bufs)}")
        return cls._of(export(bufs[0]) if bufs else _NOTHING)

    @classmethod
    def _of(cls, exported: Exported) -> buffer:
        self = object.__new__(cls)
        self._exported = exported.of_bytes()
        return self

    @staticmethod
    def allocate(nbytes: int, clear: bool = False) -> buffer:
        """Allocate memory of `nbytes` bytes, zeroed if `clear`."""
        nbytes = exact(nbytes)
        if nbytes < 0:
            raise ValueError(f"can't allocate {nbytes} bytes")
        return buffer._of(export(_allocate(nbytes, clear)))

    @staticmethod
    def frombuffer(obj: Any, readonly: bool = False) -> buffer:
        """The memory of an object with a buffer, for reading only if `readonly`."""
        exported = export(obj)
        return buffer._of(exported.toreadonly() if readonly else exported)

    @staticmethod
    def fromaddress(address: int, nbytes: int, readonly: bool = False) -> buffer:
        """The memory at an address; whoever asks answers for its being there."""
        address, nbytes = exact(address), exact(nbytes)
        if nbytes < 0:
            raise ValueError(f"can't have {nbytes} bytes")
        if nbytes and not address:
            raise ValueError("there is no memory at address 0")
        view = raw_memory.at(address, nbytes, readonly=readonly)
        return buffer._of(Exported(None, view, "B", address=address))

    @property
    def address(self) -> int:
        """Address of the memory."""
        return self._exported.address

    @property
    def obj(self) -> Any:
        """The object whose memory it is."""
        return self._exported.obj

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self._exported.memory.nbytes

    @property
    def readonly(self) -> bool:
        """Whether it can't be written."""
        exported = self._exported
        return exported.memory.readonly and exported is not _NOTHING

    @property
    def format(self) -> str:
        """Format of an item: a byte."""
        return "B"

    @property
    def itemsize(self) -> int:
        """Size of an item: 1."""
        return 1

    def __len__(self) -> int:
        return self._exported.memory.nbytes

    def __buffer__(self, flags: int, /) -> memoryview:
        return self._memory()

    def __getitem__(self, item: Any) -> Any:
        memory = self._memory()
        if isinstance(item, slice):
            return buffer._of(self._exported.part(memory, _plain_slice(item, len(memory))))
        return memory[_position(item, len(memory))]

    def __setitem__(self, item: Any, value: Any) -> None:
        memory = self._memory()
        if memory.readonly:
            raise TypeError("this memory is read-only")
        if not isinstance(item, slice):
            memory[_position(item, len(memory))] = value
            return
        part = memory[_plain_slice(item, len(memory))]
        if hasattr(value, "__index__"):
            _fill(part, exact(value))
            return
        source = export(value).memory
        if len(source) != len(part):
            raise ValueError(f"can't put {len(source)} bytes into {len(part)}")
        part[:] = source

    def __delitem__(self, item: Any) -> None:
        raise NotImplementedError("memory can't be deleted")

    def cast(self, format: str, shape: Any = None) -> memoryview:  # noqa: A002
        """A memoryview of the memory with another format and shape."""
        memory = self._memory()
        return memory.cast(format) if shape is None else memory.cast(format, shape)  # type: ignore[call-overload,no-any-return]

    def tobytes(self, order: str | None = None) -> bytes:  # noqa: ARG002
        """The memory's bytes, copied."""
        return self._memory().tobytes()

    def toreadonly(self) -> buffer:
        """The same memory for reading only."""
        return buffer._of(self._exported.toreadonly())

    def release(self) -> None:
        """Let the memory go; the buffer is empty then."""
        self._exported = _NOTHING

    def _memory(self) -> memoryview:
        """The memory, where Python may look at it."""
        if self._exported.is_device:
            raise BufferError("this is device memory: copy it to the host first")
        return self._exported.memory


memory = buffer
_NOTHING = Exported(None, memoryview(bytearray()), "B", address=0)


def Get_address(location: Any) -> int:
    """Get the address of a location in memory."""
    if location is None:
        return 0
    if isinstance(location, _Special):
        return int(location)
    return export(location).address


def Aint_add(base: int, disp: int) -> int:
    """Return the sum of a base address and a displacement."""
    return exact(base) + exact(disp)


def Aint_diff(addr1: int, addr2: int) -> int:
    """Return the difference between two addresses."""
    return exact(addr1) - exact(addr2)


def Alloc_mem(size: int, info: Any = None) -> buffer:  # noqa: ARG001
    """Allocate memory for messages and windows."""
    size = exact(size)
    if size < 0:
        raise MPIException(ERR_ARG, f"can't allocate {size} bytes")
    return buffer.allocate(size)


def Free_mem(mem: buffer) -> None:
    """Free memory that was allocated with `Alloc_mem`."""
    mem.release()


def _allocate(nbytes: int, clear: bool) -> Any:
    if nbytes < _ZEROED_BYTES:
        return bytearray(nbytes)
    import numpy

    return numpy.zeros(nbytes, numpy.uint8) if clear else numpy.empty(nbytes, numpy.uint8)


def _position(item: Any, length: int) -> int:
    try:
        position = exact(item)
    except TypeError:
        raise TypeError("positions in memory are integers or slices") from None
    if not -length <= position < length:
        raise IndexError(f"position {position} is outside of {length} bytes")
    return position


def _plain_slice(item: slice, length: int) -> slice:
    start, stop, step = item.indices(length)
    if step != 1:
        raise IndexError("slices of memory have no step")
    return slice(start, max(start, stop))


def _fill(part: memoryview, value: int) -> None:
    if not 0 <= value < 256:
        raise ValueError(f"{value} is not a byte")
    part[:] = bytes((value,)) * len(part)


__all__ = [
    "BOTTOM",
    "Aint_add",
    "Aint_diff",
    "Alloc_mem",
    "Free_mem",
    "Get_address",
    "buffer",
    "memory",
]
