"""The page on mpi4py against the code."""

from __future__ import annotations

import re
from typing import Any

import pytest

from distrcomp.mpi import MPI
from distrcomp.mpi.unsupported import UNSUPPORTED
from tests.distrcomp.mpi import calls


def test_the_page_has_what_the_code_has() -> None:
    """The tables are as `python -m tests.distrcomp.mpi.calls` makes them."""
    page = calls.PAGE.read_text("utf-8")
    assert sorted(calls.parts_of(page)) == ["d", "s", "u"]
    assert calls.made(page) == page


def test_every_public_call_is_supported_or_says_why_not() -> None:
    """Only calls of the table raise that they can't be had, and they exist."""
    for name in UNSUPPORTED:
        found: Any = MPI
        for part in name.split("."):
            found = getattr(found, part)
        assert callable(found), name


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Intracomm.Spawn", (MPI.COMM_SELF, "prog")),
        ("Intracomm.Spawn_multiple", (MPI.COMM_SELF, ["prog"])),
        ("Comm.Revoke", (MPI.COMM_SELF,)),
        ("Register_datarep", ("mine", None, None, None)),
    ],
)
def test_what_cannot_be_had_raises_it(name: str, arguments: tuple[Any, ...]) -> None:
    """The text names the call."""
    call: Any = MPI
    for part in name.split("."):
        call = getattr(call, part)
    with pytest.raises(NotImplementedError, match=re.escape(f"MPI.{name}: ")):
        call(*arguments)
