"""distrcomp.mpi.exporters and foreign_arrays: what memory objects offer, and of which type."""

from __future__ import annotations

import array
import ctypes
import gc
import weakref
from typing import Any

import numpy as np
import pytest

from distrcomp.mpi import MPI
from distrcomp.mpi.exporters import export, plain_form
from distrcomp.mpi.memory import buffer
from distrcomp.mpi.simple_specs import message

from .foreign_exporters import CudaArray, DLPack, OldDLPack

NUMBERS = np.arange(6, dtype="i")

OBJECTS: dict[str, tuple[Any, str]] = {
    "bytes": (b"abc", "B"),
    "bytearray": (bytearray(b"abc"), "B"),
    "array": (array.array("d", [1, 2]), "d"),
    "view": (memoryview(bytes(8)).cast("i"), "i"),
    "ctypes": ((ctypes.c_int * 3)(1, 2, 3), "<i"),
    "numpy": (NUMBERS, "=i"),
    "complex": (np.zeros(2, "D"), "=D"),
    "half": (np.zeros(2, "e"), "=e"),
    "text": (np.array([b"a", b"b"]), "|S1"),
    "dates": (np.array(["2020-01-01"], "M8[s]"), "=q"),
    "Fortran": (np.asfortranarray(np.ones((2, 3))), "=d"),
    "0-d": (np.array(3), "=l"),
    "scalar": (np.float64(3), "=d"),
    "empty": (np.zeros((0, 3)), "=d"),
    "buffer": (buffer(b"abc"), "B"),
    "DLPack": (DLPack(NUMBERS), "i4"),
    "DLPack unversioned": (OldDLPack(NUMBERS), "i4"),
    "DLPack bool": (DLPack(np.ones(3, bool)), "b1"),
    "DLPack complex": (DLPack(np.ones(3, "D")), "c16"),
    "CUDA": (CudaArray(NUMBERS), "<i4"),
    "CUDA void": (CudaArray(NUMBERS, typestr="|V4", descr=None), "B"),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_the_memory_and_form_of_an_object(name: str) -> None:
    """Its bytes as they lie in memory, without a copy, and the type of its items."""
    obj, form = OBJECTS[name]
    exported = export(obj)
    inner = getattr(obj, "array", obj)
    if isinstance(inner, np.generic | np.ndarray):
        expected = np.asarray(inner).tobytes("A")
    else:
        expected = bytes(memoryview(inner))
    assert (expected, form) == (exported.memory.tobytes(), exported.form)
    assert (obj is exported.obj) or isinstance(obj, buffer)


@pytest.mark.parametrize("name", ["numpy", "DLPack", "DLPack unversioned", "CUDA", "buffer"])
def test_memory_is_the_objects_own(name: str) -> None:
    """What is written there is seen in the object, unless it is read-only."""
    numbers = np.zeros(3, "i")
    made = {
        "numpy": numbers,
        "DLPack": DLPack(numbers),
        "DLPack unversioned": OldDLPack(numbers),
        "CUDA": CudaArray(numbers),
        "buffer": buffer(numbers),
    }[name]
    export(made).memory[4] = 7
    assert [0, 7, 0] == numbers.tolist()
    assert numbers.ctypes.data == export(made).address


@pytest.mark.parametrize("obj", [None, 3, "abc", [1], object(), {}])
def test_what_has_no_memory_is_refused(obj: Any) -> None:
    """TypeError says what would do."""
    with pytest.raises(TypeError, match="needs an object with a buffer"):
        export(obj)


READ_ONLY = np.zeros(3)
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    "obj",
    [b"abc", READ_ONLY, DLPack(READ_ONLY), CudaArray(np.zeros(3), data=(8, True), shape=(0,))],
)
def test_read_only_memory_stays_so(obj: Any) -> None:
    """Each way of showing memory can say that it isn't to be written."""
    assert export(obj).memory.readonly


GAPS = np.zeros((4, 4))[:, 0]
TRANSPOSED = np.zeros((2, 3, 4)).transpose(0, 2, 1)


@pytest.mark.parametrize("array", [GAPS, TRANSPOSED])
@pytest.mark.parametrize("show", [lambda array: array, DLPack, CudaArray])
def test_memory_with_gaps_is_refused(array: Any, show: Any) -> None:
    """BufferError, however the array shows itself."""
    with pytest.raises(BufferError):
        export(show(array))


@pytest.mark.parametrize("strides", [(4, 0, 99), (4, 4, 4)])
def test_strides_of_single_items_count_for_nothing(strides: tuple[int, ...]) -> None:
    """A dimension of length 1 may say any stride."""
    exported = export(CudaArray(NUMBERS, shape=(6, 1, 1), strides=strides))
    assert 24 == len(exported.memory)


@pytest.mark.parametrize(
    ("device", "error"),
    [
        (None, TypeError),
        ((None, 0), TypeError),
        ((1, None), TypeError),
        ((1,), ValueError),
        ((1, 0, 1), ValueError),
    ],
)
def test_wrong_devices_of_dlpack_are_refused(device: Any, error: type[Exception]) -> None:
    """A device is a type and a number."""
    with pytest.raises(error):
        export(DLPack(NUMBERS, device))


def test_a_capsule_that_is_none_is_refused() -> None:
    """`__dlpack__` has to give a DLPack capsule."""

    class Wrong(DLPack):
        def __dlpack__(self, **_options: Any) -> Any:
            return None

    with pytest.raises(BufferError, match="no usable capsule"):
        export(Wrong(NUMBERS))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"data": None}, TypeError),
        ({"data": 0}, TypeError),
        ({"data": (0,)}, ValueError),
        ({"typestr": None}, TypeError),
        ({"typestr": "<iX"}, ValueError),
        ({"typestr": "#i4"}, BufferError),
        ({"shape": None}, TypeError),
        ({"shape": 3}, TypeError),
        ({"shape": (3, -1)}, BufferError),
        ({"strides": 4}, TypeError),
        ({"strides": (7,)}, BufferError),
        ({"mask": True}, BufferError),
        ({"descr": 3}, TypeError),
    ],
)
def test_wrong_descriptions_of_cuda_are_refused(changes: Any, error: type[Exception]) -> None:
    """Each key of the interface is checked before any memory is touched."""
    with pytest.raises(error):
        export(CudaArray(NUMBERS, **changes))


@pytest.mark.parametrize("key", ["data", "typestr", "shape"])
def test_missing_keys_of_cuda_are_refused(key: str) -> None:
    """The three that the interface can't do without."""
    shown = CudaArray(NUMBERS)
    del shown.__cuda_array_interface__[key]
    with pytest.raises(KeyError):
        export(shown)


@pytest.mark.parametrize("interface", [None, 3, []])
def test_an_interface_of_cuda_is_a_dict(interface: Any) -> None:
    """Anything else is TypeError."""
    shown = CudaArray(NUMBERS)
    shown.__cuda_array_interface__ = interface
    with pytest.raises(TypeError):
        export(shown)


def test_records_of_cuda_are_taken_as_bytes_with_a_warning() -> None:
    """The description of fields is ignored, and that is said."""
    record = CudaArray(np.zeros(2, [("a", "i4"), ("b", "i4")]))
    with pytest.warns(RuntimeWarning, match="descr"):
        assert (16, "B") == (len(export(record).memory), export(record).form)


def test_memory_that_the_processor_cannot_read_is_refused() -> None:
    """A real device's address is found out before it ends the process."""
    with pytest.raises(BufferError, match="device memory"):
        export(CudaArray(NUMBERS, data=(16, False)))


def test_an_array_lives_as_long_as_its_memory_is_used() -> None:
    """Memory that was exported by DLPack keeps the capsule, and with it the array."""
    numbers = np.arange(1000)
    alive = weakref.ref(numbers)
    memory = export(DLPack(numbers)).memory
    del numbers
    gc.collect()
    assert alive() is not None
    del memory
    gc.collect()
    assert alive() is None


def test_other_byte_orders_are_refused() -> None:
    """Items have to be as this machine has them; a single byte has no order."""
    with pytest.raises(BufferError, match="byte order"):
        plain_form(export(NUMBERS.astype(NUMBERS.dtype.newbyteorder())).form)
    assert "b" == plain_form(export(np.zeros(3, ">i1")).form)


def test_views_are_left_free() -> None:
    """What a view offers doesn't rest on the view: cycles with such views crash some Pythons."""
    for view in (memoryview(bytearray(8)), memoryview(bytes(8)).cast("i")[:1]):
        count = view.nbytes
        exported, spec = export(view), message([view, MPI.BYTE])
        view.release()
        assert exported.memory.nbytes == spec.nbytes == count


def test_what_to_do_about_gaps() -> None:
    """The sentence says what to do."""
    with pytest.raises(BufferError, match="this ndarray doesn't lie in one piece: send or receive"):
        message(np.zeros(8)[::2])


def test_where_in_place_is_not_allowed() -> None:
    """The sentence names it."""
    with pytest.raises(BufferError, match="IN_PLACE stands for a collective's own input only"):
        message(MPI.IN_PLACE)
