"""Object ↔ codec number, meta bytes and buffers; no I/O.

A bare numpy array is a short description and its memory: pickle never sees it. The description is
one byte each for memory order, bytes of dtype and number of dimensions, then the dtype as numpy's
own string, then the dimensions (8 bytes each, little-endian). Anything else is pickle protocol 5
(PEP 574) with its large buffers beside the stream, so arrays inside objects are not copied either.
Plain pickle is tried first, cloudpickle when it fails (functions and classes that exist in no
module). Whatever arrives is built on memory of its own, so it is the receiver's alone, and arrays
are writable even where the sender's were not. Only nodes of one run decode each other's messages.
"""

from __future__ import annotations

import pickle
import struct
import sys
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

from . import limits
from .errors import Undecodable, Unpicklable

PICKLE, ARRAY = 1, 2

_PLAIN_ARRAY_KINDS = "biufcSUmMV"
_ARRAY_HEADER = struct.Struct("<cBB")
# Pickle's opcode for a buffer that was read-only (PEP 574); a byte that may also mean other things.
_READONLY_BUFFER = b"\x98"


def encode(value: Any) -> tuple[int, bytes, list[memoryview]]:
    """`value` as (codec, meta, buffers); the buffers are views of the object's own memory.

    Raises:
        Unpicklable: names the type; nothing is left half done.
    """
    numpy = sys.modules.get("numpy")
    if numpy is not None and type(value) is numpy.ndarray and _is_plain(value.dtype):
        return _encode_array(value, numpy)
    buffers: list[pickle.PickleBuffer] = []
    try:
        meta = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        if len(buffers) > limits.BUFFERS_MAX:  # a million tiny arrays travel better in the stream
            buffers.clear()
            meta = pickle.dumps(value, protocol=5)
    except Exception:  # noqa: BLE001  any class may raise anything from its __reduce__
        buffers.clear()
        meta = _cloudpickle(value, buffers)
    try:
        return PICKLE, meta, [buffer.raw() for buffer in buffers]
    except BufferError as error:  # a PickleBuffer of the user's own that is not contiguous
        raise _unpicklable(value, error) from error


def decode(codec: int, meta: bytes | bytearray, buffers: Sequence[Any]) -> Any:
    """The object that `encode` took; `buffers` must be the receiver's own writable memory.

    Raises:
        Undecodable: the object could not be rebuilt here; the message is consumed.
    """
    try:
        if codec == PICKLE:
            # The sender is a node of the same run, proven by its certificate.
            if buffers and _READONLY_BUFFER in meta:
                return _WritableUnpickler(BytesIO(meta), buffers=buffers).load()
            return pickle.loads(meta, buffers=buffers)  # noqa: S301
        if codec == ARRAY:
            return _decode_array(meta, buffers[0])
    except Exception as error:
        raise Undecodable(
            f"a message came whole but its object cannot be rebuilt here: "
            f"{type(error).__name__}: {error}"
        ) from error
    raise Undecodable(f"a message came in a form unknown here (codec {codec})")


def _cloudpickle(value: Any, buffers: list[pickle.PickleBuffer]) -> bytes:
    import cloudpickle

    try:
        meta: bytes = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    except Exception as error:
        raise _unpicklable(value, error) from error
    return meta


def _unpicklable(value: Any, error: Exception) -> Unpicklable:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return Unpicklable(f"an object of type {kind} cannot be sent: {type(error).__name__}: {error}")


def _is_plain(dtype: Any) -> bool:
    """Whether the dtype is fully told by its `str`: no objects, no fields, no metadata."""
    return dtype.kind in _PLAIN_ARRAY_KINDS and dtype.names is None and dtype.metadata is None


def _encode_array(array: Any, numpy: Any) -> tuple[int, bytes, list[memoryview]]:
    order = b"C"
    if not array.flags.c_contiguous:
        if array.flags.f_contiguous:
            order = b"F"
        else:
            array = numpy.ascontiguousarray(array)
    flat = (array.T if order == b"F" else array).reshape(-1)  # a view: it is contiguous
    dtype = array.dtype.str.encode("ascii")
    meta = _ARRAY_HEADER.pack(order, len(dtype), array.ndim) + dtype
    meta += struct.pack(f"<{array.ndim}Q", *array.shape)
    return ARRAY, meta, [memoryview(flat.view(numpy.uint8)) if flat.nbytes else memoryview(b"")]


def _decode_array(meta: bytes | bytearray, buffer: Any) -> Any:
    import numpy

    order, dtype_bytes, ndim = _ARRAY_HEADER.unpack_from(meta)
    start = _ARRAY_HEADER.size + dtype_bytes
    dtype = numpy.dtype(meta[_ARRAY_HEADER.size : start].decode("ascii"))
    shape = struct.unpack_from(f"<{ndim}Q", meta, start)
    return numpy.ndarray(shape, dtype=dtype, buffer=buffer, order=order.decode("ascii"))


class _WritableUnpickler(pickle.Unpickler):  # what the sender had read-only is not so here
    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        if name == "_frombuffer" and module.partition(".")[0] == "numpy":
            return _on_own_memory(found)
        return found


def _on_own_memory(from_buffer: Callable[..., Any]) -> Callable[..., Any]:
    """numpy's maker of arrays, given the memory behind a read-only view of it."""

    def make(buffer: Any, *description: Any) -> Any:
        is_view = isinstance(buffer, memoryview) and isinstance(buffer.obj, bytearray)
        return from_buffer(buffer.obj if is_view else buffer, *description)

    return make
