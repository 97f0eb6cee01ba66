"""Files there and back: the commands of docs/shipping.md, as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.command import Machine
from tests.test_docs import FENCED

pytestmark = pytest.mark.processes

PAGE = (Path(__file__).parents[2] / "docs" / "shipping.md").read_text()
# What differs from machine to machine, and from run to run.
VARIES = re.compile(
    r"^(OMP_NUM_THREADS|[0-9]+ nodes on ).*\n|(?<=distrcomp-out/)\w+|[0-9.]+(?=\.$)", re.M
)


def shown() -> list[tuple[list[str], str]]:
    """Each command line of the page that needs no other machine, and what it prints there."""
    found: list[tuple[list[str], str]] = []
    for block in FENCED.findall(PAGE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, printed = part.partition("\n")
            words = shlex.split(line)
            if "--peers" not in words:  # that one is tried in tests/hosts
                found.append((words[1:], printed))
    return found


def test_the_page(machine: Machine) -> None:
    """Every command prints what the page says."""
    program = re.search(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert program is not None
    (machine.work_dir / "prog.py").write_text(program[1])
    (machine.work_dir / "data").mkdir()
    (machine.work_dir / "data" / "one.csv").write_text("0123456789")
    commands = shown()
    assert 3 == len(commands)
    for words, printed in commands:
        result = machine.run(*words)
        assert 0 == result.code, result
        assert VARIES.sub("", printed) == VARIES.sub("", result.out)


def test_ship_to_nobody(machine: Machine) -> None:
    """Without other machines there is nothing to ship to; without a program, nothing to ship."""
    (machine.work_dir / "prog.py").write_text("")
    for words in (("prog.py",), ("-H", "localhost", "prog.py")):
        result = machine.run("ship", *words)
        assert (2, "distrcomp: ship to whom?") == (result.code, result.err[:24])
    result = machine.run("ship")
    assert (2, "distrcomp: ship what?") == (result.code, result.err[:21])
    assert 2 == machine.run("ship", "--dry-run").code
    (machine.work_dir / "other.py").write_text("x = 1\n")
    several = machine.run("ship", "--dry-run", "prog.py", ":", "other.py")
    assert "2 files, 6 bytes:\n  other.py  6 bytes  the program\n" in several.out, several
