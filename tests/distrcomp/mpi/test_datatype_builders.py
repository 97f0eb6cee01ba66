"""distrcomp.mpi.datatype_builders: wrong arguments; parts of arrays against numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.mpi import MPI, specs
from distrcomp.mpi.datatypes import Datatype


def _sent(array: np.ndarray, datatype: Datatype) -> list[int]:
    """What a message of one item from the array's beginning holds."""
    data = specs.message([array, 1, datatype.Commit()]).to_bytes()
    found: list[int] = np.frombuffer(data, array.dtype).tolist() if len(data) else []
    return found


ORDERS = st.sampled_from([(MPI.ORDER_C, "C"), (MPI.ORDER_F, "F")])


@given(st.data(), ORDERS)
def test_a_subarray_is_numpys(data: st.DataObject, order: tuple[int, Any]) -> None:
    """The block of the array comes in the storage order, and the extent is the whole array's."""
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    subsizes = [data.draw(st.integers(0, size)) for size in sizes]
    starts = [data.draw(st.integers(0, n - m)) for n, m in zip(sizes, subsizes, strict=True)]
    whole = np.arange(np.prod(sizes), dtype="i").reshape(sizes, order=order[1])
    made = MPI.INT.Create_subarray(sizes, subsizes, starts, order[0])
    part = whole[tuple(slice(s, s + m) for s, m in zip(starts, subsizes, strict=True))]
    assert part.ravel(order[1]).tolist() == _sent(whole, made)
    assert (0, whole.nbytes) == made.Get_extent()


@given(st.data(), ORDERS)
def test_a_distributed_array_is_shared_out_whole(
    data: st.DataObject, order: tuple[int, Any]
) -> None:
    """Each element of the array belongs to exactly one process, in storage order."""
    ndim = data.draw(st.integers(1, 2))
    sizes = [data.draw(st.integers(1, 7)) for _ in range(ndim)]
    processes = [data.draw(st.integers(1, 3)) for _ in range(ndim)]
    distributions, arguments = [], []
    for size, count in zip(sizes, processes, strict=True):
        choices = [MPI.DISTRIBUTE_BLOCK, MPI.DISTRIBUTE_CYCLIC]
        choices += [MPI.DISTRIBUTE_NONE] if count == 1 else []
        way = data.draw(st.sampled_from(choices))
        least = -(-size // count) if way == MPI.DISTRIBUTE_BLOCK else 1
        distributions.append(way)
        arguments.append(data.draw(st.sampled_from([MPI.DISTRIBUTE_DFLT_DARG, least, least + 1])))
    whole = np.arange(np.prod(sizes), dtype="i").reshape(sizes, order=order[1])
    shares = []
    for rank in range(int(np.prod(processes))):
        made = MPI.INT.Create_darray(
            int(np.prod(processes)), rank, sizes, distributions, arguments, processes, order[0]
        )
        assert (0, whole.nbytes) == made.Get_extent()
        share = _sent(whole, made)
        assert sorted(share) == share
        shares += share
    assert list(range(whole.size)) == sorted(shares)


def test_blocks_and_cycles_are_dealt_out_as_the_standard_says() -> None:
    """Process (0, 1) of 2 x 2: the first three rows, and of the columns the pairs 2-3 and 6."""
    distributions = [MPI.DISTRIBUTE_BLOCK, MPI.DISTRIBUTE_CYCLIC]
    made = MPI.INT.Create_darray(4, 1, [5, 7], distributions, [3, 2], [2, 2])
    whole = np.arange(35, dtype="i").reshape(5, 7)
    assert whole[:3, [2, 3, 6]].ravel().tolist() == _sent(whole, made)


NONE = MPI.DISTRIBUTE_NONE
BLOCK = MPI.DISTRIBUTE_BLOCK
DEFAULT = MPI.DISTRIBUTE_DFLT_DARG

WRONG: dict[str, tuple[int, Callable[[], Any]]] = {
    "negative count": (MPI.ERR_COUNT, lambda: MPI.INT.Create_contiguous(-1)),
    "negative vector": (MPI.ERR_COUNT, lambda: MPI.INT.Create_vector(-1, 1, 1)),
    "negative block": (MPI.ERR_COUNT, lambda: MPI.INT.Create_indexed([-1, 2], [1, 2])),
    "order": (MPI.ERR_ARG, lambda: MPI.INT.Create_subarray([4], [3], [0], 7)),
    "outside": (MPI.ERR_ARG, lambda: MPI.INT.Create_subarray([4], [3], [2])),
    "rank": (MPI.ERR_RANK, lambda: MPI.INT.Create_darray(4, 4, [5], [BLOCK], [DEFAULT], [4])),
    "blocks": (MPI.ERR_ARG, lambda: MPI.INT.Create_darray(4, 0, [5], [BLOCK], [1], [4])),
    "argument": (MPI.ERR_ARG, lambda: MPI.INT.Create_darray(4, 0, [5], [BLOCK], [-3], [4])),
    "undistributed": (MPI.ERR_ARG, lambda: MPI.INT.Create_darray(4, 0, [5], [NONE], [1], [4])),
    "distribution": (MPI.ERR_ARG, lambda: MPI.INT.Create_darray(1, 0, [5], [77], [1], [1])),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_errors_of_mpi(case: str) -> None:
    """Numbers that make no sense have the class that MPI gives them."""
    error_class, make = WRONG[case]
    with pytest.raises(MPI.Exception) as caught:
        make()
    assert error_class == caught.value.Get_error_class()


@pytest.mark.parametrize(
    "make",
    [
        lambda: MPI.INT.Create_indexed([1, 2], [1]),
        lambda: MPI.INT.Create_hindexed([1], [1, 2]),
        lambda: MPI.INT.Create_subarray([4], [3, 1], [0]),
        lambda: Datatype.Create_struct([1], [0], [MPI.INT, MPI.FLOAT]),
    ],
)
def test_lists_of_different_lengths_are_refused(make: Callable[[], Any]) -> None:
    """The lists of one call belong together."""
    with pytest.raises(ValueError, match="expecting"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: MPI.INT.Create_contiguous(None),
        lambda: MPI.INT.Create_indexed(3, [1, 2]),
        lambda: Datatype.Create_struct([1], [0], ["i"]),
    ],
)
def test_what_is_no_number_or_list_is_refused(make: Callable[[], Any]) -> None:
    """Such mistakes are Python's own."""
    with pytest.raises(TypeError):
        make()


def test_arrays_of_numbers_are_lists_too() -> None:
    """Block lengths and displacements may be numpy's; decode gives plain lists."""
    made = MPI.INT.Create_hindexed(np.array([1, 2]), np.array([3, 8]))
    assert {"blocklengths": [1, 2], "displacements": [3, 8]} == made.decode()[2]


def test_a_subclass_makes_its_own() -> None:
    """Constructors and Dup return the class they were called on."""

    class Mine(Datatype):
        pass

    assert [Mine] * 3 == [
        type(Mine(MPI.INT).Create_contiguous(2)),
        type(Mine(MPI.INT).Dup()),
        type(Mine.Create_struct([1], [0], [MPI.INT])),
    ]


def test_structures_are_padded_and_places_of_one_type_are_not() -> None:
    """An int and a char end as in C; two ints anywhere end where they do, as in MPICH."""
    mixed = Datatype.Create_struct([1, 1], [0, 4], [MPI.INT, MPI.CHAR])
    alike = Datatype.Create_struct([1, 1], [0, 9], [MPI.INT, MPI.INT])
    assert ((0, 8), (0, 13)) == (mixed.Get_extent(), alike.Get_extent())
