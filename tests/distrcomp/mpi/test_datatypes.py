"""distrcomp.mpi.datatypes: what datatypes tell, how they are freed, pickled and taken apart."""

from __future__ import annotations

import copy
import pickle

import pytest

from distrcomp.mpi import MPI
from distrcomp.mpi.datatypes import Datatype


def test_a_vector_tells_its_size_and_bounds() -> None:
    """Size counts data only; the extent goes from the first byte to the last."""
    vector = MPI.INT.Create_vector(3, 2, 5)
    assert (24, 0, 48) == (vector.size, vector.lb, vector.extent)
    assert (0, 48) == vector.Get_extent() == vector.Get_true_extent()


def test_bounds_can_be_changed_and_the_true_ones_stay() -> None:
    """Resizing moves the bounds, not the data."""
    resized = MPI.INT.Create_resized(-3, 11)
    assert ((-3, 11), (0, 4)) == (resized.Get_extent(), resized.Get_true_extent())
    assert (-3, 8, 0, 4) == (resized.lb, resized.ub, resized.true_lb, resized.true_ub)


def test_a_freed_datatype_is_null() -> None:
    """Free makes the handle null; what was made from it stays whole."""
    inner = MPI.INT.Create_contiguous(2)
    outer = inner.Create_vector(2, 1, 2)
    inner.Free()
    assert inner == MPI.DATATYPE_NULL
    assert (16, 24) == (outer.size, outer.extent)


def test_predefined_datatypes_cannot_be_freed() -> None:
    """Free of a predefined type is an error; free() leaves a constant alone."""
    with pytest.raises(MPI.Exception) as caught:
        MPI.INT.Free()
    assert MPI.ERR_TYPE == caught.value.Get_error_class()
    MPI.INT.free()
    assert MPI.INT


def test_free_of_a_f90_type_makes_only_the_handle_null() -> None:
    """The type of these arguments stays, since MPI gives it out again."""
    first = Datatype.Create_f90_integer(5)
    first.free()
    assert not first
    assert 4 == Datatype.Create_f90_integer(5).size


@pytest.mark.parametrize(
    "ask",
    [
        lambda null: null.size,
        lambda null: null.extent,
        lambda null: null.Get_true_extent(),
        lambda null: null.Create_contiguous(1),
        lambda null: null.Commit(),
        lambda null: null.Free(),
        lambda null: null.Set_name("x"),
        lambda null: null.decode(),
        lambda null: Datatype.Create_struct([1], [0], [null]),
    ],
)
def test_the_null_datatype_tells_nothing(ask: object) -> None:
    """Everything but its name and codes is MPI.Exception(ERR_TYPE)."""
    with pytest.raises(MPI.Exception) as caught:
        ask(Datatype())  # type: ignore[operator]
    assert MPI.ERR_TYPE == caught.value.Get_error_class()
    assert ("MPI_DATATYPE_NULL", "", "", True) == (
        Datatype().name,
        Datatype().typestr,
        Datatype().typechar,
        Datatype().is_predefined,
    )


def test_a_duplicate_is_another_type_with_the_same_layout_and_code() -> None:
    """A duplicate of a basic type works like it, and is committed if it was."""
    double = MPI.INT.Dup()
    assert double != MPI.INT
    assert ("i", "i4", "i") == (double.tocode(), double.typestr, double.typechar)
    assert (MPI.COMBINER_DUP, False) == (double.combiner, double.is_predefined)


def test_contents_are_handles_of_the_users_own() -> None:
    """A datatype of Get_contents is freed by whoever asked; the first handle stays valid."""
    inner = MPI.INT.Create_contiguous(2)
    outer = inner.Create_contiguous(3)
    integers, addresses, counts, (found,) = outer.Get_contents()
    assert ([], [], [3]) == (integers, addresses, counts)
    assert inner == found
    found.Free()
    assert 8 == inner.size
    inner.Free()


CASES = {
    "VECTOR": lambda: MPI.INT.Create_vector(2, 1, 3),
    "HVECTOR": lambda: MPI.INT.Create_hvector(2, 1, 33),
    "INDEXED": lambda: MPI.INT.Create_indexed([2, 1], [0, 5]),
    "HINDEXED": lambda: MPI.INT.Create_hindexed([2, 1], [0, 17]),
    "INDEXED_BLOCK": lambda: MPI.INT.Create_indexed_block(2, [0, 5]),
    "HINDEXED_BLOCK": lambda: MPI.INT.Create_hindexed_block(2, [0, 17]),
    "CONTIGUOUS": lambda: MPI.INT.Create_contiguous(3),
    "DUP": lambda: MPI.INT.Dup(),
    "RESIZED": lambda: MPI.INT.Create_resized(-1, 9),
    "SUBARRAY": lambda: MPI.INT.Create_subarray([4, 5], [2, 3], [1, 2], MPI.ORDER_F),
    "DARRAY": lambda: MPI.INT.Create_darray(
        4, 1, [5, 7], [MPI.DISTRIBUTE_BLOCK, MPI.DISTRIBUTE_CYCLIC], [3, 2], [2, 2]
    ),
    "STRUCT": lambda: Datatype.Create_struct([1, 2], [0, 8], [MPI.DOUBLE, MPI.INT]),
    "F90_INTEGER": lambda: Datatype.Create_f90_integer(4),
    "F90_REAL": lambda: Datatype.Create_f90_real(6, 30),
    "F90_COMPLEX": lambda: Datatype.Create_f90_complex(15, 300),
}


@pytest.mark.parametrize("combiner", CASES)
def test_decode_tells_how_to_make_it_again(combiner: str) -> None:
    """The constructor of that name with those arguments makes a type of the same layout."""
    made = CASES[combiner]()
    base, name, arguments = made.decode()
    again = getattr(base, f"Create_{name.lower()}")(**arguments)
    assert combiner == name
    assert made.Get_contents()[:3] == again.Get_contents()[:3]
    assert (made.size, made.lb, made.ub) == (again.size, again.lb, again.ub)


@pytest.mark.parametrize("combiner", CASES)
def test_a_pickled_datatype_has_the_same_layout(combiner: str) -> None:
    """A derived datatype travels as how it was made."""
    made = CASES[combiner]()
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert made.Get_envelope() == again.Get_envelope()
        assert (made.size, made.lb, made.ub) == (again.size, again.lb, again.ub)


def test_contents_have_the_form_of_large_counts() -> None:
    """Sizes, counts and displacements are large counts; ranks and orders are integers."""
    subarray, darray = CASES["SUBARRAY"](), CASES["DARRAY"]()
    assert ([2, MPI.ORDER_F], [], [4, 5, 2, 3, 1, 2]) == subarray.Get_contents()[:3]
    distributions = [MPI.DISTRIBUTE_BLOCK, MPI.DISTRIBUTE_CYCLIC]
    expected = [4, 1, 2, *distributions, 3, 2, 2, 2, MPI.ORDER_C]
    assert (expected, [], [5, 7]) == darray.Get_contents()[:3]
    assert [2, 2, 0, 5] == CASES["INDEXED_BLOCK"]().Get_contents()[2]
    assert [2, 2, 1, 0, 5] == CASES["INDEXED"]().Get_contents()[2]


def test_a_named_type_has_no_contents() -> None:
    """Its envelope is empty, and decode gives itself."""
    assert (0, 0, 0, 0, MPI.COMBINER_NAMED) == MPI.DOUBLE_INT.envelope
    assert (MPI.INT, "NAMED", {}) == MPI.INT.decode()
    assert MPI.INT.decode()[0] is MPI.INT
    with pytest.raises(MPI.Exception):
        MPI.INT.Get_contents()


def test_a_renamed_constant_is_the_same_constant() -> None:
    """Names are for people: what a type is doesn't hang on its own."""
    pair = MPI.INT.Create_contiguous(2)
    MPI.INT.Set_name("number")
    try:
        assert MPI.INT is pair.decode()[0]
        assert MPI.INT_INT == Datatype.Get_value_index(MPI.INT, MPI.INT)
        assert "number" == pickle.loads(pickle.dumps(pair)).decode()[0].name
    finally:
        MPI.INT.Set_name("MPI_INT")


def test_derived_types_have_no_code() -> None:
    """They are void to numpy, as large as their extent."""
    vector = MPI.INT.Create_vector(2, 1, 3)
    assert ("V", "V16") == (vector.typechar, vector.typestr)
    with pytest.raises(ValueError, match="no character code"):
        vector.tocode()


def test_attributes_go_with_the_last_handle() -> None:
    """delete_fn runs when the datatype is freed, not when a second handle of it is."""
    deleted = []
    keyval = Datatype.Create_keyval(delete_fn=lambda *args: deleted.append(args[2]))
    inner = MPI.INT.Create_contiguous(2)
    inner.Set_attr(keyval, "value")
    (second,) = inner.Create_contiguous(1).Get_contents()[3]
    second.Free()
    assert [] == deleted
    inner.Free()
    assert ["value"] == deleted
    Datatype.Free_keyval(keyval)
