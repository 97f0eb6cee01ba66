"""memoryviews ↔ a description and their memory; no I/O.

A description is the letter N, one byte for the number of dimensions, the dimensions (8 bytes each,
little-endian) and the format, for elements that `struct` calls native, of which Python makes views
itself. Other elements (records, complex numbers) and views that are empty in one of several
dimensions are told as numpy arrays, after the letter A; they come back as views of such arrays.
"""

from __future__ import annotations

import pickle
import struct
from typing import Any

from . import arrays

_NATIVE, _ARRAY = b"N", b"A"
_NATIVE_FORMATS = frozenset(prefix + code for prefix in ("", "@") for code in "?bBchHiIlLqQnNfdP")
_HEADER = struct.Struct("<cB")


def encode(view: memoryview) -> tuple[bytes, memoryview]:
    """The view's description and its memory: its own if it lies in C order, else a copy that does.

    Raises:
        Exception: any, if it was released or its elements mean nothing elsewhere.
    """
    shape: tuple[int, ...] = view.shape or ()
    if view.format in _NATIVE_FORMATS and (len(shape) == 1 or all(shape)):
        description = _HEADER.pack(_NATIVE, len(shape))
        description += struct.pack(f"<{len(shape)}Q", *shape) + view.format.encode("ascii")
        return description, content(view if view.c_contiguous else view.tobytes())
    import numpy

    array = numpy.ascontiguousarray(view).reshape(shape)
    about = arrays.describe(array)
    if about is None:
        raise TypeError(f"its elements (format {view.format!r}) mean nothing in another process")
    return _ARRAY + about, arrays.content(array)


def decode(description: bytes | bytearray, memory: Any) -> memoryview:
    """The view that `encode` took, on `memory`, which it keeps alive.

    Raises:
        Exception: any, where the description is none or does not fit the memory.
    """
    if description[:1] == _ARRAY:
        return memoryview(arrays.rebuild(bytes(description[1:]), memory))
    _, ndim = _HEADER.unpack_from(description)
    shape = struct.unpack_from(f"<{ndim}Q", description, _HEADER.size)
    form: Any = description[_HEADER.size + 8 * ndim :].decode("ascii")
    view = memoryview(memory).cast("B")
    return view.cast(form) if ndim == 1 else view.cast(form, shape)


def content(obj: Any) -> memoryview:
    """The bytes of an object with a buffer that lies in one piece.

    They never rest on a view, but on what that is a view of. So the program may release its views:
    `with memoryview(...)` around a call that fails would raise BufferError instead of what the call
    has raised. And Python 3.11.7, for one, crashes when it collects a cycle with a view on which
    something rests.
    """
    if type(obj) is memoryview:
        try:
            return obj.cast("B")
        except (TypeError, ValueError):  # structures, zeros among its lengths, another order
            pass
        import numpy

        obj = numpy.asarray(obj)  # rests on a view of its own, which no collector looks for
    return pickle.PickleBuffer(obj).raw()


def writable(view: memoryview) -> memoryview:
    """The memory behind a read-only view of memory that its owner may write."""
    import numpy

    whole = memoryview(view.obj).cast("B")
    start = _address(numpy.frombuffer(view, numpy.uint8))
    start -= _address(numpy.frombuffer(whole, numpy.uint8))
    return whole[start : start + view.nbytes]


def _address(array: Any) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
