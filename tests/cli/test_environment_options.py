"""What the options of `distrcomp run` ask an environment to hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launcher.cli.environment_options import need_of
from launcher.environment.need import Need
from launcher.errors import BadUsage
from launcher.ship.bundle import Wanted

NOTHING: dict[str, Any] = {"with": (), "requirements": (), "engine": "own"}


def wanted(
    folder: Path, program: str | None = None, module: str | None = None, *arguments: str
) -> Wanted:
    """A run of that program or module."""
    return Wanted(program and Path(program), module, (), (), folder, arguments=arguments)


def write(folder: Path, dependencies: str, requires: str = "") -> Path:
    """A program that names these."""
    lines = [f"# dependencies = [{dependencies}]", f'# requires-python = "{requires}"']
    path = folder / "prog.py"
    path.write_text("\n".join(["# /// script", *lines, "# ///", ""]))
    return path


def test_most_programs_ask_for_none(tmp_path: Path) -> None:
    """Neither a program without metadata, nor code, nor a module that is not here."""
    (tmp_path / "prog.py").write_text("print()\n")
    for each in (wanted(tmp_path, "prog.py"), wanted(tmp_path), wanted(tmp_path, module="json")):
        assert need_of([each], NOTHING) is None


def test_distrcomp_itself_is_there_anyway(tmp_path: Path) -> None:
    """A program that names nothing else asks for no environment."""
    write(tmp_path, '"distrcomp"')
    assert need_of([wanted(tmp_path, "prog.py")], NOTHING) is None


def test_all_three_ways(tmp_path: Path) -> None:
    """The program, the file and the package go to uv together."""
    program = write(tmp_path, '"six"', ">=3.11")
    (tmp_path / "needs.txt").touch()
    options = {**NOTHING, "with": (" rich>=13 ",), "requirements": (Path("needs.txt"),)}
    expected = Need((program,), (tmp_path / "needs.txt",), ("rich>=13",), ">=3.11", tmp_path)
    assert expected == need_of([wanted(tmp_path, "prog.py")], options)
    assert expected == need_of([wanted(tmp_path, module="prog")], options)
    as_argument = wanted(tmp_path, None, "mpi4py.futures", "-v", "none.py", "prog.py")
    assert expected == need_of([as_argument], options)


def test_python_alone(tmp_path: Path) -> None:
    """A program that requires a Python and no package asks for an environment without any."""
    write(tmp_path, "", ">=3.11")
    need = need_of([wanted(tmp_path, "prog.py")], NOTHING)
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
        need_of([wanted(tmp_path)], {**NOTHING, **changes})
