"""`distrcomp doctor` of this machine alone, on a terminal."""

from __future__ import annotations

import shlex
import sys

import pytest

from tests.command import Machine

pytestmark = pytest.mark.processes


def test_its_own_runs_are_not_spoken_of(machine: Machine) -> None:
    """What it does with its nodes, interrupting them among that, is nothing the person did."""
    words = shlex.join([sys.executable, "-m", "launcher", "doctor"])
    result = machine.start_program("script", "-qec", words, "/dev/null").wait()
    assert "distrcomp: looking for 1 peer\r\n" in result.out, result
    assert "Ctrl-C" not in result.out
