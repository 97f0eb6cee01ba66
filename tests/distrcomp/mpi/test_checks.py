"""What is an integer to the face, and what is said of other things."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest

from distrcomp.mpi import MPI
from distrcomp.mpi.checks import exact, integer, integers, is_below


@pytest.mark.parametrize("value", [3, numpy.int64(3), 3.9, numpy.array(3)])
def test_integers_of_any_kind(value: Any) -> None:
    """Floats are cut, as where C takes them."""
    assert integer(value) == 3
    assert integers([value, value]) == [3, 3]


@pytest.mark.parametrize("check", [integer, exact, lambda value: is_below(value, 5)])
@pytest.mark.parametrize("value", ["3", b"3", None, [3], {}])
def test_what_is_no_integer(check: Callable[[Any], object], value: Any) -> None:
    """Neither is a text that says one."""
    with pytest.raises(TypeError, match=f"an integer is required, not {type(value).__name__}"):
        check(value)


def test_exact_integers() -> None:
    """A count is not cut."""
    assert exact(numpy.uint8(7)) == 7
    with pytest.raises(TypeError, match="an integer is required, not float"):
        exact(7.0)


def test_what_is_no_sequence() -> None:
    """It is told so."""
    with pytest.raises(TypeError, match="a sequence of integers is required, not int"):
        integers(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "wanted"), [(-1, False), (0, True), (4, True), (5, False)])
def test_bounds(value: int, wanted: bool) -> None:
    """From 0 on, below the bound."""
    assert is_below(value, 5) is wanted


ARRAY = numpy.zeros(2)

WRONG_KINDS: list[tuple[Callable[[], object], str]] = [
    (lambda: MPI.COMM_SELF.Allreduce(ARRAY, ARRAY.copy(), op=max), "MPI.Op, got builtin_function"),
    (lambda: MPI.COMM_SELF.allreduce(1, op=5), "an Op or a function of two is required, not int"),
    (lambda: MPI.COMM_SELF.Set_errhandler(None), "MPI.Errhandler, got NoneType"),
    (lambda: MPI.COMM_SELF.Create(None), "MPI.Group, got NoneType"),
    (lambda: MPI.COMM_SELF.Create_group(5), "MPI.Group, got int"),
    (lambda: MPI.COMM_SELF.Create_intercomm(0, None, 0), "MPI.Comm, got NoneType"),
    (lambda: MPI.File.Open(None, "name"), "MPI.Comm, got NoneType"),
    (lambda: MPI.Win.Allocate(8, comm=5), "MPI.Comm, got int"),
    (lambda: MPI.COMM_SELF.Split("color"), "an integer is required, not str"),
    (lambda: MPI.COMM_SELF.Split(0, "key"), "an integer is required, not str"),
    (lambda: MPI.COMM_SELF.bcast(1, "root"), "an integer is required, not 'root'"),
    (lambda: MPI.COMM_SELF.Bcast(ARRAY, "root"), "an integer is required, not str"),
    (lambda: MPI.COMM_SELF.Create_cart("4"), "an integer is required, not str"),
    (lambda: MPI.COMM_SELF.Create_cart(4), "a sequence of integers is required, not int"),
    (lambda: MPI.Win.Allocate("8"), "an integer is required, not str"),
    (lambda: MPI.COMM_SELF.group.Incl(["0"]), "an integer is required, not str"),
]


@pytest.mark.parametrize(("call", "told"), WRONG_KINDS, ids=[told for _, told in WRONG_KINDS])
def test_arguments_of_a_wrong_kind(call: Callable[[], object], told: str) -> None:
    """The call says what it wants, by a TypeError."""
    with pytest.raises(TypeError, match=told):
        call()
