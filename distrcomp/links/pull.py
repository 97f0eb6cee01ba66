"""Reading and writing another process's memory: one copy between nodes of a machine (Linux).

`process_vm_readv(2)` copies straight from the sender's memory into the receiver's. The kernel
allows it to processes of one user unless something forbids it: the Yama module, whose usual setting
lets only an ancestor look (`let_others_read` asks for more, as MPI libraries do), a container's
filter, a program that made itself undumpable. So the receiver tries before anybody relies on it.

One call moves at most 2**31 - 4096 bytes and may stop before, so what is left is asked for again.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from struct import pack
from typing import Any

_PR_SET_PTRACER, _PR_SET_PTRACER_ANY = 0x59616D61, ctypes.c_ulong(-1)  # prctl(2)


class _Buffer(ctypes.Structure):
    _fields_ = (  # Py_buffer, part of the stable ABI since Python 3.11
        ("address", ctypes.c_void_p),
        ("owner", ctypes.py_object),
        ("length", ctypes.c_ssize_t),
        ("item_bytes", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("dimensions", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = (ctypes.py_object, ctypes.POINTER(_Buffer), ctypes.c_int)
_get_buffer.restype = ctypes.c_int
_release_buffer = ctypes.pythonapi.PyBuffer_Release
_release_buffer.argtypes = (ctypes.POINTER(_Buffer),)
_release_buffer.restype = None


def _find_call(name: str) -> Any:
    if sys.platform != "linux":
        return None
    try:
        call = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (OSError, AttributeError):
        return None
    call.restype = ctypes.c_ssize_t
    call.argtypes = (
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_ulong,
        ctypes.c_void_p,
        ctypes.c_ulong,
        ctypes.c_ulong,
    )
    return call


_process_vm_readv, _process_vm_writev = map(_find_call, ("process_vm_readv", "process_vm_writev"))


def address_of(memory: Any) -> int:
    """Where a contiguous buffer begins in this process; it must be kept alive by the caller."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(memory))
    except (TypeError, ValueError):  # read-only, empty, or none
        pass
    buffer = _Buffer()
    _get_buffer(memory, ctypes.byref(buffer), 0)
    address: int = buffer.address or 0
    _release_buffer(ctypes.byref(buffer))
    return address


def let_others_read() -> None:
    """Allows other processes of this user to read this one's memory, where Yama would not."""
    try:
        with open("/proc/sys/kernel/yama/ptrace_scope", encoding="ascii") as file:
            is_restricted = file.read().strip() == "1"
    except OSError:
        return
    if is_restricted:
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _PR_SET_PTRACER_ANY, 0, 0, 0)


def read_memory(process: int, pieces: Sequence[tuple[int, Any]]) -> None:
    """Fills memory from that of another process.

    Args:
        process: its number.
        pieces: addresses there, and what to fill from each: a contiguous buffer of bytes.

    Raises:
        OSError: the process is gone, or its memory cannot be read from here.
    """
    here: list[int] = []  # two arrays of struct iovec: address and length, each time
    there: list[int] = []
    for address, target in pieces:
        here += address_of(target), len(target)
        there += address, len(target)
    _copy(_process_vm_readv, process, here, there)


def write_memory(process: int, pieces: Sequence[Sequence[int]]) -> None:
    """Fills memory of another process from ours.

    Args:
        process: its number.
        pieces: addresses here and there, and lengths.

    Raises:
        OSError: the process is gone, or its memory cannot be written from here.
    """
    here: list[int] = []
    there: list[int] = []
    for address, target, length in pieces:
        here += address, length
        there += target, length
    _copy(_process_vm_writev, process, here, there)


def _copy(call: Any, process: int, here: list[int], there: list[int]) -> None:
    if call is None:
        raise OSError("no process reads another's memory on this system")
    left = sum(here[1::2])
    while left:
        count, numbers = len(here) >> 1, f"{len(here)}N"
        got = call(process, pack(numbers, *here), count, pack(numbers, *there), count, 0)
        if got <= 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        left -= got
        if left:
            _pass_over(here, got)
            _pass_over(there, got)


def can_read(process: int, address: int, expected: bytes) -> bool:
    """Whether these bytes can be read at an address of another process."""
    found = bytearray(len(expected))
    try:
        read_memory(process, [(address, found)])
    except OSError:
        return False
    return found == expected


def refusal(error: OSError) -> str:
    """Why memory that could be read can't be read any more."""
    if isinstance(error, PermissionError):
        return f"{error.strerror}: since the start it has changed its user or used prctl(2)"
    return error.strerror or str(error)


def _pass_over(pieces: list[int], count: int) -> None:
    """So many bytes of these pieces are done with."""
    for index in range(0, len(pieces), 2):
        done = min(count, pieces[index + 1])
        pieces[index] += done
        pieces[index + 1] -= done
        count -= done
