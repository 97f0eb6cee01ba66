"""What a forked process sheds of its server: its descriptors are where they are to be."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

import pytest

pytestmark = pytest.mark.processes

# (descriptor, number) each
Held: TypeAlias = list[tuple[int, int]]

# Forks a process for each case, which tells what its descriptors are: each has its number's name.
PROGRAM = """
import fcntl, json, os, sys
from distrcomp.fresh_start import take_free_places, take_places

HIGH = 500  # above all that a case is about

def open_as(numbers):
    files = [fcntl.fcntl(os.memfd_create(str(number)), fcntl.F_DUPFD, HIGH) for number in numbers]
    os.closerange(0, HIGH)
    for file, number in zip(files, numbers):
        os.dup2(file, number, inheritable=False)
    os.closerange(HIGH, HIGH + len(files) + 1)

def told():
    found = {}
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except FileNotFoundError:
            continue  # by which the folder was read
        name = target.removeprefix("/memfd:").removesuffix(" (deleted)")
        found[descriptor] = [name, os.get_inheritable(descriptor)]
    return found

def child(held, target):
    there = [0, 1, 2, 3, 4, 5, 6, 20, 300]
    open_as(there)
    held = list(map(tuple, held))
    if sys.argv[2] == "in two steps":
        given, held = held, take_free_places(held)
        for before, now in zip(given, held):
            assert now in (before, (before[1], before[1]))
            assert now != before or before[0] == before[1] or before[1] in there
    take_places(held)
    text = json.dumps(told())
    with open(target, "w") as file:
        file.write(text)

for number, held in enumerate(json.load(sys.stdin)):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            child(held, f"{sys.argv[1]}/{number}")
            code = 0
        finally:
            os._exit(code)
    if os.waitpid(pid, 0)[1]:
        sys.exit(f"{held}: it failed")
"""


def placed(
    cases: list[Held], folder: Path, how: str = "at once"
) -> list[dict[int, tuple[str, bool]]]:
    """By number: what lies there afterwards, named by where it lay, and whether it is passed on.

    Before, 0 to 6 are open, 20 and 300, and nothing of that is passed on.
    """
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), how],
        input=json.dumps(cases),
        text=True,
        check=True,
        timeout=60,
    )
    told = []
    for number in range(len(cases)):
        found = json.loads((folder / str(number)).read_text())
        told.append({int(at): (name, is_on) for at, (name, is_on) in found.items()})
    return told


def expected_of(held: Held) -> dict[int, tuple[str, bool]]:
    """What was asked for, and the standard streams where nothing else was."""
    standard = {number: (str(number), False) for number in range(3)}
    return standard | {number: (str(descriptor), number <= 2) for descriptor, number in held}


@pytest.mark.parametrize(
    "held",
    [
        [],
        [(5, 5)],
        [(5, 9)],
        [(5, 6), (6, 5)],
        [(4, 5), (5, 6), (6, 4)],
        [(6, 7), (5, 4), (3, 3)],
        [(5, 0), (6, 1), (4, 2)],
        [(0, 1), (1, 0)],
        [(1, 5), (5, 1)],
        [(5, 6), (5, 7), (5, 5)],
        [(20, 300), (300, 20)],
    ],
    ids=str,
)
def test_take_places(held: Held, tmp_path: Path) -> None:
    """Each comes to its number; of the rest only the standard streams stay."""
    assert [expected_of(held)] == placed([held], tmp_path)


def test_numbers_that_would_be_free_next(tmp_path: Path) -> None:
    """What is out of the way for a while does not lie where another one has to be."""
    held = [(6, 7), (20, 8), (300, 9), (3, 4), (4, 3)]
    assert [expected_of(held)] == placed([held], tmp_path)


@pytest.mark.parametrize("how", ["at once", "in two steps"])
def test_three_in_every_way(tmp_path: Path, how: str) -> None:
    """Three descriptors, in every order, to any three of their own numbers and three others."""
    cases = [
        list(zip(descriptors, numbers, strict=True))
        for descriptors in itertools.permutations((3, 4, 5))
        for numbers in itertools.permutations((1, 3, 4, 5, 6, 7), 3)
    ]
    assert list(map(expected_of, cases)) == placed(cases, tmp_path, how)


@pytest.mark.parametrize(
    "held",
    [
        [],
        [(5, 9)],
        [(5, 6), (6, 5)],
        [(4, 5), (5, 6), (6, 4)],
        [(5, 3), (6, 7)],
        [(20, 30), (5, 20)],
        [(4, 5), (5, 6)],
    ],
    ids=str,
)
def test_what_all_share_is_there_before(held: Held, tmp_path: Path) -> None:
    """A server moves what it can without displacing anything; in the end all is the same."""
    assert [expected_of(held)] == placed([held], tmp_path, "in two steps")
