"""distrcomp.mpi.memory and below: buffers, addresses, and what stands for a buffer."""

from __future__ import annotations

import array
import copy
import io
import pickle
from typing import Any

import numpy as np
import pytest

from distrcomp.mpi import MPI, raw_memory
from distrcomp.mpi.memory import buffer
from distrcomp.mpi.special_buffers import BOTTOM, BUFFER_AUTOMATIC, IN_PLACE

from .foreign_exporters import CudaArray


def test_an_empty_buffer_has_nothing() -> None:
    """No object, no address, no bytes, and it takes any filling."""
    empty = buffer()
    empty[:] = 0
    empty[:] = buffer()
    assert (0, None, 0, False, 0) == (
        empty.address,
        empty.obj,
        empty.nbytes,
        empty.readonly,
        len(empty),
    )
    assert b"" == memoryview(empty).tobytes()


@pytest.mark.parametrize("nbytes", [0, 1, 1000, 100_000])
@pytest.mark.parametrize("clear", [False, True])
def test_allocated_memory_has_its_size(nbytes: int, clear: bool) -> None:
    """Small or large, it has an address, is writable, and zero if that was asked for."""
    made = buffer.allocate(nbytes, clear)
    assert (nbytes, False) == (made.nbytes, made.readonly)
    assert made.address != 0
    if clear:
        assert bytes(nbytes) == made.tobytes()


@pytest.mark.parametrize(("nbytes", "error"), [(None, TypeError), (-1, ValueError)])
def test_wrong_sizes_are_refused(nbytes: Any, error: type[Exception]) -> None:
    """A size is a number from 0 on."""
    with pytest.raises(error):
        buffer.allocate(nbytes)


def test_a_buffer_is_a_view_of_its_object() -> None:
    """Written through either, seen through both."""
    numbers = array.array("i", [1, 2, 3])
    made = buffer(numbers)
    made[:4] = (7).to_bytes(4, "little")
    assert [7, 2, 3] == numbers.tolist()
    assert (numbers.buffer_info()[0], numbers) == (made.address, made.obj)


def test_numpy_takes_a_buffer_as_memory() -> None:
    """numpy arrays stand on the buffer itself, not on a copy."""
    made = buffer.allocate(24, True)
    np.frombuffer(made, "d")[1] = 2.5
    np.ndarray((3,), "d", made)[2] = 1.5
    assert [0, 2.5, 1.5] == made.cast("d").tolist()


def test_a_read_only_buffer_is_not_written() -> None:
    """Neither by itself nor by others, who are told so."""
    made = buffer(bytearray(b"abc")).toreadonly()
    with pytest.raises(TypeError):
        made[:] = 0
    with pytest.raises((TypeError, BufferError)):
        io.BytesIO(b"xyz").readinto(made)
    assert (True, b"abc") == (memoryview(made).readonly, made.tobytes())
    assert not np.frombuffer(made, "B").flags.writeable


def test_items_are_bytes() -> None:
    """Positions count from either end; slices are buffers of the same memory."""
    made = buffer(bytearray(b"abcdef"))
    made[0], made[-1] = 120, 121
    part = made[1:5]
    part[1:3] = b"--"
    assert (b"xb--ey", 120, made.address + 1) == (made.tobytes(), made[0], part.address)
    made[2:4] = 42
    assert b"b**e" == part.tobytes()


@pytest.mark.parametrize("position", [6, -7, slice(None, None, 2)])
def test_positions_outside_are_refused(position: Any) -> None:
    """Reading and writing alike; slices have no step."""
    made = buffer(bytearray(6))
    with pytest.raises(IndexError):
        made[position]
    with pytest.raises(IndexError):
        made[position] = 0
    with pytest.raises(TypeError):
        made[None]
    with pytest.raises(NotImplementedError):
        del made[0]


def test_slices_are_filled_by_as_many_bytes() -> None:
    """More or fewer is ValueError, as is what is no byte."""
    made = buffer(bytearray(6))
    for value in (b"abc", 256, -1):
        with pytest.raises(ValueError, match=r"byte"):
            made[0:2] = value


def test_memory_by_its_address_is_that_memory() -> None:
    """fromaddress shows it, writable or not."""
    numbers = np.zeros(3, "B")
    buffer.fromaddress(numbers.ctypes.data, 3)[1] = 5
    shown = buffer.fromaddress(numbers.ctypes.data, 3, readonly=True)
    assert (b"\0\5\0", True, None) == (shown.tobytes(), shown.readonly, shown.obj)
    for address, nbytes in ((numbers.ctypes.data, -1), (0, 1)):
        with pytest.raises(ValueError, match=r"have|no memory"):
            buffer.fromaddress(address, nbytes)


def test_a_released_buffer_is_empty_and_views_of_it_live_on() -> None:
    """Free_mem can't pull memory away under somebody who looks at it."""
    made = MPI.Alloc_mem(8)
    made[:] = 9
    view = memoryview(made)
    MPI.Free_mem(made)
    assert (0, 0, False) == (made.address, made.nbytes, made.readonly)
    assert bytes([9] * 8) == view.tobytes()


def test_device_memory_is_not_looked_at() -> None:
    """It can be named and sent, but its bytes aren't Python's to read."""
    made = buffer(CudaArray(np.zeros(3, "i")))
    assert 12 == made.nbytes
    for look in (lambda: made[0], made.tobytes, lambda: made.cast("i")):
        with pytest.raises(BufferError, match="device memory"):
            look()


def test_allocating_less_than_nothing_is_an_error_of_mpi() -> None:
    """Alloc_mem checks its size."""
    with pytest.raises(MPI.Exception):
        MPI.Alloc_mem(-1)


def test_addresses_are_numbers() -> None:
    """Get_address of memory, of nothing, and of BOTTOM, with sums and differences."""
    numbers = np.zeros(4)
    base = MPI.Get_address(numbers)
    assert (numbers.ctypes.data, 0, 0) == (base, MPI.Get_address(None), MPI.Get_address(BOTTOM))
    assert MPI.Get_address(numbers[2:]) == MPI.Aint_add(base, 16)
    assert 16 == MPI.Aint_diff(MPI.Get_address(numbers[2:]), base)


@pytest.mark.parametrize("special", [BOTTOM, IN_PLACE, BUFFER_AUTOMATIC])
def test_specials_are_single_and_number_like(special: Any) -> None:
    """Each equals its number, is the only one of its type, and travels as its name."""
    assert special == int(special)
    assert special != int(special) + 1
    assert hash(special) == hash(int(special))
    assert type(special)() is special
    assert copy.deepcopy(special) is special
    assert pickle.loads(pickle.dumps(special)) is special
    assert (repr(special), 0) == (special.__reduce__(), memoryview(special).nbytes)
    with pytest.raises(TypeError):
        special + 1


def test_owners_of_views_are_found() -> None:
    """The memory that a view is a part of, and where in it the view begins."""
    matrix = np.arange(12.0).reshape(3, 4)
    row = matrix[1, 2:]
    found = raw_memory.owner_of(row, memoryview(row).cast("B"))
    assert found is not None
    assert (96, 48) == (len(found[0]), found[1])
    assert raw_memory.owner_of(matrix.copy(), memoryview(b"")) is None
