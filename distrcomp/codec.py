"""Object ↔ codec number, meta bytes and buffers; no I/O.

A bare numpy array is a short description and its memory: pickle never sees it. Anything else is
pickle protocol 5 (PEP 574) with its large buffers beside the stream, so arrays inside objects are
not copied either. Plain pickle is tried first, cloudpickle when it fails (functions and classes
that exist in no module). Whatever arrives is built on memory of its own, so it is writable and the
receiver's alone. Only nodes of one run decode each other's messages.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from typing import Any

from .errors import Undecodable, Unpicklable

PICKLE, ARRAY = 1, 2

_PLAIN_ARRAY_KINDS = "biufcSUmMV"


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
    return dtype.kind in _PLAIN_ARRAY_KINDS and dtype.names is None and dtype.subdtype is None


def _encode_array(array: Any, numpy: Any) -> tuple[int, bytes, list[memoryview]]:
    order = "C"
    if not array.flags.c_contiguous:
        if array.flags.f_contiguous:
            order = "F"
        else:
            array = numpy.ascontiguousarray(array)
    flat = (array.T if order == "F" else array).reshape(-1)  # a view: it is contiguous
    meta = repr((array.dtype.str, array.shape, order)).encode()
    return ARRAY, meta, [memoryview(flat.view(numpy.uint8)) if flat.nbytes else memoryview(b"")]


def _decode_array(meta: bytes | bytearray, buffer: Any) -> Any:
    import ast

    import numpy

    dtype, shape, order = ast.literal_eval(bytes(meta).decode())
    return numpy.ndarray(shape, dtype=numpy.dtype(dtype), buffer=buffer, order=order)
