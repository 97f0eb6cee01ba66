# ruff: noqa: N802
"""Packing into and unpacking from the program's own buffers (MPI-4.1, 5.2): a mixin."""

from __future__ import annotations

from typing import Any

from . import external32
from .checks import exact
from .datatype_state import TypeState
from .errors import (
    ERR_ARG,
    ERR_COMM,
    ERR_COUNT,
    ERR_TRUNCATE,
    ERR_TYPE,
    ERR_UNSUPPORTED_DATAREP,
    MPIException,
)
from .exporters import export
from .message_spec import MessageSpec
from .special_buffers import BOTTOM


class Packing:
    """Mixin: items of this datatype in a buffer ↔ a position in another."""

    __slots__ = ()

    _state: Any

    def Pack(self, inbuf: Any, outbuf: Any, position: int, comm: Any) -> int:
        """Pack all of `inbuf` into `outbuf` at the position; returns the next position."""
        _check_comm(comm)
        data = self._items_of(inbuf, writable=False).to_bytes()
        return _put(data, outbuf, position)

    def Unpack(self, inbuf: Any, position: int, outbuf: Any, comm: Any) -> int:
        """Unpack from the position what fills `outbuf`; returns the next position."""
        _check_comm(comm)
        items = self._items_of(outbuf, writable=True)
        data, end = _take(inbuf, position, items.nbytes)
        items.from_bytes(data)
        return end

    def Pack_size(self, count: int, comm: Any) -> int:
        """Return how many bytes `count` items take when packed."""
        _check_comm(comm)
        return _checked(count) * self._usable().size

    def Pack_external(self, datarep: str, inbuf: Any, outbuf: Any, position: int) -> int:
        """Pack all of `inbuf` into `outbuf` in the form "external32"; returns the next position."""
        _check_representation(datarep)
        items = self._items_of(inbuf, writable=False)
        packed = external32.encode(items.to_bytes(), items.state.signature)
        return _put(packed, outbuf, position)

    def Unpack_external(self, datarep: str, inbuf: Any, position: int, outbuf: Any) -> int:
        """Unpack "external32" from the position what fills `outbuf`; returns the next."""
        _check_representation(datarep)
        items = self._items_of(outbuf, writable=True)
        signature = items.state.signature
        data, end = _take(inbuf, position, items.count * external32.size_of(signature))
        items.from_bytes(external32.decode(data, signature))
        return end

    def Pack_external_size(self, datarep: str, count: int) -> int:
        """Return how many bytes `count` items take in the form "external32"."""
        _check_representation(datarep)
        return _checked(count) * external32.size_of(self._usable().signature)

    def _usable(self) -> TypeState:
        state: TypeState | None = self._state
        if state is None:
            raise MPIException(ERR_TYPE, "this is the null datatype")
        return state

    def _items_of(self, buf: Any, *, writable: bool) -> MessageSpec:
        """As many items of this datatype as the buffer holds."""
        state = self._usable()
        if not state.is_committed:
            raise MPIException(ERR_TYPE, "the datatype was not committed: call its Commit() first")
        this: Any = self
        if buf is BOTTOM:
            return MessageSpec(buf, None, this, state, 0)
        exported = export(buf)
        if writable and exported.memory.readonly:
            raise BufferError("can't unpack into read-only memory")
        extent = state.typemap.extent
        count = len(exported.memory) // extent if extent > 0 else 0
        return MessageSpec(exported.obj, exported.memory, this, state, count)


def _put(data: Any, outbuf: Any, position: int) -> int:
    memory = export(outbuf).memory
    if memory.readonly:
        raise BufferError("can't pack into read-only memory")
    start = _position(position, len(memory))
    end = start + len(data)
    if end > len(memory):
        raise MPIException(
            ERR_TRUNCATE, f"{len(data)} bytes from {start} on don't fit into {len(memory)}"
        )
    memory[start:end] = data
    return end


def _take(inbuf: Any, position: int, nbytes: int) -> tuple[memoryview, int]:
    memory = export(inbuf).memory
    start = _position(position, len(memory))
    end = start + nbytes
    if end > len(memory):
        raise MPIException(
            ERR_TRUNCATE, f"there are no {nbytes} bytes from {start} on in {len(memory)}"
        )
    return memory[start:end], end


def _position(position: int, length: int) -> int:
    position = exact(position)
    if not 0 <= position <= length:
        raise MPIException(ERR_ARG, f"position {position} is outside of {length} bytes")
    return position


def _checked(count: int) -> int:
    count = exact(count)
    if count < 0:
        raise MPIException(ERR_COUNT, f"count is {count}, below 0")
    return count


def _check_comm(comm: Any) -> None:
    if not comm:
        raise MPIException(ERR_COMM, "packing needs a communicator")


def _check_representation(datarep: str) -> None:
    if datarep != "external32":
        raise MPIException(ERR_UNSUPPORTED_DATAREP, f"{datarep!r} is not 'external32'")
