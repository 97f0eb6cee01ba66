"""What a status tells."""

from __future__ import annotations

import pickle

import pytest

from distrcomp.mpi import MPI


def status(nbytes: int = 0) -> MPI.Status:
    """The status of a message of so many bytes from rank 3 with tag 5."""
    made = MPI.Status()
    made._set(3, 5, nbytes)
    return made


def test_a_new_status_is_empty() -> None:
    """Any source, any tag, no error, no bytes."""
    empty = MPI.Status()
    assert (empty.source, empty.tag, empty.error) == (MPI.ANY_SOURCE, MPI.ANY_TAG, MPI.SUCCESS)
    assert (empty.count, empty.Get_count(), empty.Is_cancelled()) == (0, 0, False)


def test_counts_are_in_whole_items() -> None:
    """A rest leaves the count undefined."""
    assert status(24).Get_count(MPI.DOUBLE) == 3
    assert status(24).Get_count() == 24
    assert status(25).Get_count(MPI.DOUBLE) == MPI.UNDEFINED
    empty = MPI.INT.Create_contiguous(0)
    assert status(0).Get_count(empty) == 0
    assert status(1).Get_count(empty) == MPI.UNDEFINED


@pytest.mark.parametrize(
    ("nbytes", "elements"), [(0, 0), (4, 1), (12, 2), (24, 4), (16, 3), (14, MPI.UNDEFINED)]
)
def test_elements_are_basic_items(nbytes: int, elements: int) -> None:
    """A half received item counts by its basic elements."""
    pair = MPI.Datatype.Create_struct([1, 1], [0, 8], [MPI.INT, MPI.DOUBLE])
    assert status(nbytes).Get_elements(pair) == elements


def test_elements_of_nested_types() -> None:
    """What a type is made of is looked into to the ground."""
    row = MPI.INT.Create_contiguous(3)
    table = row.Create_vector(2, 1, 4)
    assert status(24 + 16).Get_elements(table) == 10
    assert status(24 + 16).Get_count(table) == MPI.UNDEFINED


def test_an_element_that_is_missing_ends_the_count() -> None:
    """What is left of a double isn't the int that would follow it."""
    pair = MPI.Datatype.Create_struct([1, 1], [0, 8], [MPI.DOUBLE, MPI.INT])
    assert status(4).Get_elements(pair.Create_contiguous(2)) == MPI.UNDEFINED
    assert status(12 + 8).Get_elements(pair.Create_contiguous(2)) == 3


def test_null_datatypes_have_no_size() -> None:
    """A count in null items is an error."""
    for call in (MPI.Status.Get_count, MPI.Status.Get_elements):
        with pytest.raises(MPI.Exception) as raised:
            call(status(), MPI.DATATYPE_NULL)
        assert raised.value == MPI.ERR_TYPE


def test_fields_can_be_set() -> None:
    """By properties and by calls."""
    made = MPI.Status()
    made.Set_source(1)
    made.Set_tag(2)
    made.Set_error(MPI.ERR_TRUNCATE)
    made.Set_elements(MPI.INT, 4)
    made.Set_cancelled(True)
    assert (made.source, made.tag, made.error) == (1, 2, MPI.ERR_TRUNCATE)
    assert (made.count, made.cancelled) == (16, True)
    assert made == MPI.Status(made)
    made.source = 9
    assert made != status()


def test_a_status_pickles() -> None:
    """All of it travels."""
    made = status(8)
    made.error = MPI.ERR_OTHER
    assert pickle.loads(pickle.dumps(made)) == made


def test_its_memory_is_the_status() -> None:
    """What is written to the words counts; their order is that of the F_ constants."""
    made = status(8)
    memory = made.tomemory()
    memory[MPI.F_TAG] = 77
    assert made.tag == 77
    words = made.py2f()
    assert len(words) == MPI.F_STATUS_SIZE
    assert (words[MPI.F_SOURCE], words[MPI.F_TAG], words[MPI.F_ERROR]) == (3, 77, 0)
    assert MPI.Status.f2py(words) == made
