"""Short runs of the stress test over every kind of link, and proofs that it can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.leaks import LeakChecker
from tests.stress.launch import ROOT, Options, stress

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(
    "options",
    [
        Options(1, 2.0, 4, "memory", busy=2),
        Options(2, 2.0, 9, "memory", threads=2),
        Options(3, 2.0, 3, "sockets"),
        Options(4, 2.0, 4, "tls"),
        Options(5, 2.0, 4, "plain"),
        Options(6, 2.0, 3, "mpich"),
        Options(7, 2.0, 3, "openmpi"),
    ],
    ids=lambda options: f"{options.over}-{options.nodes}",
)
def test_all_arrives_as_it_was_sent(options: Options, tmp_path: Path, leaks: LeakChecker) -> None:
    """All kinds of objects, in order and unchanged, over links of this kind; nothing is left."""
    assert [] == stress(options, tmp_path, leaks).faults


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        ("byte", "Wrong: seed 1, lane 0, round"),
        ("order", "later"),
        ("lost", "RecvTimeout: "),
        ("memory", "memory, peak: "),
    ],
)
def test_a_fault_is_found(spoil: str, found: str, tmp_path: Path, leaks: LeakChecker) -> None:
    """The canary: a changed byte, a message that overtakes, one that is lost, memory that grows."""
    options = Options(1, 3.0, 2, threads=0, patience=2.0, spoil=spoil)
    [fault] = stress(options, tmp_path, leaks).faults
    assert found in fault


def test_command() -> None:
    """It says the seed, counts, and that all is well; and exits with 1 where it is not."""
    words = [sys.executable, "-m", "tests.stress", "--seed", "5", "--seconds", "1", "-n", "2"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("seed 5: ")
    assert done.stdout.endswith("all as it was sent, and nothing is left\n")
    failed = subprocess.run([*words, "--spoil", "byte"], cwd=ROOT, capture_output=True, text=True)
    assert 1 == failed.returncode
    assert "FAULT (seed 5): exit code 1" in failed.stdout
