"""Memory by its address, and the address of memory, through CPython's buffer interface.

On Python 3.11 a class can't export a buffer by itself (3.12 has `__buffer__`, PEP 688);
`exports_buffer` gives it one by filling the type's slot, which that version's layout of types has
at a fixed place.
"""

from __future__ import annotations

import ctypes
import sys
from pickle import PickleBuffer
from typing import Any, TypeVar

_Class = TypeVar("_Class", bound=type)


class PyBuffer(ctypes.Structure):
    """CPython's Py_buffer."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


# By index, for an attribute is shared with everybody else who declares its types.
_get_buffer = ctypes.pythonapi["PyObject_GetBuffer"]
_get_buffer.argtypes = [ctypes.py_object, ctypes.c_void_p, ctypes.c_int]
_release_buffer = ctypes.pythonapi["PyBuffer_Release"]
_release_buffer.argtypes = [ctypes.c_void_p]
_fill_info = ctypes.pythonapi["PyBuffer_FillInfo"]
_fill_info.argtypes = [
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_ssize_t,
    ctypes.c_int,
    ctypes.c_int,
]
_from_memory = ctypes.pythonapi["PyMemoryView_FromMemory"]
_from_memory.argtypes = [ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int]
_from_memory.restype = ctypes.py_object
_READ, _WRITE = 0x100, 0x200


def address_of(exporter: Any) -> int:
    """The address of the memory of anything with a buffer."""
    view = PyBuffer()
    _get_buffer(exporter, ctypes.byref(view), 0)
    address = view.buf or 0
    _release_buffer(ctypes.byref(view))
    return address


def at(address: int, nbytes: int, *, readonly: bool = False, keep: Any = None) -> memoryview:
    """The memory at an address; whoever asks answers for its being there as long as `keep` is."""
    if nbytes == 0:
        return memoryview(b"" if readonly else bytearray())
    if keep is not None:
        owner = (ctypes.c_ubyte * nbytes).from_address(address)
        owner.keep = keep  # type: ignore[attr-defined]
        kept = memoryview(owner).cast("B")
        return kept.toreadonly() if readonly else kept
    view: memoryview = _from_memory(address, nbytes, _READ if readonly else _WRITE)
    return view


def owner_of(obj: Any, memory: memoryview) -> tuple[memoryview, int] | None:
    """The memory that `obj` is a view of, and where in it `memory` begins."""
    owner = obj
    while True:
        inner = owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)
        if inner is None or inner is owner:
            break
        owner = inner
    if owner is obj:
        return None
    try:
        whole = memoryview(owner)
        whole = whole.cast("B") if whole.c_contiguous else PickleBuffer(owner).raw()
    except (TypeError, BufferError, ValueError):
        return None
    if memory.readonly and not whole.readonly:
        whole = whole.toreadonly()
    return whole, address_of(memory) - address_of(whole)


_GetBuffer = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p, ctypes.c_int)
_AS_BUFFER_OFFSET = 20 * ctypes.sizeof(ctypes.c_void_p)  # of tp_as_buffer in PyTypeObject


def _export(exporter: Any, view: int, flags: int) -> int:
    """bf_getbuffer of the classes: hands on to what `__buffer__` gives.

    A failure is -1 without an exception, as nothing raised here can reach the caller: consumers
    ask for writable memory first and take the refusal as an answer.
    """
    try:
        memory = exporter.__buffer__(flags)
        if memory is None:
            return int(_fill_info(view, None, None, 0, 0, flags))
        return int(_get_buffer(memory, view, flags))
    except (BufferError, ValueError):
        return -1


_export_slot = _GetBuffer(_export)


def exports_buffer(cls: _Class) -> _Class:
    """Class decorator: objects of `cls` have a buffer, the one that `__buffer__(flags)` returns."""
    if sys.version_info < (3, 12):
        procs = ctypes.c_void_p.from_address(id(cls) + _AS_BUFFER_OFFSET).value
        slot = ctypes.cast(_export_slot, ctypes.c_void_p).value
        ctypes.c_void_p.from_address(procs or 0).value = slot
    return cls
