"""numpy arrays ↔ a description and their memory; no I/O, no pickle of what they hold.

A description is 8 bytes for its own length and that of the memory, one for memory order, one for
the number of dimensions, four for the bytes of the dtype, then the dtype, then the dimensions (8
bytes each), all little-endian; zeros fill it up, so that memory which lies right behind it is
aligned. The dtype stands as numpy's own string where that tells it whole. Records (dtypes with
fields) stand as the pickle of their dtype, which keeps names, offsets, titles and alignment.

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

from . import limits

_PLAIN_KINDS = "biufcSUmMV"
_HEADER = struct.Struct("<QcBI")
_ALIGNMENT = 16
LENGTH_BITS = 24
"""Both lengths are one word, of which the low bits, so many, are that of the description."""
_DESCRIPTION_BYTES_MAX, _MEMORY_BYTES_MAX = 2**LENGTH_BITS - 1, 2 ** (64 - LENGTH_BITS) - 1
_PICKLED = b"\x80"  # how every pickle begins, and no dtype's string

_ndarray: Any = None
KNOWN: dict[tuple[Any, tuple[int, ...], tuple[int, ...]], tuple[bytes, int, bool]] = {}
"""By dtype, shape and strides: an array's description, its bytes, and whether it lies in C order,
if it has no metadata."""
_meanings: dict[bytes, tuple[Any, tuple[int, ...], Any, str]] = {}


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
    known = None
    if type(array) is _ndarray:
        dtype = array.dtype
        known = KNOWN.get((dtype, array.shape, array.strides))
        if known is None:
            known = know_array(array)
        elif dtype.metadata is not None:
            return None
    elif is_array_type(type(array)):
        known = know_array(array)
    return None if known is None else known[0]


def content(array: Any) -> memoryview:
    """The memory of an array without gaps, as bytes in the order in which they lie; no copy."""
    try:
        return pickle.PickleBuffer(array).raw()
    except ValueError:  # dates and some records are unknown to the buffer protocol
        return pickle.PickleBuffer(array.view(f"V{array.dtype.itemsize}")).raw()


def rebuild(description: bytes, memory: Any, begin: int = 0) -> Any:
    """The array that `describe` took, on `memory`: a bytearray, a 1-D uint8 array or a memoryview.

    The array and all its views keep alive the object that owns the memory: the bytearray, the
    ndarray, or what the memoryview was made of.

    Args:
        begin: where in that memory it lies.

    Raises:
        Exception: any, where the description is none or the memory too small.
    """
    known = _meanings.get(description)
    if known is None:
        known = _meaning(description)
    ndarray, shape, dtype, order = known
    return ndarray(shape, dtype, memory, begin, None, order)


def know_array(array: Any) -> tuple[bytes, int, bool] | None:
    """What KNOWN has of such an array from now on; None if its memory can't travel as it lies."""
    flags, dtype, nbytes = array.flags, array.dtype, array.nbytes
    if not flags.forc:
        return None
    is_record = dtype.names is not None
    text = _record_text(dtype) if is_record else _plain_text(dtype)
    if text is None:
        return None
    length = _HEADER.size + len(text) + 8 * array.ndim
    length += -length % _ALIGNMENT
    if length > _DESCRIPTION_BYTES_MAX or nbytes > _MEMORY_BYTES_MAX:
        return None
    is_c: bool = flags.c_contiguous
    order = b"C" if is_c else b"F"
    description = _HEADER.pack(nbytes << LENGTH_BITS | length, order, array.ndim, len(text)) + text
    description += struct.pack(f"<{array.ndim}Q", *array.shape)
    known = description.ljust(length, b"\0"), nbytes, is_c
    if not is_record:
        if len(KNOWN) >= limits.REMEMBERED_SHAPES_MAX:
            KNOWN.clear()
        KNOWN[dtype, array.shape, array.strides] = known
    return known


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


def _meaning(description: bytes) -> tuple[Any, tuple[int, ...], Any, str]:
    """What makes the array: its class, its shape, dtype and order; from now on this is known."""
    import numpy

    lengths, code, ndim, text_bytes = _HEADER.unpack_from(description)
    if lengths & _DESCRIPTION_BYTES_MAX != len(description):
        raise ValueError("a description that is cut")
    start = _HEADER.size + text_bytes
    text = description[_HEADER.size : start]
    shape = struct.unpack_from(f"<{ndim}Q", description, start)
    order = code.decode("ascii")
    if text.startswith(_PICKLED):
        dtype = pickle.loads(text)  # noqa: S301  from a node of the same run
        return numpy.ndarray, shape, dtype, order
    known = numpy.ndarray, shape, numpy.dtype(text.decode("ascii")), order
    if len(_meanings) >= limits.REMEMBERED_SHAPES_MAX:
        _meanings.clear()
    _meanings[description] = known
    return known
