"""numpy arrays ↔ a description and their memory; no I/O, no pickle of what they hold.

A description is one byte for memory order, one for the number of dimensions, four for the bytes
of the dtype, then the dtype, then the dimensions (8 bytes each), all little-endian. The dtype
stands as numpy's own string where that tells it whole. Records (dtypes with fields) stand as the
pickle of their dtype, which keeps names, offsets, titles and alignment.

Descriptions are remembered by dtype, shape and strides, and what they mean by their bytes, so for
an array like one before neither is worked out again. Two traps lie there. Dtypes that differ only
in metadata are equal, so metadata is asked for each time. The dtype of a record can be changed in
place (`array.dtype.names = ...`), so records are never remembered.

numpy is not imported before there is an array.
"""

from __future__ import annotations

import pickle
import struct
import sys
from typing import Any

_PLAIN_KINDS = "biufcSUmMV"
_HEADER = struct.Struct("<cBI")
_PICKLED = b"\x80"  # how every pickle begins, and no dtype's string
# Each takes some 300 bytes. A program with more shapes at once than this gains nothing from memory.
_REMEMBERED_MAX = 1024

_ndarray: Any = None
_descriptions: dict[tuple[Any, tuple[int, ...], tuple[int, ...]], bytes] = {}
_meanings: dict[bytes, tuple[tuple[int, ...], Any, str]] = {}


def is_array_type(kind: type) -> bool:
    """Whether `kind` is numpy's ndarray itself: its subclasses go by pickle."""
    global _ndarray
    if _ndarray is None and kind.__name__ == "ndarray":
        _ndarray = getattr(sys.modules.get("numpy"), "ndarray", None)
    return kind is _ndarray


def describe(array: Any) -> bytes | None:
    """The description of an array whose memory can travel as it lies; else None.

    Anything may be asked about. None is for what is no ndarray or one of a subclass, has gaps, or
    holds objects or another dtype that only pickle can tell whole.
    """
    if type(array) is _ndarray:
        dtype = array.dtype
        key = (dtype, array.shape, array.strides)
        description = _descriptions.get(key)
        if description is None:
            return _describe(array)
        if dtype.metadata is None:
            return description
    elif is_array_type(type(array)):
        return _describe(array)
    return None


def content(array: Any) -> memoryview:
    """The memory of an array without gaps, as bytes in the order in which they lie; no copy."""
    try:
        return pickle.PickleBuffer(array).raw()
    except ValueError:  # dates and some records are unknown to the buffer protocol
        return pickle.PickleBuffer(array.view(f"V{array.dtype.itemsize}")).raw()


def rebuild(description: bytes | bytearray, memory: Any) -> Any:
    """The array that `describe` took, on `memory`: a bytearray, a 1-D uint8 array or a memoryview.

    The array and all its views keep alive the object that owns the memory: the bytearray, the
    ndarray, or what the memoryview was made of.

    Raises:
        Exception: any, where the description is none or the memory too small.
    """
    description = bytes(description)
    try:
        shape, dtype, order = _meanings[description]
    except KeyError:
        shape, dtype, order = meaning(description)
    return _ndarray(shape, dtype, memory, 0, None, order)


def _describe(array: Any) -> bytes | None:
    flags, dtype = array.flags, array.dtype
    if not flags.forc:
        return None
    is_record = dtype.names is not None
    text = _record_text(dtype) if is_record else _plain_text(dtype)
    if text is None:
        return None
    order = b"C" if flags.c_contiguous else b"F"
    description = _HEADER.pack(order, array.ndim, len(text)) + text
    description += struct.pack(f"<{array.ndim}Q", *array.shape)
    if not is_record:
        if len(_descriptions) >= _REMEMBERED_MAX:
            _descriptions.clear()
        _descriptions[dtype, array.shape, array.strides] = description
    return description


def _plain_text(dtype: Any) -> bytes | None:
    """The dtype's own string, if numpy makes the same dtype of it."""
    if dtype.kind not in _PLAIN_KINDS or dtype.metadata is not None:
        return None
    text: str = dtype.str
    # The types of other packages (bfloat16) call themselves plain bytes.
    if sys.modules["numpy"].dtype(text) != dtype:
        return None
    return text.encode("ascii")


def _record_text(dtype: Any) -> bytes | None:
    if dtype.hasobject:
        return None
    try:
        return pickle.dumps(dtype, protocol=5)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  its metadata may hold anything
        return None


def meaning(description: bytes) -> tuple[tuple[int, ...], Any, str]:
    """What the description means; from now on this is known."""
    import numpy

    global _ndarray
    _ndarray = numpy.ndarray
    code, ndim, text_bytes = _HEADER.unpack_from(description)
    start = _HEADER.size + text_bytes
    text = description[_HEADER.size : start]
    shape = struct.unpack_from(f"<{ndim}Q", description, start)
    order = code.decode("ascii")
    if text.startswith(_PICKLED):
        return shape, pickle.loads(text), order  # noqa: S301  from a node of the same run
    known = shape, numpy.dtype(text.decode("ascii")), order
    if len(_meanings) >= _REMEMBERED_MAX:
        _meanings.clear()
    _meanings[description] = known
    return known
