"""The command line of several programs, read and not run."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from launcher.cli.program_needs import read_program
from launcher.cli.programs import PROGRAMS, split_programs
from launcher.cli.request import request_of
from launcher.cli.run import run
from launcher.errors import BadUsage
from launcher.run.request import Request


def asked(*words: str) -> Request:
    """What `distrcomp run WORDS` asks for."""
    context = run.make_context("run", list(words))
    options = dict(context.params)
    program = options.pop("program")
    said = read_program(program, options)
    return request_of(program, options, said, context.meta.get(PROGRAMS, ()))


def test_words_are_split_at_colons() -> None:
    """A colon by itself only; one behind backslashes loses one of them."""
    assert [["a", ":b", ":", "\\:"], ["c"], []] == split_programs(
        ["a", ":b", "\\:", "\\\\:", ":", "c", ":"]
    )


def test_each_program_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Number, variables, folder and words; what is for all reaches all."""
    monkeypatch.chdir(tmp_path)
    words = "-n 1 --recv-timeout 5 -x A=1 a.py -n 9 : -n 2 -x B=2 --wdir w -m mod x : -n 3 sh -c y"
    request = asked(*words.split())
    programs = [part.program for part in request.parts]
    assert (6, [1, 2, 3]) == (request.n_node, [part.n_node for part in request.parts])
    assert [("a.py", "-n", "9"), ("-m", "mod", "x"), ("sh", "-c", "y")] == [
        each.arguments for each in programs
    ]
    assert [True, True, False] == [each.is_python for each in programs]
    assert ["", "w", ""] == [each.wdir for each in programs]
    names = [[setting.name for setting in each.environment] for each in programs]
    timeout = "DISTRCOMP_RECV_TIMEOUT"
    assert [["A", timeout], ["B", timeout], [timeout]] == names


def test_what_is_for_the_run_stands_first() -> None:
    """An option of the run behind a colon says where it belongs; an unknown one is just that."""
    with pytest.raises(click.UsageError, match="--timeout is for the whole run"):
        asked("-n", "1", "a.py", ":", "-n", "1", "--timeout", "3", "b.py")
    with pytest.raises(click.NoSuchOption, match="--never"):
        asked("-n", "1", "a.py", ":", "-n", "1", "--never", "b.py")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-n 1 a.py : b.py", "b.py has none"),
        ("a.py : -n 1 b.py", "a.py has none"),
        ("-n 1 a.py :", "which program?"),
        ("-n 1 a.py : -n auto b.py", "b.py has none"),
        ("-n 1 --engine mpi a.py : -n 1 b.py", "runs one program"),
        ("-n 1 a.py : -n 1 --wdir ../x b.py", "--wdir"),
    ],
)
def test_mistakes(words: str, said: str) -> None:
    """Each is one sentence."""
    with pytest.raises(BadUsage, match=said):
        asked(*words.split())


def test_variables_of_options_are_the_first_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """DISTRCOMP_RUN_WDIR says where the first program starts, not the others."""
    monkeypatch.setenv("DISTRCOMP_RUN_WDIR", "w")
    context = run.make_context(
        "run", ["-n", "1", "sh", ":", "-n", "1", "sh"], auto_envvar_prefix="DISTRCOMP_RUN"
    )
    assert ("w", "") == (context.params["wdir"], context.meta[PROGRAMS][0]["wdir"])
