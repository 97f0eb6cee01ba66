"""Arrays by DLPack and by the CUDA array interface: their memory and the type of their items.

The capsule of DLPack is read and left as it is: the array stays its owner's, and is kept alive
meanwhile. Memory on a device is taken by its address only where the processor can read it
(managed memory).
"""

from __future__ import annotations

import ctypes
import operator
import os
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

_CPU = 1  # DLPack's number for memory of the processor
_BYTE_ORDERS = ("<", ">", "=", "|")


class Foreign(NamedTuple):
    """What such an array is; `keep` has to live as long as its memory is used."""

    address: int
    nbytes: int
    form: str
    readonly: bool
    is_device: bool
    keep: Any


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_uint32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class _Managed(ctypes.Structure):
    _fields_ = (
        ("tensor", _Tensor),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    )


class _Versioned(ctypes.Structure):
    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", _Tensor),
    )


_is_valid = ctypes.pythonapi["PyCapsule_IsValid"]
_is_valid.argtypes = [ctypes.py_object, ctypes.c_char_p]
_pointer = ctypes.pythonapi["PyCapsule_GetPointer"]
_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_pointer.restype = ctypes.c_void_p

_READ_ONLY = 1
_KINDS = {
    0: "i",
    1: "u",
    2: "f",
    5: "c",
    6: "b",
}  # DLPack's codes of int, uint, float, complex, bool


def from_dlpack(array: Any) -> Foreign:
    """The array behind `__dlpack__`.

    Raises:
        BufferError: the capsule or the array in it can't be used.
        TypeError, ValueError: `__dlpack_device__` gives no (type, id).
    """
    device_type, device_id = array.__dlpack_device__()
    operator.index(device_id)
    is_device = operator.index(device_type) != _CPU
    options: dict[str, Any] = {"stream": -1} if is_device else {}
    try:
        capsule = array.__dlpack__(**options, max_version=(1, 0))
    except TypeError:
        capsule = array.__dlpack__(**options)
    if _is_valid(capsule, b"dltensor_versioned"):
        versioned = _Versioned.from_address(_pointer(capsule, b"dltensor_versioned"))
        if versioned.major != 1:
            raise BufferError(f"DLPack {versioned.major} is not version 1")
        tensor, readonly = versioned.tensor, bool(versioned.flags & _READ_ONLY)
    elif _is_valid(capsule, b"dltensor"):
        tensor, readonly = _Managed.from_address(_pointer(capsule, b"dltensor")).tensor, False
    else:
        raise BufferError("__dlpack__ gave no usable capsule")
    itemsize = (tensor.bits * tensor.lanes + 7) // 8
    shape, strides = _dimensions(tensor)
    _check_contiguous(shape, strides)
    nbytes = _product(shape) * itemsize
    address = (tensor.data or 0) + tensor.byte_offset
    if is_device:
        _check_readable(address, nbytes)
    return Foreign(address, nbytes, _dlpack_form(tensor), readonly, is_device, capsule)


def from_cuda_array_interface(interface: Any) -> Foreign:
    """The array that a `__cuda_array_interface__` describes.

    Raises:
        KeyError, TypeError, ValueError: the description is wrong.
        BufferError: the array has a mask or isn't contiguous.
    """
    if not isinstance(interface, dict):
        raise TypeError("__cuda_array_interface__ is not a dict")
    address, readonly = interface["data"]
    typestr, shape = interface["typestr"], interface["shape"]
    if not isinstance(typestr, str):
        raise TypeError("the typestr of __cuda_array_interface__ is not a str")
    if not isinstance(shape, (tuple, list)):
        raise TypeError("the shape of __cuda_array_interface__ is not a tuple")
    if typestr[:1] not in _BYTE_ORDERS:
        raise BufferError(f"{typestr!r} begins with no byte order")
    if interface.get("mask") is not None:
        raise BufferError("an array with a mask can't be a message")
    itemsize = int(typestr[2:])
    shape = [operator.index(length) for length in shape]
    strides = interface.get("strides")
    if strides is not None:
        if not isinstance(strides, (tuple, list)):
            raise TypeError("the strides of __cuda_array_interface__ are not a tuple")
        strides = [operator.index(step) for step in strides]
    _check_contiguous(shape, strides, itemsize)
    description = interface.get("descr")
    if description is not None:
        if not isinstance(description, (tuple, list)):
            raise TypeError("the descr of __cuda_array_interface__ is not a list")
        if len(description) != 1 or description[0][:2] != ("", typestr):
            warnings.warn("ignoring the descr of __cuda_array_interface__", RuntimeWarning, 4)
    nbytes = _product(shape) * itemsize
    if nbytes:
        _check_readable(address, nbytes)
    form = "B" if typestr[1:2] == "V" else typestr
    return Foreign(address or 0, nbytes, form, bool(readonly), True, None)


def _dimensions(tensor: _Tensor) -> tuple[list[int], list[int] | None]:
    ndim = tensor.ndim
    if ndim < 0 or (ndim and not tensor.shape):
        raise BufferError("the DLPack array has no shape")
    shape = [tensor.shape[i] for i in range(ndim)]
    strides = [tensor.strides[i] for i in range(ndim)] if ndim and tensor.strides else None
    return shape, strides


def _dlpack_form(tensor: _Tensor) -> str:
    kind = _KINDS.get(tensor.code)
    itemsize = (tensor.bits * tensor.lanes + 7) // 8
    if kind == "f" and tensor.lanes == 2 and itemsize == 32:
        kind = "c"  # a complex number of two long doubles has too many bits for DLPack
    elif kind is None or tensor.lanes != 1:
        return "B"
    return f"{kind}{itemsize}"


def _check_contiguous(
    shape: Sequence[int], strides: Sequence[int] | None, itemsize: int = 1
) -> None:
    if any(length < 0 for length in shape):
        raise BufferError(f"shape {tuple(shape)} has a negative length")
    if strides is None or 0 in shape:
        return
    pairs = list(zip(shape, strides, strict=True))
    for order in (reversed(pairs), pairs):
        expected = itemsize
        for length, step in order:
            if length != 1 and step != expected:
                break
            expected *= length
        else:
            return
    raise BufferError(f"an array with strides {tuple(strides)} is not contiguous")


def _check_readable(address: int, nbytes: int) -> None:
    """Has the kernel read the first and last byte: touching device memory ends the process."""
    reader, writer = os.pipe()
    try:
        for place in (address, address + nbytes - 1) if nbytes else ():
            os.write(writer, (ctypes.c_char * 1).from_address(place))
    except OSError as error:
        raise BufferError("this device memory can't be read here: copy it to the host") from error
    finally:
        os.close(reader)
        os.close(writer)


def _product(shape: Sequence[int]) -> int:
    total = 1
    for length in shape:
        total *= length
    return total


__all__ = ["Foreign", "from_cuda_array_interface", "from_dlpack"]
