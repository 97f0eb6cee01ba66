"""What a command line will want is guessed rightly, and by the words that the command knows."""

from __future__ import annotations

import click
import pytest

from launcher import foresight
from launcher.cli.run import run
from launcher.foresight import wants_server


@pytest.mark.parametrize(
    "line",
    [
        "run prog.py",
        "run -n 4 prog.py --peers all.txt",
        "run -n4 -q --mpi4py ./prog.py",
        "run --output=raw --timeout 3 prog.py",
        "run --report r.html -m package.module",
        "run -c pass",
        "run -- prog.py",
        "run -n 4 python prog.py",
        "run -x NAME=1 /usr/bin/python3.11 prog.py",
    ],
)
def test_wanted(line: str) -> None:
    """A Python program on this machine."""
    assert wants_server(line.split())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "agent",
        "ship prog.py",
        "run",
        "run --cold prog.py",
        "run -H a,b prog.py",
        "run --with six prog.py",
        "run --requirements needs.txt prog.py",
        "run --include data.py -- sh all.sh",
        "run -x A=x.py sh all.sh",
        "run -n 4 ./a.out prog.py",
        "run --wdir",
    ],
)
def test_not_wanted(line: str) -> None:
    """A command, other machines, an interpreter that is not ours."""
    assert not wants_server(line.split())


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of these options say the same."""
    monkeypatch.setenv("DISTRCOMP_PEERS", "peers.txt")
    assert not wants_server(["run", "prog.py"])


def test_words_are_those_of_the_command() -> None:
    """Each option is known here as what it is there: with or without a value."""
    options = [each for each in run.params if isinstance(each, click.Option)]
    names = {name for each in options for name in each.opts}
    flags = {name for each in options if each.is_flag for name in each.opts}
    short = {name for name in names - flags if not name.startswith("--")}
    assert foresight.NOT_HERE - {"-h", "--help"} <= names
    assert flags - foresight.NOT_HERE == foresight.FLAGS
    assert short - foresight.NOT_HERE == {*foresight.SHORT, *foresight.PYTHON}
    not_here = {each.name for each in options if set(each.opts) & foresight.NOT_HERE}
    assert not_here - {"version"} == {name.lower() for name in foresight.VARIABLES}
