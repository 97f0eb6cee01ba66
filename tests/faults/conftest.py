"""Where faults are tried."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import Machine
from tests.faults.places import Peers, ThisMachine, check_run_is_gone
from tests.leaks import LeakChecker


@pytest.fixture
def here(machine: Machine) -> Iterator[ThisMachine]:
    """This machine, without an agent."""
    place = ThisMachine(machine)
    yield place
    check_run_is_gone(place)


@pytest.fixture
def peers(tmp_path: Path, leaks: LeakChecker) -> Iterator[Peers]:
    """Two peers on this machine's loopback."""
    with contextlib.closing(Peers(tmp_path, leaks)) as made:
        yield made
