"""What every folder of tests may use: a machine to type commands at, watched for leaks."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.command import Command, Machine, Result, heed_signals
from tests.leaks import LeakChecker, watched

pytest_plugins = ("tests.case_report", "tests.faults.full_matrix")

# A time limit for each example would fail on a busy machine; each test has one of its own.
settings.register_profile("distrcomp", deadline=None)
settings.load_profile("distrcomp")
# For a second and third Python in CI, where the first has tried all: --hypothesis-profile=few.
settings.register_profile("few", settings.get_profile("distrcomp"), max_examples=10)


def pytest_configure() -> None:
    """Takes back what a shell's background job, or nohup, ignores: commands would inherit that."""
    heed_signals()


def pytest_collection_finish() -> None:
    """Spares what was collected, which stays, each later search for cycles."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def leaks(tmp_path: Path) -> Iterator[LeakChecker]:
    """Knows what the test starts; when the test is over nothing of it may be left."""
    with watched(tmp_path) as checker:
        yield checker


@pytest.fixture
def machine(tmp_path: Path, leaks: LeakChecker) -> Iterator[Machine]:
    """This machine, with a home and a temporary folder of the test's own."""
    with contextlib.closing(Machine(tmp_path, leaks)) as made:
        yield made


@pytest.fixture
def run_distrcomp(machine: Machine) -> Callable[..., Result]:
    """Runs `distrcomp ARGS...` on this machine to its end."""
    return machine.run


@pytest.fixture
def start_distrcomp(machine: Machine) -> Callable[..., Command]:
    """Starts `distrcomp ARGS...` on this machine."""
    return machine.start
