"""What memory an object offers for messages, and of which type its items are.

Asked in this order: numpy arrays; Python's buffer protocol; DLPack; the CUDA array interface.
Memory that isn't contiguous (in C's or Fortran's order) is refused with BufferError, as mpi4py
does.
"""

from __future__ import annotations

import sys
from pickle import PickleBuffer
from typing import Any

from ..views import content
from . import raw_memory
from .foreign_arrays import Foreign, from_cuda_array_interface, from_dlpack
from .special_buffers import IN_PLACE

_NATIVE = ("=", "@", "|", "<" if sys.byteorder == "little" else ">")


class Exported:
    """Memory of an object.

    Attributes:
        obj: the object, kept alive.
        memory: its bytes.
        is_device: whether the memory is said to lie on a device.
    """

    __slots__ = ("_address", "_form", "is_device", "memory", "obj")

    def __init__(
        self,
        obj: Any,
        memory: memoryview,
        form: str | None = None,
        *,
        is_device: bool = False,
        address: int | None = None,
    ) -> None:
        self.obj = obj
        self.memory = memory
        self._form = form
        self.is_device = is_device
        self._address = address

    @property
    def form(self) -> str:
        """The type of its items: a format of the buffer protocol, or numpy's type string."""
        if self._form is None:
            self._form = _form(self.obj)
        return self._form

    @property
    def address(self) -> int:
        """Where the memory begins."""
        if self._address is None:
            self._address = raw_memory.address_of(self.memory)
        return self._address

    def toreadonly(self) -> Exported:
        """The same memory for reading only."""
        return self._other(self.memory.toreadonly(), self._form, self._address)

    def of_bytes(self) -> Exported:
        """The same memory as bytes, whatever the object's items are."""
        return self._other(self.memory, "B", self._address) if self._form != "B" else self

    def part(self, memory: memoryview, which: slice) -> Exported:
        """A part of the memory."""
        address = None if self._address is None else self._address + which.start
        return self._other(memory[which], "B", address)

    def _other(self, memory: memoryview, form: str | None, address: int | None) -> Exported:
        return Exported(self.obj, memory, form, is_device=self.is_device, address=address)


def export(obj: Any) -> Exported:
    """The memory of an object.

    Raises:
        TypeError: it has none.
        BufferError: its memory isn't contiguous.
    """
    try:
        inner: Exported = obj._exported
    except AttributeError:
        pass
    else:
        return inner
    try:
        return Exported(obj, content(obj))
    except TypeError:
        _refuse_in_place(obj)
    except ValueError:
        return _odd_array(obj)
    except BufferError:
        raise BufferError(
            f"this {type(obj).__name__} doesn't lie in one piece: send or receive a copy that does,"
            " or say by a datatype how it lies"
        ) from None
    if hasattr(obj, "__dlpack__") and hasattr(obj, "__dlpack_device__"):
        return _foreign(obj, from_dlpack(obj))
    if hasattr(obj, "__cuda_array_interface__"):
        return _foreign(obj, from_cuda_array_interface(obj.__cuda_array_interface__))
    raise TypeError(
        f"a message needs an object with a buffer, DLPack or the CUDA array interface,"
        f" not {type(obj).__name__}"
    )


def plain_form(form: str) -> str:
    """The form without its byte order, which has to be this machine's.

    Raises:
        BufferError: the byte order is another one.
    """
    if form[:1] in _NATIVE:
        return form[1:]
    if form[:1] in ("<", ">", "!"):
        raise BufferError(f"items of format {form!r} are not in this machine's byte order")
    return form


def _form(obj: Any) -> str:
    if isinstance(obj, (bytes, bytearray)):
        return "B"
    dtype = getattr(obj, "dtype", None)
    form = getattr(dtype, "str", None)
    if dtype is not None and isinstance(form, str):
        return dtype.byteorder + dtype.char if form[1:2] in "biufc" else form
    view = memoryview(obj)
    return view.format


def _refuse_in_place(obj: Any) -> None:
    if obj is IN_PLACE:
        raise BufferError("IN_PLACE stands for a collective's own input only, and not for this")


def _odd_array(obj: Any) -> Exported:
    """An array whose items the buffer protocol has no format for (dates and times), as integers."""
    _refuse_in_place(obj)
    kind = getattr(getattr(obj, "dtype", None), "kind", "")
    if kind not in ("M", "m"):
        raise BufferError(f"the memory of a {type(obj).__name__} of this type can't be had")
    return Exported(obj, PickleBuffer(obj.view("i8")).raw(), obj.dtype.byteorder + "q")


def _foreign(obj: Any, found: Foreign) -> Exported:
    keep = (obj, found.keep)
    memory = raw_memory.at(found.address, found.nbytes, readonly=found.readonly, keep=keep)
    return Exported(obj, memory, found.form, is_device=found.is_device, address=found.address)
