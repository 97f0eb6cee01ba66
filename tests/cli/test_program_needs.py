"""What the options of `distrcomp run` ask an environment to hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launcher.cli.program_needs import ProgramFile, need_of, read_program
from launcher.environment.need import Need
from launcher.errors import BadUsage

NOTHING: dict[str, Any] = {"with": (), "requirements": (), "engine": "own"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, where the program lies."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(*words: str, module: str | None = None, code: str | None = None) -> ProgramFile:
    """What is run by these words."""
    return read_program(words, {"module": module, "code": code})


def write(folder: Path, dependencies: str, requires: str = "") -> Path:
    """A program that names these."""
    lines = [f"# dependencies = [{dependencies}]", f'# requires-python = "{requires}"']
    path = folder / "prog.py"
    path.write_text("\n".join(["# /// script", *lines, "# ///", ""]))
    return path


def test_most_programs_ask_for_none(tmp_path: Path) -> None:
    """Neither a program without metadata or that is not there, nor code, nor a foreign module."""
    (tmp_path / "prog.py").write_text("print()\n")
    for each in (read("prog.py"), read(code="1"), read("none.py"), read(module="json")):
        assert need_of([each], NOTHING) is None


def test_distrcomp_itself_is_there_anyway(tmp_path: Path) -> None:
    """A program that names nothing else asks for no environment."""
    write(tmp_path, '"distrcomp"')
    assert need_of([read("prog.py")], NOTHING) is None


def test_all_three_ways(tmp_path: Path) -> None:
    """The program, the file and the package go to uv together."""
    program = write(tmp_path, '"six"', ">=3.11")
    (tmp_path / "needs.txt").touch()
    options = {**NOTHING, "with": (" rich>=13 ",), "requirements": (Path("needs.txt"),)}
    expected = Need((program,), (tmp_path / "needs.txt",), ("rich>=13",), ">=3.11", tmp_path)
    assert expected == need_of([read("prog.py")], options)
    assert expected == need_of([read(module="prog")], options)
    as_argument = read("-v", "none.py", "prog.py", module="mpi4py.futures")
    assert expected == need_of([as_argument], options)


def test_python_alone(tmp_path: Path) -> None:
    """A program that requires a Python and no package asks for an environment without any."""
    write(tmp_path, "", ">=3.11")
    need = need_of([read("prog.py")], NOTHING)
    assert need is not None
    assert (True, ">=3.11") == (need.is_empty, need.requires_python)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"with": ("--index-url=http://x/",)}, "--with takes a package, like 'rich>=13'"),
        ({"with": ("a\n--pre",)}, "--with takes a package"),
        ({"with": (" ",)}, "--with takes a package"),
        ({"requirements": (Path("none.txt"),)}, "--requirements none.txt: there is no such file"),
        ({"engine": "mpi", "with": ("a",)}, "--engine mpi runs in the environment that is there"),
    ],
)
def test_what_is_no_package(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    """Options can't be smuggled to uv, and what is missing is named."""
    with pytest.raises(BadUsage, match=why):
        need_of([read(code="1")], {**NOTHING, **changes})
