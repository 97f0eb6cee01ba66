"""What all handles have in common, seen on groups, operations and infos."""

from __future__ import annotations

import copy
import ctypes
import pickle

import pytest

from distrcomp.mpi import MPI


class MyGroup(MPI.Group):
    """A class of the program's own."""


CONSTANTS = [MPI.GROUP_NULL, MPI.GROUP_EMPTY, MPI.SUM, MPI.OP_NULL, MPI.INFO_ENV, MPI.INT]


def test_a_copy_equals_and_is_another_object() -> None:
    """`MPI.Group(group)` denotes what `group` does."""
    group = MPI.GROUP_EMPTY
    other = MPI.Group(group)
    assert other == group
    assert other is not group
    assert (other != group) is False


def test_kinds_are_never_equal() -> None:
    """Null handles of different kinds differ."""
    assert MPI.GROUP_NULL != MPI.INFO_NULL
    assert MPI.GROUP_NULL != 0


def test_a_handle_has_no_hash() -> None:
    """Handles can't be keys of dictionaries, as in mpi4py."""
    with pytest.raises(TypeError):
        hash(MPI.SUM)


@pytest.mark.parametrize("wrong", [MPI.INFO_NULL, 1234, "abc"])
def test_a_handle_is_made_of_its_own_kind(wrong: object) -> None:
    """What is no handle of the kind is refused."""
    with pytest.raises(TypeError):
        MPI.Group(wrong)


@pytest.mark.parametrize("constant", CONSTANTS)
def test_constants_stay_themselves_in_pickles_and_copies(constant: MPI.Group) -> None:
    """A constant comes out as the same object, under every protocol."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(constant, protocol)) is constant
    assert copy.copy(constant) is constant
    assert copy.deepcopy(constant) is constant


@pytest.mark.parametrize("constant", CONSTANTS)
def test_wrappers_of_constants_are_wrappers_in_pickles(constant: MPI.Group) -> None:
    """Another handle of a constant comes out as another handle, of the same class."""
    wrapper = type(constant)(constant)
    found = pickle.loads(pickle.dumps(wrapper))
    assert found == constant
    assert found is not constant


def test_subclasses_keep_their_class_in_pickles() -> None:
    """A handle of the program's own class comes out as that."""
    found = pickle.loads(pickle.dumps(MyGroup(MPI.GROUP_EMPTY)))
    assert type(found) is MyGroup
    assert found == MPI.GROUP_EMPTY


def test_what_is_no_constant_does_not_pickle() -> None:
    """A group that was made has no meaning elsewhere."""
    with pytest.raises(ValueError, match="only constants travel"):
        pickle.dumps(MPI.Group._of([0]))


def test_numbers_lead_back_to_handles() -> None:
    """`fromhandle` and its like give an equal handle; 0 is null."""
    group = MPI.Group._of([0])
    assert MPI.Group.fromhandle(group.handle) == group
    assert MPI.Group.fromint(group.toint()) == group
    assert MPI.Group.f2py(group.py2f()) == group
    assert MPI.GROUP_NULL.handle == 0
    assert MPI.Group.fromhandle(0) == MPI.GROUP_NULL


def test_the_number_of_a_freed_handle_is_refused() -> None:
    """Freeing takes the number away."""
    group = MPI.Group._of([0])
    number = group.handle
    group.Free()
    with pytest.raises(ValueError, match="not the number of a handle"):
        MPI.Group.fromhandle(number)


def test_a_number_of_another_kind_is_refused() -> None:
    """A group can't be had from the number of an operation."""
    with pytest.raises(ValueError, match="is a Op"):
        MPI.Group.fromhandle(MPI.SUM.handle)


def test_numbers_cannot_be_set() -> None:
    """The number of a handle is read-only."""
    with pytest.raises(AttributeError):
        MPI.Group().handle = 3  # type: ignore[misc]


def test_free_is_safe() -> None:
    """`free` frees what was made, once; constants stay, and their wrappers become null."""
    made, wrapper = MPI.Group._of([0]), MPI.Group(MPI.GROUP_EMPTY)
    for _ in range(3):
        made.free()
        wrapper.free()
        MPI.GROUP_EMPTY.free()
        MPI.GROUP_NULL.free()
    assert not made
    assert not wrapper
    assert MPI.GROUP_EMPTY


def test_what_is_written_to_a_handles_address_counts() -> None:
    """A number put at the address of a handle makes it denote another thing, as in C."""
    group = MPI.Group()
    cell = ctypes.c_uint64.from_address(MPI._addressof(group))
    assert cell.value == MPI._handleof(group) == 0
    cell.value = MPI.GROUP_EMPTY.handle
    assert group == MPI.GROUP_EMPTY
    assert group.size == 0


def test_sizes_are_those_of_classes_and_objects() -> None:
    """A handle takes 8 bytes; what is no handle has no size."""
    assert MPI._sizeof(MPI.Group) == MPI._sizeof(MPI.GROUP_NULL) == 8
    assert MPI._sizeof(MPI.Status) == MPI._sizeof(MPI.Status())
    for function in (MPI._sizeof, MPI._addressof, MPI._handleof):
        with pytest.raises(TypeError):
            function(None)
