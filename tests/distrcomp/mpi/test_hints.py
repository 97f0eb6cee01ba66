"""Hints: the same calls on communicators, windows and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distrcomp.mpi import MPI


def opened(kind: str, folder: Path) -> Any:
    """An object of the kind, of this node alone."""
    if kind == "Win":
        return MPI.Win.Allocate(8)
    if kind == "File":
        return MPI.File.Open(MPI.COMM_SELF, folder / "file", MPI.MODE_RDWR | MPI.MODE_CREATE)
    return MPI.COMM_SELF.Dup()


@pytest.mark.parametrize("kind", ["Comm", "Win", "File"])
def test_hints_are_kept(kind: str, tmp_path: Path) -> None:
    """What was set is there, and what is given is a copy."""
    made = opened(kind, tmp_path)
    made.info = MPI.Info.Create({"one": "1"})
    made.info["one"] = "2"
    made.Set_info(MPI.Info.Create({"two": "2"}))
    assert {"one": "1", "two": "2"} == dict(made.Get_info().items())
    made.free()


@pytest.mark.parametrize("kind", ["Win", "File"])
def test_the_group(kind: str, tmp_path: Path) -> None:
    """Who has made it."""
    made = opened(kind, tmp_path)
    assert (1, 0, 1) == (made.group_size, made.group_rank, made.group.size)
    made.free()
